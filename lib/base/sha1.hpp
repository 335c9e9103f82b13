#pragma once
#include <string>
#include <string_view>

namespace steward {

/// 40 lower-case hex digits: PVE's `digest` of a guest configuration is the SHA-1 of the file's bytes (pve-facts F.4).
[[nodiscard]] std::string sha1_hex(std::string_view bytes);

/// The 20 bytes of HMAC-SHA-1 (RFC 2104).
[[nodiscard]] std::string hmac_sha1(std::string_view key, std::string_view message);

}  // namespace steward
