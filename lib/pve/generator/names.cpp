#include "pve/generator/names.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace steward::pve::generator {

namespace {

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Words of C++20 and names that the standard library defines as macros.
constexpr std::array reserved{
    "alignas",     "alignof",   "and",        "and_eq",    "asm",      "auto",         "bitand",
    "bitor",       "bool",      "break",      "case",      "catch",    "char",         "char8_t",
    "char16_t",    "char32_t",  "class",      "compl",     "concept",  "const",        "consteval",
    "constexpr",   "constinit", "const_cast", "continue",  "co_await", "co_return",    "co_yield",
    "decltype",    "default",   "delete",     "do",        "double",   "dynamic_cast", "else",
    "enum",        "explicit",  "export",     "extern",    "false",    "float",        "for",
    "friend",      "goto",      "if",         "inline",    "int",      "long",         "mutable",
    "namespace",   "new",       "noexcept",   "not",       "not_eq",   "nullptr",      "operator",
    "or",          "or_eq",     "private",    "protected", "public",   "register",     "reinterpret_cast",
    "requires",    "return",    "short",      "signed",    "sizeof",   "static",       "static_assert",
    "static_cast", "struct",    "switch",     "template",  "this",     "thread_local", "throw",
    "true",        "try",       "typedef",    "typeid",    "typename", "union",        "unsigned",
    "using",       "virtual",   "void",       "volatile",  "wchar_t",  "while",        "xor",
    "xor_eq",      "stdin",     "stdout",     "stderr",    "errno",    "unix",         "linux",
    "major",       "minor"};

std::vector<std::string_view> split(std::string_view path) {
    std::vector<std::string_view> parts;
    for (std::size_t at = 0; at < path.size();) {
        const std::size_t end = std::min(path.find('/', at), path.size());
        if (end > at) parts.push_back(path.substr(at, end - at));
        at = end + 1;
    }
    return parts;
}

}  // namespace

std::string words(std::string_view wire) {
    std::string out;
    char before = '\0';
    for (const char c : wire) {
        const bool is_word = is_lower(c) || is_upper(c) || is_digit(c);
        const bool begins = (is_upper(c) && is_lower(before)) || !is_word;
        if (begins && !out.empty() && out.back() != '_') out += '_';
        if (is_word) out += is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
        before = c;
    }
    while (!out.empty() && out.back() == '_') out.pop_back();
    return out;
}

std::string identifier(std::string_view wire) {
    std::string out = words(wire);
    if (out.empty()) return "empty";
    if (is_digit(out.front())) out.insert(out.begin(), 'n');
    if (std::find(reserved.begin(), reserved.end(), out) != reserved.end()) out += '_';
    return out;
}

bool is_parameter(std::string_view segment) { return segment.size() > 2 && segment.front() == '{'; }

std::string place_name(std::string_view relative) {
    const auto parts = split(relative);
    std::size_t last_fixed = parts.size();
    while (last_fixed > 0 && is_parameter(parts[last_fixed - 1])) --last_fixed;
    std::string out;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (is_parameter(parts[i]) && i < last_fixed) continue;
        if (!out.empty()) out += '_';
        out += is_parameter(parts[i]) ? "item" : words(parts[i]);
    }
    return out;
}

}  // namespace steward::pve::generator
