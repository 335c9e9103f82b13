#pragma once
#include <string>
#include <string_view>

namespace steward {

/// 40 lower-case hex digits: PVE's `digest` of a guest configuration is the SHA-1 of the file's bytes (pve-facts F.4).
[[nodiscard]] std::string sha1_hex(std::string_view bytes);

}  // namespace steward
