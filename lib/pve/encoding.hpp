#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace steward::pve {

/// Names and values of a call in the order they are sent; a name given twice is an array.
using parameters = std::vector<std::pair<std::string, std::string>>;

/// "a/b c" → "a%2Fb%20c", for one path segment or value.
[[nodiscard]] std::string percent_encode(std::string_view text);
/// "a=1&b=x%20y"
[[nodiscard]] std::string form_encode(const parameters& params);

}  // namespace steward::pve
