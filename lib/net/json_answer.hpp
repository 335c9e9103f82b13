#pragma once
#include <string>
#include <string_view>

namespace steward::net {

/// Why the value at `pointer` (RFC 6901) of a JSON text is not `equals`; empty when it is. Strings are compared as they
/// are, numbers by value, true, false and null by name.
[[nodiscard]] std::string json_mismatch(std::string_view body, const std::string& pointer, const std::string& equals);

}  // namespace steward::net
