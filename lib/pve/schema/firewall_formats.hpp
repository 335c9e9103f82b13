#pragma once
#include <string>
#include <string_view>

/// The formats of firewall rules. Each says what is wrong in PVE's words, or nothing.
namespace steward::pve::schema {

/// "gw", and since 8.0 "dc/gw" and "guest/gw" (pve-facts H.2).
[[nodiscard]] bool is_firewall_alias(std::string_view text);

/// An alias, a "+set", or addresses, networks and ranges with commas between.
[[nodiscard]] std::string firewall_address_problem(std::string_view text);
/// "22,80:85,https": names of services are not looked up here, which ones there are is the node's /etc/services.
[[nodiscard]] std::string firewall_port_problem(std::string_view text);
/// A number, or any name: /etc/protocols of the node decides.
[[nodiscard]] std::string firewall_protocol_problem(std::string_view text);
/// A name that PVE knows for ICMP or ICMPv6; no numbers.
[[nodiscard]] std::string firewall_icmp_problem(std::string_view text);
[[nodiscard]] bool is_icmp_type(std::string_view text);
[[nodiscard]] bool is_icmpv6_type(std::string_view text);
/// Names of conntrack helpers with commas between.
[[nodiscard]] std::string firewall_helper_problem(std::string_view text);

}  // namespace steward::pve::schema
