#include "pve/schema/tool/changes.hpp"

#include "pve/schema/facts_text.hpp"
#include "pve/schema/tool/dump_reader.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <map>

namespace steward::pve::schema {

namespace {

/// " string format=pve-node" or " string optional".
std::string facts_of(const value& what) {
    method around;
    around.verb = "GET";
    around.name = "x";
    value bare = what;
    bare.name = "x";
    bare.is_indexed = false;
    bare.is_optional = false;
    bare.members.clear();
    bare.rest.clear();
    bare.has_members = what.has_members && what.type == value_type::object && what.members.empty();
    around.parameters = {bare};
    std::string text = print_method(around);
    text = text.substr(text.find('\n') + 4);  // behind "\n  x"
    text.pop_back();
    return what.is_optional ? text + " optional" : text;
}

std::string facts_of(const std::vector<const value*>& alternatives) {
    std::string text;
    for (const value* one : alternatives) text += (text.empty() ? "" : " or ") + facts_of(*one);
    return text;
}

class reporter {
  public:
    void compare_values(const std::string& prefix, const std::vector<value>& before, const std::vector<value>& after);
    void compare_text(std::string_view what, const std::string& before, const std::string& after);
    std::string text;

  private:
    void compare_choices(const std::string& name, value& before, value& after);
    void compare_children(const std::string& name, const value& before, const value& after);
};

void reporter::compare_text(std::string_view what, const std::string& before, const std::string& after) {
    if (before != after) text += fmt::format("    ~ {}: {} -> {}\n", what, before, after);
}

std::string not_among(const std::vector<std::string>& of, const std::vector<std::string>& others, char sign) {
    std::string text;
    for (const std::string& one : of)
        if (std::find(others.begin(), others.end(), one) == others.end()) text += fmt::format(" {}{}", sign, one);
    return text;
}

/// Says what came and went instead of two lists of a hundred words, and takes the lists away.
void reporter::compare_choices(const std::string& name, value& before, value& after) {
    if (before.choices.empty() || after.choices.empty()) return;
    const std::string changes =
        not_among(before.choices, after.choices, '-') + not_among(after.choices, before.choices, '+');
    if (!changes.empty()) text += fmt::format("    ~ {}: enum{}\n", name, changes);
    before.choices.clear();
    after.choices.clear();
}

void reporter::compare_children(const std::string& name, const value& before, const value& after) {
    if (after.type == value_type::array)
        compare_values(name + "[]", before.members, after.members);
    else
        compare_values(name + (after.is_property_string() ? "~" : "."), before.members, after.members);
    compare_values(name + ".*", before.rest, after.rest);
}

void reporter::compare_values(const std::string& prefix, const std::vector<value>& before,
                              const std::vector<value>& after) {
    using alternatives = std::vector<const value*>;
    std::map<std::string, std::pair<alternatives, alternatives>> named;
    const auto label = [&prefix](const value& one) {
        const std::string name = one.name + (one.is_indexed ? "[n]" : "");
        return prefix + name;
    };
    for (const value& one : before) named[label(one)].first.push_back(&one);
    for (const value& one : after) named[label(one)].second.push_back(&one);
    for (const auto& [name, pair] : named) {
        const bool is_single = pair.first.size() <= 1 && pair.second.size() == 1;
        value old_one = pair.first.empty() ? value() : *pair.first.front();
        value new_one = pair.second.empty() ? value() : *pair.second.front();
        const bool are_both = is_single && !pair.first.empty();
        if (are_both) compare_choices(name, old_one, new_one);
        const std::string then = are_both ? facts_of(old_one) : facts_of(pair.first);
        const std::string now = are_both ? facts_of(new_one) : facts_of(pair.second);
        if (pair.first.empty())
            text += fmt::format("    + {}{}\n", name, now);
        else if (pair.second.empty())
            text += fmt::format("    - {}{}\n", name, then);
        else if (then != now)
            text += fmt::format("    ~ {}:{} ->{}\n", name, then, now);
        if (is_single) compare_children(name, old_one, new_one);
    }
}

std::string rules_of(const method& what) {
    std::string text;
    for (const permission& one : what.permissions) text += (text.empty() ? "" : " ") + one.rule;
    return text;
}

std::string flags_of(const method& what) {
    method bare;
    bare.verb = what.verb;
    bare.name = what.name;
    bare.is_protected = what.is_protected;
    bare.is_proxied = what.is_proxied;
    bare.allows_token = what.allows_token;
    bare.accepts_more = what.accepts_more;
    bare.is_download = what.is_download;
    std::string text = print_method(bare);
    text.pop_back();
    return text;
}

std::string compare_methods(const method& before, const method& after) {
    reporter report;
    report.compare_text("path", before.path, after.path);
    report.compare_text("method", flags_of(before), flags_of(after));
    report.compare_text("permission", rules_of(before), rules_of(after));
    report.compare_values("", before.parameters, after.parameters);
    report.compare_values("returns", before.returns, after.returns);
    return std::move(report.text);
}

}  // namespace

std::string describe_changes(const std::vector<method>& before, const std::vector<method>& after) {
    std::map<std::string, std::pair<const method*, const method*>> named;
    for (const method& one : before) named[url_shape(one.path) + " " + one.verb].first = &one;
    for (const method& one : after) named[url_shape(one.path) + " " + one.verb].second = &one;
    std::string text;
    int added = 0;
    int removed = 0;
    int changed = 0;
    for (const auto& [key, pair] : named) {
        const auto& [then, now] = pair;
        if (!then || !now) {
            text += fmt::format("{} {} {}\n", then ? '-' : '+', (then ? then : now)->verb, (then ? then : now)->path);
            ++(then ? removed : added);
            continue;
        }
        const std::string differences = compare_methods(*then, *now);
        if (differences.empty()) continue;
        text += fmt::format("~ {} {}\n{}", now->verb, now->path, differences);
        ++changed;
    }
    if (!text.empty()) text += fmt::format("{} methods added, {} removed, {} changed\n", added, removed, changed);
    return text;
}

}  // namespace steward::pve::schema
