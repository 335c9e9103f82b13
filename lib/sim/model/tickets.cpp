#include "sim/model/tickets.hpp"

#include "base/sha1.hpp"
#include "sim/model/text.hpp"

#include <charconv>
#include <cstdint>
#include <fmt/core.h>

namespace steward::sim {
namespace {

constexpr std::size_t rsa_bytes = 256;
constexpr std::size_t hmac_digits = 43;  // SHA-256 in base64 without its padding

/// One hash, stretched: every request shows its ticket.
std::string signature(std::string_view key, const std::string& text) {
    const std::string hash = bytes_of_hex(sha1_hex(fmt::format("{}{}", key, text)));
    std::string bytes;
    bytes.reserve(rsa_bytes);
    for (std::size_t i = 0; i < rsa_bytes; ++i)
        bytes += static_cast<char>(hash[i % hash.size()] ^ (i / hash.size() * 37));
    return base64(bytes);
}

std::string csrf_signature(std::string_view key, std::string_view stamp, const std::string& userid) {
    return signature(key, fmt::format("csrf{}:{}", stamp, userid)).substr(0, hmac_digits);
}

std::string stamp_of(wall_time t) { return fmt::format("{:08X}", t.time_since_epoch().count()); }

/// PVE accepts ages from -300 s to 7200 s (pve-facts A.2).
bool is_current(std::string_view stamp, wall_time now) {
    std::int64_t seconds = 0;
    if (stamp.size() != 8 || stamp.find_first_not_of("0123456789ABCDEF") != std::string_view::npos) return false;
    std::from_chars(stamp.data(), stamp.data() + stamp.size(), seconds, 16);
    const std::int64_t age = now.time_since_epoch().count() - seconds;
    return age > -300 && age < 7200;
}

}  // namespace

std::string make_ticket(std::string_view key, const std::string& data, wall_time now, const std::string& bound_to) {
    const std::string plain = fmt::format("PVE:{}:{}", data, stamp_of(now));
    return plain + "::" + signature(key, plain + bound_to);
}

std::optional<std::string> read_ticket(std::string_view key, std::string_view ticket, wall_time now,
                                       const std::string& bound_to) {
    const std::size_t split = ticket.rfind("::");
    if (split == std::string_view::npos || !ticket.starts_with("PVE:")) return std::nullopt;
    const std::string plain(ticket.substr(0, split));
    const std::size_t stamp = plain.rfind(':');
    if (stamp < 5 || !is_current(std::string_view(plain).substr(stamp + 1), now)) return std::nullopt;
    if (ticket.substr(split + 2) != signature(key, plain + bound_to)) return std::nullopt;
    return plain.substr(4, stamp - 4);
}

std::string make_csrf(std::string_view key, const std::string& userid, wall_time now) {
    const std::string stamp = stamp_of(now);
    return stamp + ":" + csrf_signature(key, stamp, userid);
}

bool is_csrf(std::string_view key, std::string_view token, const std::string& userid, wall_time now) {
    const std::size_t colon = token.find(':');
    if (colon == std::string_view::npos || !is_current(token.substr(0, colon), now)) return false;
    return token.substr(colon + 1) == csrf_signature(key, token.substr(0, colon), userid);
}

}  // namespace steward::sim
