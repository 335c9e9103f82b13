#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace steward {

/// Valid UTF-8 of at most `most` bytes, whatever came in: each byte that belongs to no character becomes U+FFFD, and
/// what is too long ends with "…" between two characters.
[[nodiscard]] std::string valid_utf8(std::string_view text, std::size_t most);

/// For a terminal or a log: valid_utf8 in one line, without control characters (a name from PVE may hold escape
/// sequences). Line ends become spaces, the others "?".
[[nodiscard]] std::string one_line(std::string_view text, std::size_t most);

}  // namespace steward
