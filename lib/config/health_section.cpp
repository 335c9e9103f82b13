#include "config/health_section.hpp"

#include "config/text_values.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace steward::config {
namespace {

const check* find(const std::vector<check>& all, const std::string& name) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const check& c) { return c.name == name; });
    return found == all.end() ? nullptr : &*found;
}

/// Looks for a way from a check over its parents back to where it has been; visits every check once.
class circle_search {
  public:
    explicit circle_search(const std::vector<check>& all) : all_(all) {}

    /// "a, whose parent is b, whose parent is a"; empty: there is none, or it was told before.
    std::string from(const std::string& name) {
        path_.clear();
        return visit(name);
    }

  private:
    std::string visit(const std::string& name) {
        const auto been = std::find(path_.begin(), path_.end(), name);
        if (been != path_.end()) return fmt::format("{} -> {}", fmt::join(been, path_.end(), " -> "), name);
        const check* c = find(all_, name);
        if (c == nullptr || !seen_.insert(name).second) return {};
        path_.push_back(name);
        for (const std::string& parent : c->parents)
            if (std::string found = visit(parent); !found.empty()) return found;
        path_.pop_back();
        return {};
    }

    const std::vector<check>& all_;
    std::vector<std::string> path_;
    std::set<std::string> seen_;
};

/// What somebody may have meant.
std::string hint(const std::vector<check>& siblings, const std::vector<check>& gateways, const std::string& wrong) {
    std::vector<std::string_view> names;
    for (const std::vector<check>* all : {&siblings, &gateways})
        for (const check& c : *all) names.emplace_back(c.name);
    const std::string near = nearest(wrong, names);
    return near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near);
}

/// Why that name cannot be a parent; empty: it can.
std::string refuse(const parent_word& word, const std::vector<check>& siblings, const std::vector<check>& gateways) {
    const bool is_among_gateways = &siblings == &gateways;
    const bool is_sibling = find(siblings, word.name) != nullptr;
    const bool is_gateway = find(gateways, word.name) != nullptr;
    if (!is_sibling && !is_gateway)
        return fmt::format("{} is called \"{}\"{}",
                           is_among_gateways ? "no gateway" : "no check of this guest and no gateway", word.name,
                           hint(siblings, gateways, word.name));
    if (is_sibling && is_gateway && !is_among_gateways)
        return fmt::format("both a check of this guest and a gateway are called \"{}\": rename one", word.name);
    if (word.name == word.child) return fmt::format("\"{}\" cannot be its own parent", word.name);
    return {};
}

}  // namespace

void read_parents(section& s, const std::string& child, std::vector<parent_word>& into) {
    std::vector<std::string> names;
    const node* const list = s.texts("parents", [&](const std::string& name) -> result<void> {
        if (std::find(names.begin(), names.end(), name) != names.end())
            return fault(errc::invalid, "", fmt::format("\"{}\" stands there twice", name));
        names.push_back(name);
        return {};
    });
    for (std::size_t i = 0; list != nullptr && i < names.size(); ++i) {
        const bool is_item = list->kind == node_kind::sequence && i < list->values.size();
        into.emplace_back(is_item ? list->values[i].at : list->at, s.path_of("parents"), child, names[i]);
    }
}

void read_require(section& s, guest& into) {
    const node* const n = s.take("require");
    if (n == nullptr || n->kind == node_kind::refused) return;
    const auto number = parse_whole_number(n->text);
    const auto count = static_cast<int>(into.checks.size());
    if (n->kind == node_kind::scalar && n->text == "all") {
        into.required = 0;
    } else if (n->kind == node_kind::scalar && n->text == "any") {
        into.required = 1;
    } else if (n->kind != node_kind::scalar || !number || *number < 1) {
        s.complain(n->at, "require", fmt::format("\"{}\" is not all, any, or how many checks have to be up", n->text));
    } else if (*number > count) {
        s.complain(n->at, "require", fmt::format("{} checks have to be up, but there are only {}", *number, count));
    } else {
        into.required = *number;
    }
}

void adopt_parents(const std::vector<parent_word>& words, std::vector<check>& siblings,
                   const std::vector<check>& gateways, complaints& to) {
    for (const parent_word& word : words) {
        if (const std::string no = refuse(word, siblings, gateways); !no.empty()) {
            to.add(word.at, word.path, no);
            continue;
        }
        for (check& c : siblings) {
            const bool is_meant = word.child.empty() ? c.name != word.name : c.name == word.child;
            const bool has_it = std::find(c.parents.begin(), c.parents.end(), word.name) != c.parents.end();
            if (is_meant && !has_it) c.parents.push_back(word.name);
        }
    }
    circle_search circles(siblings);
    for (const parent_word& word : words)
        if (const std::string circle = circles.from(word.name); !circle.empty())
            to.add(word.at, word.path, "parents go round in a circle: " + circle);
}

}  // namespace steward::config
