#pragma once
#include "base/ids.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Texts of `key=value` lines: what guard and daemon say to each other, and what stands in a node's lease.
namespace steward {

/// Calls `take(key, value)` for each line; false from it ends it. Tells what is wrong; nothing when all were taken.
[[nodiscard]] std::optional<std::string> for_each_line(
    std::string_view text, const std::function<bool(std::string_view, std::string_view)>& take);

/// "ct/101,vm/103".
[[nodiscard]] std::string join_guests(const std::vector<guest_id>& guests);
/// Nothing when one of them is no guest.
[[nodiscard]] std::optional<std::vector<guest_id>> split_guests(std::string_view text);

/// The whole text as a number.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text);
/// The highest of those names that are numbers; 0 when none is: how epochs are counted.
[[nodiscard]] std::uint64_t highest_number(const std::vector<std::string>& names);

}  // namespace steward
