#pragma once
#include <string_view>

/// Internet addresses as PVE takes them.
namespace steward::pve::schema {

[[nodiscard]] bool is_ipv4(std::string_view text);
[[nodiscard]] bool is_ipv6(std::string_view text);
[[nodiscard]] inline bool is_ip(std::string_view text) { return is_ipv4(text) || is_ipv6(text); }

/// "10.0.0.0/8" with at least that many bits of prefix; host bits may be set.
[[nodiscard]] bool is_cidr4(std::string_view text, int shortest = 8);
[[nodiscard]] bool is_cidr6(std::string_view text, int shortest = 8);

[[nodiscard]] bool is_dns_name(std::string_view text);
/// "name", "10.0.0.1", "[fe80::1]", each with an optional ":port"; a bare IPv6 address.
[[nodiscard]] bool is_host_and_port(std::string_view text);

}  // namespace steward::pve::schema
