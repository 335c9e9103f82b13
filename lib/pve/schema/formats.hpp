#pragma once
#include "pve/schema/schema.hpp"

#include <string>
#include <string_view>
#include <vector>

/// The named formats of strings ("pve-node", "CIDR", "pve-vmid-list") that are no property strings.
namespace steward::pve::schema {

/// What PVE says about a value that has not this format, without "invalid format - " and the end of line; empty when it
/// has. "-list" applies to each element (separated by , ; blanks, or NUL when there is one), "-opt" allows the empty
/// text. A format that is not known accepts everything: the server decides.
[[nodiscard]] std::string format_problem(std::string_view format, std::string_view text);

/// Whether there is a rule for it, or it is a named property string.
[[nodiscard]] bool is_known_format(std::string_view format);

/// The formats used by these methods for which there is none: for the coverage report.
[[nodiscard]] std::vector<std::string> unknown_formats(const std::vector<method>& methods);

}  // namespace steward::pve::schema
