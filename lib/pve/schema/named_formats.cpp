#include "pve/schema/named_formats.hpp"

#include "pve/schema/facts_text.hpp"

#include <fmt/core.h>
#include <functional>
#include <map>
#include <stdexcept>

namespace steward::pve::schema {

extern const std::string_view named_formats_text;  // written by embed.cmake

namespace {

using formats = std::map<std::string, std::vector<value>, std::less<>>;

/// Reads the keys through parse_method, as those of the only parameter of a call.
std::vector<value> read_keys(std::string_view name, std::string_view lines) {
    std::string call = "POST x\n  y string\n";
    for (std::size_t at = 0; at < lines.size();) {
        const std::size_t end = lines.find('\n', at);
        call += fmt::format("  {}\n", lines.substr(at, end - at));
        at = end + 1;
    }
    auto read = parse_method("/", call);
    // Part of the program, and a test reads all of it.
    if (!read) throw std::logic_error(fmt::format("named format {}: {}", name, read.error().text()));
    return std::move(read->parameters.front().members);
}

formats read_all(std::string_view text) {
    constexpr std::string_view heading = "format ";
    formats all;
    while (text.starts_with(heading)) {
        const std::size_t end_of_name = text.find('\n');
        std::size_t end = text.find("\nformat ", end_of_name);
        end = end == std::string_view::npos ? text.size() : end + 1;
        const std::string name(text.substr(heading.size(), end_of_name - heading.size()));
        all[name] = read_keys(name, text.substr(end_of_name + 1, end - end_of_name - 1));
        text.remove_prefix(end);
    }
    return all;
}

const formats& every_format() {
    static const formats all = read_all(named_formats_text);
    return all;
}

}  // namespace

const std::vector<value>* find_named_format(std::string_view name) {
    const auto found = every_format().find(name);
    return found == every_format().end() ? nullptr : &found->second;
}

result<std::vector<value>> named_format(std::string_view name) {
    if (const auto* found = find_named_format(name)) return *found;
    return fault(errc::not_found, "named format", fmt::format("{} is no property string", name));
}

std::vector<std::string> named_format_names() {
    std::vector<std::string> names;
    for (const auto& [name, keys] : every_format()) names.push_back(name);
    return names;
}

const std::vector<value>* property_keys(const value& facts) {
    if (facts.is_property_string()) return &facts.members;
    if (facts.type != value_type::string || facts.format.empty()) return nullptr;
    return find_named_format(facts.format);
}

}  // namespace steward::pve::schema
