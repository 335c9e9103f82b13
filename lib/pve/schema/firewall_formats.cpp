#include "pve/schema/firewall_formats.hpp"

#include "pve/schema/addresses.hpp"
#include "pve/schema/pattern.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/core.h>
#include <vector>

namespace steward::pve::schema {

namespace {

constexpr std::size_t longest_name = 64;  // of a set or an alias, any "dc/" included
constexpr std::string_view extraneous_commas = "extraneous commas in list";

/// Elements between commas; empty when one of them is.
std::vector<std::string_view> elements(std::string_view text) {
    std::vector<std::string_view> all;
    while (true) {
        const std::size_t comma = text.find(',');
        all.push_back(text.substr(0, comma));
        if (all.back().empty()) return {};
        if (comma == std::string_view::npos) return all;
        text.remove_prefix(comma + 1);
    }
}

bool is_number(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_port(std::string_view text) {
    unsigned port = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), port);
    return ec == std::errc() && end == text.data() + text.size() && port <= 65535;
}

bool is_network(std::string_view text) { return is_ip(text) || is_cidr4(text, 0) || is_cidr6(text, 0); }

bool is_network_or_range(std::string_view text) {
    const std::size_t dash = text.find('-');
    if (dash == std::string_view::npos) return is_network(text);
    const std::string_view first = text.substr(0, dash);
    const std::string_view last = text.substr(dash + 1);
    return (is_ipv4(first) && is_ipv4(last)) || (is_ipv6(first) && is_ipv6(last));
}

std::string port_range_problem(std::string_view first, std::string_view last) {
    for (const std::string_view port : {first, last})
        if (!is_port(port)) return fmt::format("invalid port '{}'", port);
    unsigned low = 0;
    unsigned high = 0;
    std::from_chars(first.data(), first.data() + first.size(), low);
    std::from_chars(last.data(), last.data() + last.size(), high);
    if (low <= high) return {};
    return fmt::format("backwards range '{0}:{1}' not allowed, did you mean '{1}:{0}'?", first, last);
}

constexpr std::string_view icmp_types[] = {"any",
                                           "echo-reply",
                                           "destination-unreachable",
                                           "network-unreachable",
                                           "host-unreachable",
                                           "protocol-unreachable",
                                           "port-unreachable",
                                           "fragmentation-needed",
                                           "source-route-failed",
                                           "network-unknown",
                                           "host-unknown",
                                           "network-prohibited",
                                           "host-prohibited",
                                           "TOS-network-unreachable",
                                           "TOS-host-unreachable",
                                           "communication-prohibited",
                                           "host-precedence-violation",
                                           "precedence-cutoff",
                                           "source-quench",
                                           "redirect",
                                           "network-redirect",
                                           "host-redirect",
                                           "TOS-network-redirect",
                                           "TOS-host-redirect",
                                           "echo-request",
                                           "router-advertisement",
                                           "router-solicitation",
                                           "time-exceeded",
                                           "ttl-zero-during-transit",
                                           "ttl-zero-during-reassembly",
                                           "parameter-problem",
                                           "ip-header-bad",
                                           "required-option-missing",
                                           "timestamp-request",
                                           "timestamp-reply",
                                           "address-mask-request",
                                           "address-mask-reply"};

constexpr std::string_view icmpv6_types[] = {"destination-unreachable",
                                             "no-route",
                                             "communication-prohibited",
                                             "beyond-scope",
                                             "address-unreachable",
                                             "port-unreachable",
                                             "failed-policy",
                                             "reject-route",
                                             "packet-too-big",
                                             "time-exceeded",
                                             "ttl-zero-during-transit",
                                             "ttl-zero-during-reassembly",
                                             "parameter-problem",
                                             "bad-header",
                                             "unknown-header-type",
                                             "unknown-option",
                                             "echo-request",
                                             "echo-reply",
                                             "router-solicitation",
                                             "router-advertisement",
                                             "neighbor-solicitation",
                                             "neighbour-solicitation",
                                             "neighbor-advertisement",
                                             "neighbour-advertisement",
                                             "redirect"};

}  // namespace

bool is_icmp_type(std::string_view text) {
    return std::find(std::begin(icmp_types), std::end(icmp_types), text) != std::end(icmp_types);
}

bool is_icmpv6_type(std::string_view text) {
    return std::find(std::begin(icmpv6_types), std::end(icmpv6_types), text) != std::end(icmpv6_types);
}

bool is_firewall_alias(std::string_view text) { return matches("((dc|guest)/)?[A-Za-z][A-Za-z0-9_-]+", text); }

std::string firewall_address_problem(std::string_view text) {
    if (matches(R"(\+((dc|guest|sdn)/)?[A-Za-z0-9][A-Za-z0-9_.-]+)", text))
        return text.size() > longest_name + 1 ? "ipset name too long" : "";
    if (is_firewall_alias(text)) return text.size() > longest_name ? "alias name too long" : "";
    const auto all = elements(text);
    if (all.empty()) return std::string(extraneous_commas);
    const auto is_v6 = [](std::string_view one) { return one.find(':') != std::string_view::npos; };
    for (const std::string_view one : all) {
        if (!is_network_or_range(one)) return fmt::format("invalid IP address: {}", one);
        if (is_v6(one) != is_v6(all.front()))
            return fmt::format("detected mixed ipv4/ipv6 addresses in address list '{}'", text);
    }
    if (all.size() > 1 && text.find('-') != std::string_view::npos) return "you can't use a range in a list";
    return {};
}

std::string firewall_port_problem(std::string_view text) {
    const auto all = elements(text);
    if (all.empty()) return std::string(extraneous_commas);
    std::size_t numbers = 0;
    for (const std::string_view one : all) {
        const std::size_t colon = one.find(':');
        const bool is_range = colon != std::string_view::npos;
        numbers += is_range ? 2 : 1;
        if (is_range && is_number(one.substr(0, colon)) && is_number(one.substr(colon + 1))) {
            std::string why = port_range_problem(one.substr(0, colon), one.substr(colon + 1));
            if (!why.empty()) return why;
        } else if (is_number(one) ? !is_port(one) : !matches("[A-Za-z][A-Za-z0-9/_.+-]*|any", one)) {
            return fmt::format("invalid port '{}'", one);
        }
    }
    return numbers > 15 ? "too many entries in port list (> 15 numbers)" : "";
}

std::string firewall_protocol_problem(std::string_view text) {
    if (matches(R"(\d{1,3}|[A-Za-z][A-Za-z0-9_.+-]*)", text)) return {};
    return fmt::format("unknown protocol '{}'", text);
}

std::string firewall_icmp_problem(std::string_view text) {
    if (is_icmp_type(text) || is_icmpv6_type(text) || text.empty()) return {};
    return fmt::format("invalid icmp-type value '{}'", text);
}

std::string firewall_helper_problem(std::string_view text) {
    constexpr std::string_view known[] = {"amanda", "ftp", "irc", "netbios-ns", "pptp", "sane", "sip", "snmp", "tftp"};
    if (text.empty()) return {};
    const auto all = elements(text);
    if (all.empty()) return std::string(extraneous_commas);
    for (const std::string_view one : all)
        if (std::find(std::begin(known), std::end(known), one) == std::end(known))
            return fmt::format("unknown helper {}", one);
    return {};
}

}  // namespace steward::pve::schema
