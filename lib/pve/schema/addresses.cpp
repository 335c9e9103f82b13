#include "pve/schema/addresses.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

namespace steward::pve::schema {

namespace {

bool is_address(int family, std::string_view text) {
    std::array<char, INET6_ADDRSTRLEN> terminated{};
    std::array<unsigned char, 16> binary{};
    if (text.empty() || text.size() >= terminated.size()) return false;
    if (text.find('\0') != std::string_view::npos) return false;
    std::memcpy(terminated.data(), text.data(), text.size());
    return inet_pton(family, terminated.data(), binary.data()) == 1;
}

/// Digits only, without a sign.
std::optional<int> number_in(std::string_view text) {
    if (text.empty() || text.size() > 6) return std::nullopt;
    if (text.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
    int number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

bool has_prefix(std::string_view text, int shortest, int longest, bool (*is_network)(std::string_view)) {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos || !is_network(text.substr(0, slash))) return false;
    const auto bits = number_in(text.substr(slash + 1));
    return bits && *bits >= shortest && *bits <= longest;
}

bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

}  // namespace

bool is_ipv4(std::string_view text) { return is_address(AF_INET, text); }
bool is_ipv6(std::string_view text) { return is_address(AF_INET6, text); }
bool is_cidr4(std::string_view text, int shortest) { return has_prefix(text, shortest, 32, is_ipv4); }
bool is_cidr6(std::string_view text, int shortest) { return has_prefix(text, shortest, 128, is_ipv6); }

bool is_dns_name(std::string_view text) {
    while (true) {
        const std::size_t dot = text.find('.');
        const std::string_view label = text.substr(0, dot);
        if (label.empty() || !is_alphanumeric(label.front()) || !is_alphanumeric(label.back())) return false;
        if (!std::all_of(label.begin(), label.end(), [](char c) { return c == '-' || is_alphanumeric(c); }))
            return false;
        if (dot == std::string_view::npos) return true;
        text.remove_prefix(dot + 1);
    }
}

bool is_host_and_port(std::string_view text) {
    if (is_ipv6(text)) return true;
    std::string_view port;
    if (text.starts_with('[')) {
        const std::size_t close = text.find(']');
        if (close == std::string_view::npos || !is_ip(text.substr(1, close - 1))) return false;
        port = text.substr(close + 1);
    } else {
        const std::size_t colon = text.find(':');
        const std::string_view host = text.substr(0, colon);
        if (!is_ipv4(host) && !is_dns_name(host)) return false;
        if (colon != std::string_view::npos) port = text.substr(colon);
    }
    if (port.empty()) return true;
    const auto number = port.front() == ':' ? number_in(port.substr(1)) : std::nullopt;
    return number && *number > 0 && *number <= 65535;
}

}  // namespace steward::pve::schema
