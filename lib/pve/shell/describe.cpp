#include "pve/shell/describe.hpp"

#include "pve/shell/permission_words.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::pve::shell {

namespace {

using schema::value;
using schema::value_type;

/// Longer ones tell nobody anything.
constexpr std::size_t widest_pattern = 64;

std::string joined(const std::vector<std::string>& words, std::string_view separator) {
    std::string out;
    for (const std::string& w : words) out += (out.empty() ? std::string() : std::string(separator)) + w;
    return out;
}

std::string bounds_of(const value& v) {
    if (!v.minimum && !v.maximum) return {};
    return fmt::format("{}…{}", v.minimum ? fmt::format("{:.15g}", *v.minimum) : "",
                       v.maximum ? fmt::format("{:.15g}", *v.maximum) : "");
}

std::string length_of(const value& v) {
    if (v.min_length && v.max_length) return fmt::format("{}…{} characters", *v.min_length, *v.max_length);
    if (v.min_length) return fmt::format("at least {} characters", *v.min_length);
    return v.max_length ? fmt::format("at most {} characters", *v.max_length) : std::string();
}

std::string type_of(const value& v) {
    if (!v.choices.empty()) return joined(v.choices, "|");
    if (v.is_property_string()) return "KEY=VALUE,…";
    if (v.type == value_type::array && !v.members.empty()) return "list of " + type_of(v.members.front());
    return schema::name_of(v.type);
}

std::string facts_of(const value& v) {
    std::vector<std::string> parts;
    parts.push_back(type_of(v));
    if (std::string bounds = bounds_of(v); !bounds.empty()) parts.push_back(std::move(bounds));
    if (std::string length = length_of(v); !length.empty()) parts.push_back(std::move(length));
    if (!v.format.empty()) parts.push_back(v.format);
    if (!v.pattern.empty() && v.pattern.size() <= widest_pattern) parts.push_back("/" + v.pattern + "/");
    if (v.default_text) parts.push_back("default " + *v.default_text);
    if (!v.required_with.empty()) parts.push_back("needs " + joined(v.required_with, ", "));
    if (!v.only_for.empty()) parts.push_back(fmt::format("where {} is {}", v.type_property, joined(v.only_for, ", ")));
    if (std::string when = to_string(v.when); !when.empty()) parts.push_back(std::move(when));
    return joined(parts, "; ");
}

void add_members(const std::vector<value>& members, std::size_t depth, std::string& out);

void add_member(const value& v, std::size_t depth, std::string& out) {
    const std::string name = (v.name.empty() ? "(each)" : v.name) + (v.is_indexed ? "[n]" : "");
    const std::string is_needed = v.is_optional ? "" : "*";
    out += fmt::format("{}{:<24} {}\n", std::string(depth * 2, ' '), name + is_needed, facts_of(v));
    const bool is_simple_list = v.type == value_type::array && !v.members.empty() && v.members.front().members.empty();
    if (!is_simple_list) add_members(v.members, depth + 1, out);
}

void add_members(const std::vector<value>& members, std::size_t depth, std::string& out) {
    for (const value& v : members)
        if (v.alias.empty()) add_member(v, depth, out);
}

/// The same beginning counts most, then the same letters: enough to put "lxc" before "aplinfo" for "lcx".
std::size_t likeness(std::string_view a, std::string_view b) {
    const auto [x, y] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    std::size_t score = static_cast<std::size_t>(x - a.begin()) * 4;
    for (const char c : a)
        if (b.find(c) != std::string_view::npos) ++score;
    return score;
}

}  // namespace

std::string describe(const schema::method& what) {
    std::string out = fmt::format("{} {}\n", what.verb, what.path);
    if (std::string when = to_string(what.when); !when.empty()) out += "  " + when + "\n";
    for (const schema::permission& p : what.permissions) {
        const std::string when = to_string(p.when);
        out += fmt::format("  may: {}{}\n", permission_words(p.rule), when.empty() ? "" : " (" + when + ")");
    }
    if (what.permissions.empty()) out += "  may: root@pam\n";
    if (!what.allows_token) out += "  not with an API token\n";
    if (!what.parameters.empty()) out += "\nparameters (* required)\n";
    add_members(what.parameters, 1, out);
    out += "\ngives\n";
    if (what.returns.empty()) out += "  something that PVE does not describe\n";
    for (const value& v : what.returns) {
        out += "  " + facts_of(v) + "\n";
        add_members(v.members, 2, out);
    }
    return out;
}

std::string no_such_path(const schema::catalogue& all, std::string_view path) {
    std::string known(path);
    std::string wrong;
    while (!known.empty() && all.children_of(known).empty() && all.verbs_at(known).empty()) {
        const std::size_t slash = known.rfind('/');
        wrong = known.substr(slash + 1);
        known.resize(slash);
    }
    std::vector<std::string> names = all.children_of(known);
    std::stable_sort(names.begin(), names.end(), [&](const std::string& a, const std::string& b) {
        return likeness(wrong, a) > likeness(wrong, b);
    });
    const bool has_more = names.size() > 8;
    if (has_more) names.resize(8);
    return fmt::format("{} is no path of the API; below {} are {}{}", path, known.empty() ? "/" : known,
                       joined(names, ", "), has_more ? ", …" : "");
}

}  // namespace steward::pve::shell
