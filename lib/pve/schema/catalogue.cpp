#include "pve/schema/catalogue.hpp"

#include <algorithm>
#include <functional>

namespace steward::pve::schema {

class catalogue::node {
  public:
    std::map<std::string, std::unique_ptr<node>, std::less<>> words;         ///< fixed segments
    std::map<std::string, std::unique_ptr<node>, std::less<>> placeholders;  ///< "node" for {node}
    std::vector<const method*> calls;
    bool takes_rest = false;  ///< a placeholder whose value may hold slashes
};

namespace {

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::string decoded(std::string_view text) {
    std::string to;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const bool is_coded = text[at] == '%' && at + 2 < text.size();
        const int high = is_coded ? hex_digit(text[at + 1]) : -1;
        const int low = is_coded ? hex_digit(text[at + 2]) : -1;
        if (high >= 0 && low >= 0) {
            to += static_cast<char>(high * 16 + low);
            at += 2;
        } else {
            to += text[at];
        }
    }
    return to;
}

std::vector<std::string> segments(std::string_view path) {
    std::vector<std::string> all;
    const std::string text = decoded(path);
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('/', at), text.size());
        if (end > at) all.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return all;
}

bool is_placeholder(std::string_view segment) {
    return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

bool takes_the_rest(std::string_view path) {
    return path.ends_with("/content/{volume}") || path.ends_with("/ipset/{name}/{cidr}");
}

int rank(std::string_view verb) {
    constexpr std::string_view order[] = {"GET", "POST", "PUT", "DELETE"};
    return static_cast<int>(std::find(std::begin(order), std::end(order), verb) - std::begin(order));
}

}  // namespace

catalogue::catalogue(std::vector<method> methods) : methods_(std::move(methods)), root_(std::make_unique<node>()) {
    for (const method& one : methods_) add(one);
}
catalogue::catalogue(catalogue&&) noexcept = default;
catalogue& catalogue::operator=(catalogue&&) noexcept = default;
catalogue::~catalogue() = default;

void catalogue::add(const method& one) {
    node* at = root_.get();
    for (const std::string& segment : segments(one.path)) {
        const bool is_named = is_placeholder(segment);
        auto& children = is_named ? at->placeholders : at->words;
        auto& child = children[is_named ? segment.substr(1, segment.size() - 2) : segment];
        if (!child) child = std::make_unique<node>();
        at = child.get();
    }
    at->takes_rest = takes_the_rest(one.path);
    at->calls.push_back(&one);
    std::stable_sort(at->calls.begin(), at->calls.end(),
                     [](const method* a, const method* b) { return rank(a->verb) < rank(b->verb); });
}

namespace {

/// Walks down every way that fits; ways with fixed words come first.
template <class Node>
class walker {
  public:
    explicit walker(std::vector<std::string> path) : path_(std::move(path)) {}

    /// Calls `seen` with each node that the whole path leads to, until it returns true.
    bool walk(const Node& from, const std::function<bool(const Node&, const parameters&)>& seen, std::size_t at = 0) {
        if (at == path_.size()) return seen(from, given_);
        const std::string& segment = path_[at];
        if (const auto word = from.words.find(segment); word != from.words.end())
            if (walk(*word->second, seen, at + 1)) return true;
        for (const auto& [name, child] : from.placeholders) {
            // "{node}" itself stands for any value, but only for the placeholder of that name.
            if (is_placeholder(segment) && segment.substr(1, segment.size() - 2) != name) continue;
            if (walk_into(name, *child, seen, at)) return true;
        }
        return false;
    }

  private:
    bool walk_into(const std::string& name, const Node& child,
                   const std::function<bool(const Node&, const parameters&)>& seen, std::size_t at) {
        std::string value = path_[at];
        std::size_t next = at + 1;
        given_.emplace_back(name, value);
        bool is_done = walk(child, seen, next);
        if (!is_done && child.takes_rest && next < path_.size()) {
            for (; next < path_.size(); ++next) value += "/" + path_[next];
            given_.back().second = value;
            is_done = walk(child, seen, next);
        }
        given_.pop_back();
        return is_done;
    }

    std::vector<std::string> path_;
    parameters given_;
};

}  // namespace

std::optional<matched_call> catalogue::find(std::string_view verb, std::string_view path, version connected) const {
    std::optional<matched_call> best;
    walker<node> ways(segments(path));
    ways.walk(*root_, [&](const node& at, const parameters& given) {
        for (const method* one : at.calls) {
            if (one->verb != verb) continue;
            const bool is_there = connected.is_known() ? one->when.contains(connected) : !one->when.until.is_known();
            if (best && !is_there) continue;
            best.emplace();
            best->what = one;
            best->path = given;
            if (is_there) return true;
        }
        return false;
    });
    return best;
}

std::vector<const method*> catalogue::verbs_at(std::string_view path) const {
    std::vector<const method*> found;
    walker<node> ways(segments(path));
    ways.walk(*root_, [&](const node& at, const parameters&) {
        found.insert(found.end(), at.calls.begin(), at.calls.end());
        return !at.calls.empty();
    });
    return found;
}

std::vector<std::string> catalogue::children_of(std::string_view path) const {
    std::vector<std::string> names;
    walker<node> ways(segments(path));
    ways.walk(*root_, [&](const node& at, const parameters&) {
        for (const auto& [name, child] : at.words) names.push_back(name);
        for (const auto& [name, child] : at.placeholders) names.push_back("{" + name + "}");
        return false;
    });
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

}  // namespace steward::pve::schema
