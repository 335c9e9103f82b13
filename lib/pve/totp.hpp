#pragma once
#include "base/result.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// Time-based one-time passwords: the second factor that a daemon can answer by itself.
namespace steward::pve {

/// The bytes of a base32 text (RFC 4648) as it is shown to people: small letters, blanks, '-' and a missing '=' at the
/// end are fine. errc::invalid, without the text, when it is none.
[[nodiscard]] result<std::string> decode_base32(std::string_view text);

/// What PVE and every authenticator use: HMAC-SHA-1, 30 s, 6 digits.
inline constexpr duration totp_step = std::chrono::seconds(30);

/// Number of the step that `now` is in: the counter of RFC 6238.
[[nodiscard]] std::uint64_t totp_counter(wall_time now);

/// "287082"; `key` is the decoded secret, `digits` at most 9.
[[nodiscard]] std::string totp_code(std::string_view key, std::uint64_t counter, int digits = 6);

}  // namespace steward::pve
