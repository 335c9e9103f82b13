#include "pve/schema/firewall_formats.hpp"

#include "pve/schema/addresses.hpp"
#include "pve/schema/pattern.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/core.h>
#include <vector>

namespace steward::pve::schema {

namespace {

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

}  // namespace

bool is_firewall_alias(std::string_view text) { return matches("((dc|guest)/)?[A-Za-z][A-Za-z0-9_-]+", text); }

std::string firewall_address_problem(std::string_view text) {
    if (is_firewall_alias(text) || matches(R"(\+((dc|guest|sdn)/)?[A-Za-z0-9][A-Za-z0-9_.-]+)", text)) return {};
    const auto all = elements(text);
    if (all.empty()) return std::string(extraneous_commas);
    for (const std::string_view one : all)
        if (!is_network_or_range(one)) return fmt::format("invalid IP address: {}", one);
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
    if (matches(R"(\d{1,3}(/\d{1,3})?|any|[a-z][a-z-]*)", text)) return {};
    return fmt::format("unknown icmp-type '{}'", text);
}

std::string firewall_helper_problem(std::string_view text) {
    constexpr std::string_view known[] = {"amanda", "ftp", "irc", "netbios-ns", "pptp", "sane", "sip", "snmp", "tftp"};
    if (std::find(std::begin(known), std::end(known), text) != std::end(known)) return {};
    return fmt::format("unknown conntrack helper '{}'", text);
}

}  // namespace steward::pve::schema
