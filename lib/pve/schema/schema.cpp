#include "pve/schema/schema.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/core.h>

namespace steward::pve::schema {

namespace {

/// Reads a number at the front of `text` and removes it.
std::optional<int> take_number(std::string_view& text) {
    int number = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (ec != std::errc() || number < 0) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

/// The index in "net3" for "net". "net03" is not what PVE would write, so it names nothing.
std::optional<unsigned> index_in(std::string_view given, std::string_view stem) {
    if (given.size() <= stem.size() || !given.starts_with(stem)) return std::nullopt;
    given.remove_prefix(stem.size());
    if (given.size() > 1 && given.front() == '0') return std::nullopt;
    unsigned index = 0;
    const auto [end, ec] = std::from_chars(given.data(), given.data() + given.size(), index);
    if (ec != std::errc() || end != given.data() + given.size()) return std::nullopt;
    return index;
}

}  // namespace

result<version> parse_version(std::string_view text) {
    const fault bad(errc::invalid, "PVE version", fmt::format("\"{}\" is not like 8.4", text));
    std::string_view rest = text;
    const auto major = take_number(rest);
    if (!major || *major == 0) return bad;
    if (rest.empty()) return version(*major, 0);
    if (rest.front() != '.') return bad;
    rest.remove_prefix(1);
    const auto minor = take_number(rest);
    if (!minor) return bad;
    return version(*major, *minor);
}

std::string to_string(version v) { return fmt::format("{}.{}", v.major, v.minor); }

bool versions::contains(version v) const {
    if (!v.is_known()) return true;
    return (!since.is_known() || since <= v) && (!until.is_known() || v <= until);
}

std::string to_string(const versions& when) {
    if (when.since.is_known() && when.until.is_known())
        return fmt::format("{} to {}", to_string(when.since), to_string(when.until));
    if (when.since.is_known()) return "since " + to_string(when.since);
    if (when.until.is_known()) return "until " + to_string(when.until);
    return {};
}

const char* name_of(value_type type) {
    switch (type) {
        case value_type::string: return "string";
        case value_type::integer: return "integer";
        case value_type::number: return "number";
        case value_type::boolean: return "boolean";
        case value_type::array: return "array";
        case value_type::object: return "object";
        case value_type::null: return "null";
        case value_type::any: break;
    }
    return "any";
}

std::vector<const value*> find_values(const std::vector<value>& of, std::string_view name, version v, unsigned* index) {
    std::vector<const value*> found;
    // A plain name wins: "numa" (boolean) and "numa[n]" stand side by side (sdk.md §2.4).
    for (const value& candidate : of)
        if (!candidate.is_indexed && candidate.name == name && candidate.when.contains(v)) found.push_back(&candidate);
    if (!found.empty()) return found;
    for (const value& candidate : of) {
        if (!candidate.is_indexed || !candidate.when.contains(v)) continue;
        const auto at = index_in(name, candidate.name);
        if (!at) continue;
        if (index) *index = *at;
        found.push_back(&candidate);
    }
    return found;
}

std::vector<std::string> path_parameters(std::string_view path) {
    std::vector<std::string> names;
    for (std::size_t open = path.find('{'); open != std::string_view::npos; open = path.find('{', open)) {
        const std::size_t close = path.find('}', open);
        if (close == std::string_view::npos) break;
        names.emplace_back(path.substr(open + 1, close - open - 1));
        open = close;
    }
    return names;
}

}  // namespace steward::pve::schema
