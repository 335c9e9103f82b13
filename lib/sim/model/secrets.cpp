#include "sim/model/secrets.hpp"

#include "base/sha1.hpp"
#include "sim/model/text.hpp"

#include <fmt/core.h>

namespace steward::sim {
namespace {

std::map<std::string, std::string> pairs_in(std::string_view text, char between) {
    std::map<std::string, std::string> found;
    for (const std::string& line : split_at(text, '\n')) {
        const auto parts = split_at(trimmed(line), between);
        if (parts.size() >= 2 && !parts[0].empty() && !parts[1].empty()) found[parts[0]] = parts[1];
    }
    return found;
}

}  // namespace

std::string password_hash(std::string_view password, std::string_view salt) {
    return fmt::format("$sha1${}${}", salt, sha1_hex(fmt::format("{}{}", salt, password)));
}

bool is_password(const std::string& hash, std::string_view password) {
    const auto parts = split_at(hash, '$');  // "", "sha1", salt, hex
    return parts.size() == 4 && password_hash(password, parts[2]) == hash;
}

std::map<std::string, std::string> parse_shadow(std::string_view text) { return pairs_in(text, ':'); }

std::string shadow_text(const std::map<std::string, std::string>& hashes) {
    std::string out;
    for (const auto& [user, hash] : hashes) out += fmt::format("{}:{}:\n", user, hash);
    return out;
}

std::map<std::string, std::string> parse_token_secrets(std::string_view text) { return pairs_in(text, ' '); }

std::string token_secrets_text(const std::map<std::string, std::string>& secrets) {
    std::string out;
    for (const auto& [id, secret] : secrets) out += fmt::format("{} {}\n", id, secret);
    return out;
}

}  // namespace steward::sim
