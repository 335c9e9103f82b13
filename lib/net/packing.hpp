#pragma once
#include <string>
#include <string_view>

namespace steward::net {

/// One gzip member (RFC 1952).
[[nodiscard]] std::string pack_gzip(std::string_view plain);
/// A zlib stream (RFC 1950): what HTTP calls "deflate".
[[nodiscard]] std::string pack_deflate(std::string_view plain);

}  // namespace steward::net
