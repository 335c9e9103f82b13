#include "pve/schema/facts_text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/core.h>
#include <iterator>

namespace steward::pve::schema {

namespace {

bool needs_quotes(std::string_view text) {
    const auto is_special = [](char c) {
        return c == ' ' || c == '"' || c == '|' || c == '=' || static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
    };
    return text.empty() || std::any_of(text.begin(), text.end(), is_special);
}

void print_quoted(std::string& to, std::string_view text) {
    to += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\')
            (to += '\\') += c;
        else if (c == '\n')
            to += "\\n";
        else if (c == '\t')
            to += "\\t";
        else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
            fmt::format_to(std::back_inserter(to), "\\u{:04x}", static_cast<unsigned>(c));
        else
            to += c;
    }
    to += '"';
}

void print_text(std::string& to, std::string_view text) {
    if (needs_quotes(text))
        print_quoted(to, text);
    else
        to += text;
}

void print_attribute(std::string& to, std::string_view key, std::string_view text) {
    if (text.empty()) return;
    ((to += ' ') += key) += '=';
    print_text(to, text);
}

void print_list(std::string& to, std::string_view key, const std::vector<std::string>& texts) {
    const char* between = "";
    for (const std::string& text : texts) {
        if (*between == '\0') ((to += ' ') += key) += '=';
        to += between;
        print_text(to, text);
        between = "|";
    }
}

void print_number(std::string& to, std::string_view key, const std::optional<double>& number) {
    if (!number) return;
    ((to += ' ') += key) += '=';
    constexpr double exact = 9007199254740992.0;  // 2^53: whole numbers up to here have no exponent
    char digits[32];
    const std::to_chars_result end =
        std::nearbyint(*number) == *number && std::abs(*number) <= exact
            ? std::to_chars(std::begin(digits), std::end(digits), static_cast<long long>(*number))
            : std::to_chars(std::begin(digits), std::end(digits), *number);
    to.append(digits, end.ptr);
}

void print_versions(std::string& to, const versions& when) {
    if (when.since.is_known()) to += " since=" + to_string(when.since);
    if (when.until.is_known()) to += " until=" + to_string(when.until);
}

void print_attributes(std::string& to, const value& what) {
    if (what.type != value_type::any) (to += ' ') += name_of(what.type);
    if (what.has_members && what.members.empty()) to += " {}";
    print_number(to, "min", what.minimum);
    print_number(to, "max", what.maximum);
    if (what.min_length || what.max_length) {
        to += " len=";
        if (what.min_length) to += std::to_string(*what.min_length);
        to += "..";
        if (what.max_length) to += std::to_string(*what.max_length);
    }
    print_attribute(to, "pattern", what.pattern);
    print_attribute(to, "format", what.format);
    print_list(to, "enum", what.choices);
    print_list(to, "requires", what.required_with);
    if (what.default_text) {
        to += " default=";
        print_text(to, *what.default_text);
    }
    if (what.is_default_key) to += " default_key";
    print_attribute(to, "alias", what.alias);
    print_attribute(to, "key_alias", what.key_alias);
    print_attribute(to, "unit", what.unit);
    print_attribute(to, "renderer", what.renderer);
    print_attribute(to, "by", what.type_property);
    print_list(to, "for", what.only_for);
    if (what.index_count != 0) to += " count=" + std::to_string(what.index_count);
    if (what.is_open) to += " open";
    print_versions(to, what.when);
}

std::string label_of(const value& what, bool is_ambiguous = false) {
    std::string label;
    if (is_ambiguous || needs_quotes(what.name) || what.name.find_first_of("?[*") != std::string::npos)
        print_quoted(label, what.name);
    else
        label = what.name;
    return label;
}

void print_value(std::string& to, std::size_t depth, std::string_view name, const value& what) {
    to.append(depth * 2, ' ');
    to += name;
    if (what.is_indexed) to += "[n]";
    if (what.is_optional) to += '?';
    print_attributes(to, what);
    to += '\n';
    for (const value& member : what.members) {
        print_value(to, depth + 1, what.type == value_type::array ? "[]" : label_of(member), member);
    }
    for (const value& any : what.rest) print_value(to, depth + 1, "*", any);
}

void print_lines(std::string& to, std::size_t depth, const method& what) {
    to.append(depth * 2, ' ');
    (to += what.verb) += ' ';
    print_text(to, what.name);
    if (what.is_protected) to += " protected";
    if (what.is_proxied) to += " proxied";
    if (!what.allows_token) to += " notoken";
    if (what.accepts_more) to += " open";
    if (what.is_download) to += " download";
    print_versions(to, what.when);
    to += '\n';
    for (const permission& allowed : what.permissions) {
        to.append(depth * 2 + 2, ' ');
        (to += "perm ") += allowed.rule;
        print_versions(to, allowed.when);
        to += '\n';
    }
    for (const value& parameter : what.parameters) {
        const bool is_word_of_ours = parameter.name == "perm" || parameter.name == "returns";
        print_value(to, depth + 1, label_of(parameter, is_word_of_ours), parameter);
    }
    for (const value& answer : what.returns) print_value(to, depth + 1, "returns", answer);
}

constexpr std::string_view verbs_in_order[] = {"GET", "POST", "PUT", "DELETE"};

bool is_before(const method* a, const method* b) {
    if (a->path != b->path) return a->path < b->path;
    const auto rank = [](const method* m) {
        return std::find(std::begin(verbs_in_order), std::end(verbs_in_order), m->verb) - std::begin(verbs_in_order);
    };
    return rank(a) < rank(b);
}

}  // namespace

std::string print_facts(const std::vector<method>& methods) {
    std::vector<const method*> sorted;
    for (const method& one : methods) sorted.push_back(&one);
    std::stable_sort(sorted.begin(), sorted.end(), is_before);
    std::string text;
    std::string_view path;
    for (const method* one : sorted) {
        if (one->path != path) (text += one->path) += '\n';
        path = one->path;
        print_lines(text, 1, *one);
    }
    return text;
}

std::string print_method(const method& what) {
    std::string text;
    print_lines(text, 0, what);
    return text;
}

}  // namespace steward::pve::schema
