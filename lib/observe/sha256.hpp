#pragma once
#include <initializer_list>
#include <string>
#include <string_view>

namespace steward {

/// 64 lower-case hex digits of the SHA-256 over the parts, one after the other.
[[nodiscard]] std::string sha256_hex(std::initializer_list<std::string_view> parts);

}  // namespace steward
