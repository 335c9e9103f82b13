#include "model/selector.hpp"

#include <algorithm>
#include <cctype>

namespace steward::model {
namespace {

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

std::string lower_case(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), lower);
    return text;
}

bool is_number(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

fault bad_word(std::string_view word, std::string why) {
    return fault(errc::invalid, "selector \"" + std::string(word) + "\"", std::move(why));
}

/// "@tag-web": what is behind the first dash.
result<selector_word> read_group(std::string_view word) {
    selector_word w;
    w.text = word;
    if (word == "@all") return w;
    const std::size_t dash = word.find('-');
    const std::string_view kind = word.substr(1, dash == std::string_view::npos ? dash : dash - 1);
    const std::string name(dash == std::string_view::npos ? std::string_view() : word.substr(dash + 1));
    if (name.empty()) return bad_word(word, "knows @all, @tag-NAME, @pool-NAME and @node-NAME");
    if (kind == "tag")
        w.what = selector_word::tag{lower_case(name)};
    else if (kind == "pool")
        w.what = selector_word::pool{name};
    else if (kind == "node") {
        auto node = parse_node_name(name);
        if (!node) return bad_word(word, node.error().detail);
        w.what = std::move(*node);
    } else
        return bad_word(word, "knows @all, @tag-NAME, @pool-NAME and @node-NAME");
    return w;
}

/// "101" and "100-110"
result<selector_word> read_range(std::string_view word) {
    const std::size_t dash = word.find('-');
    const auto first = parse_vmid(word.substr(0, dash));
    const auto last = parse_vmid(dash == std::string_view::npos ? word : word.substr(dash + 1));
    if (!first || !last) return bad_word(word, "is no vmid (100 to 999999999)");
    if (*last < *first) return bad_word(word, "ends before it begins");
    selector_word w;
    w.text = word;
    w.what = std::make_pair(*first, *last);
    return w;
}

result<selector_word> read_word(std::string_view word) {
    if (word.empty()) return bad_word(word, "names no guest");
    if (word.front() == '@') return read_group(word);
    const std::size_t dash = word.find('-');
    if (is_number(word.substr(0, dash)) && (dash == std::string_view::npos || is_number(word.substr(dash + 1))))
        return read_range(word);
    selector_word w;
    w.text = word;
    if (word.find('/') != std::string_view::npos) {
        const auto guest = parse_guest_id(word);
        if (!guest) return bad_word(word, guest.error().detail);
        w.what = *guest;
        return w;
    }
    w.what = selector_word::glob{std::string(word)};
    return w;
}

bool speaks_of(const selector_word& word, const guest_row& g) {
    struct visitor {
        const guest_row& g;
        bool operator()(const selector_word::everything&) const { return true; }
        bool operator()(const guest_id& id) const { return g.id == id; }
        bool operator()(const selector_word::range& r) const { return g.id.id >= r.first && g.id.id <= r.second; }
        bool operator()(const selector_word::tag& t) const {
            return std::find(g.tags.begin(), g.tags.end(), t.name) != g.tags.end();
        }
        bool operator()(const selector_word::pool& p) const { return g.pool == p.name; }
        bool operator()(const node_name& n) const { return g.node == n; }
        bool operator()(const selector_word::glob& p) const { return matches_glob(p.pattern, g.name); }
    };
    return std::visit(visitor{g}, word.what);
}

}  // namespace

bool matches_glob(std::string_view pattern, std::string_view text) {
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = std::string_view::npos;
    std::size_t resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size() && (pattern[p] == '?' || lower(pattern[p]) == lower(text[t]))) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

bool selector::selects(const guest_row& guest) const {
    bool is_chosen = std::all_of(words.begin(), words.end(), [](const auto& w) { return w.is_excluded; });
    for (const selector_word& w : words) {
        if (!speaks_of(w, guest)) continue;
        if (w.is_excluded) return false;
        is_chosen = true;
    }
    return is_chosen;
}

std::string selector::idle_word(const cluster_view& view) const {
    for (const selector_word& w : words) {
        const bool is_idle =
            std::none_of(view.guests.begin(), view.guests.end(), [&](const auto& g) { return speaks_of(w, g.second); });
        if (is_idle) return w.text;
    }
    return {};
}

result<selector> parse_selector(const std::vector<std::string>& words) {
    selector all;
    for (const std::string& given : words) {
        std::string_view rest = given;
        while (!rest.empty()) {
            const std::size_t end = std::min(rest.find_first_of(", \t"), rest.size());
            std::string_view word = rest.substr(0, end);
            rest.remove_prefix(std::min(end + 1, rest.size()));
            if (word.empty()) continue;
            const bool is_excluded = word.front() == '-';
            if (is_excluded) word.remove_prefix(1);
            auto read = read_word(word);
            if (!read) return read.error();
            read->is_excluded = is_excluded;
            all.words.push_back(std::move(*read));
        }
    }
    if (all.words.empty()) return fault(errc::invalid, "selector", "names no guest; @all means every one");
    return all;
}

}  // namespace steward::model
