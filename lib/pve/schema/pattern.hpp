#pragma once
#include <cstddef>
#include <string>
#include <string_view>

/// Perl's patterns as they stand in the schema.
namespace steward::pve::schema {

/// Longer texts match no pattern: nothing of the API is that long, and backtracking costs time.
inline constexpr std::size_t longest_matched = 64 * 1024;

/// Whether the whole text matches. A pattern that is too complex for a text does not match it; one that cannot be
/// compiled matches everything, for then only the server can decide.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view text);

/// Whether a pattern can be compiled: all of pve.facts can (a test).
[[nodiscard]] bool is_usable_pattern(std::string_view pattern);

}  // namespace steward::pve::schema
