#pragma once
#include <map>
#include <string>
#include <string_view>

/// Passwords of the pve realm (priv/shadow.cfg) and secrets of tokens (priv/token.cfg).
namespace steward::sim {

/// "$sha1$salt$hex": salted, and quicker to make than what PVE keeps.
[[nodiscard]] std::string password_hash(std::string_view password, std::string_view salt);
[[nodiscard]] bool is_password(const std::string& hash, std::string_view password);

/// priv/shadow.cfg, "name:hash:": by user name without its realm.
[[nodiscard]] std::map<std::string, std::string> parse_shadow(std::string_view text);
[[nodiscard]] std::string shadow_text(const std::map<std::string, std::string>& hashes);

/// priv/token.cfg, "user@realm!token uuid".
[[nodiscard]] std::map<std::string, std::string> parse_token_secrets(std::string_view text);
[[nodiscard]] std::string token_secrets_text(const std::map<std::string, std::string>& secrets);

}  // namespace steward::sim
