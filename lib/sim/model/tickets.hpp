#pragma once
#include "base/time.hpp"

#include <optional>
#include <string>
#include <string_view>

/// What PVE signs and gives out to people (pve-facts A.2, A.5). `key` is the text of priv/authkey.key or pve-www.key;
/// the signatures only look like RSA's and HMAC's: who has the key can make them.
namespace steward::sim {

/// "PVE:root@pam:6B00A481::base64", as long as a real one. `bound_to` is signed without being in it.
[[nodiscard]] std::string make_ticket(std::string_view key, const std::string& data, wall_time now,
                                      const std::string& bound_to = {});

/// What the ticket says; nothing when it is none, has another signature, or is older than 7200 s or newer than 300 s
/// ahead of `now`.
[[nodiscard]] std::optional<std::string> read_ticket(std::string_view key, std::string_view ticket, wall_time now,
                                                     const std::string& bound_to = {});

/// "6B00A481:base64", bound to the user and not to one ticket.
[[nodiscard]] std::string make_csrf(std::string_view key, const std::string& userid, wall_time now);
[[nodiscard]] bool is_csrf(std::string_view key, std::string_view token, const std::string& userid, wall_time now);

/// Data of the ticket that only asks for the second factor: this, then the challenge with its ':' as %3A.
inline constexpr std::string_view challenge_mark = "!tfa!";

}  // namespace steward::sim
