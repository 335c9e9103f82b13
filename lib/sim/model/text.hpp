#pragma once
#include <string>
#include <string_view>
#include <vector>

/// Small things that PVE's text formats have in common.
namespace steward::sim {

[[nodiscard]] std::string_view trimmed(std::string_view text);

/// "a:b:" → {"a", "b", ""}; never empty.
[[nodiscard]] std::vector<std::string> split_at(std::string_view text, char between);

/// "a,b;c d" → {a, b, c, d}: PVE's lists in one text.
[[nodiscard]] std::vector<std::string> split_list(std::string_view list);

/// "%41" → "A"; '+' stays as it is.
[[nodiscard]] std::string percent_decode(std::string_view text);

[[nodiscard]] std::string base64(std::string_view bytes);

/// "616263" → "abc".
[[nodiscard]] std::string bytes_of_hex(std::string_view hex);

}  // namespace steward::sim
