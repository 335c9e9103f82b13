#pragma once
#include "pve/schema/schema.hpp"

#include <string>
#include <string_view>
#include <vector>

/// The property strings that API dumps only name ("pve-qm-boot"), written by hand from the documentation of 7.4 to 9.1
/// (named_formats.facts: a line "format NAME", then its keys as in facts_text.hpp).
namespace steward::pve::schema {

/// The keys of a named property string. Errors: not_found.
[[nodiscard]] result<std::vector<value>> named_format(std::string_view name);
/// The same without copying; none when `name` is not the name of a property string.
[[nodiscard]] const std::vector<value>* find_named_format(std::string_view name);
[[nodiscard]] std::vector<std::string> named_format_names();

/// The keys of a property string, declared in place or by name; none when the value is something else.
[[nodiscard]] const std::vector<value>* property_keys(const value& facts);

}  // namespace steward::pve::schema
