#include "pve/schema/formats.hpp"

#include "pve/schema/addresses.hpp"
#include "pve/schema/firewall_formats.hpp"
#include "pve/schema/named_formats.hpp"
#include "pve/schema/pattern.hpp"

#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <set>

namespace steward::pve::schema {

namespace {

/// A format that is a pattern; "{}" in the sentence is the value.
class pattern_rule {
  public:
    std::string_view name;
    std::string_view pattern;
    std::string_view sentence;
};

constexpr std::string_view email = "value does not look like a valid email address";
constexpr std::string_view bad_volume = "unable to parse volume ID '{}'";
constexpr std::string_view bad_sid = "unable to parse resource ID '{}'";

constexpr pattern_rule pattern_rules[] = {
    {"email", R"([\w+~-]+(\.[\w+~-]+)*@[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)*)", email},
    {"email-or-username", R"([\w+~-]+(\.[\w+~-]+)*(@[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)*)?)",
     "value does not look like a valid email address or user name"},
    {"ldap-simple-attr", "[a-zA-Z0-9]+", "value '{}' does not look like a simple ldap attribute name"},
    {"mac-addr", "(?i:[a-f0-9][02468ace](:[a-f0-9]{2}){5})", "value is not a valid unicast MAC address"},
    {"mac-prefix", "(?i:[a-f0-9][02468ace](:[a-f0-9]{2}){0,2}:?)", "value is not a valid unicast MAC address prefix"},
    {"disk-size", R"(\d+(\.\d+)?[KMGT]?)", "value does not look like a valid disk size: {}"},
    {"pem-certificate", R"(\s*-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----\s*)",
     "value does not look like a valid PEM-formatted certificate"},
    {"pem-certificate-chain", R"(\s*(-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----\s*)+)",
     "value does not look like a valid PEM-formatted certificate chain"},
    {"pem-string", R"(\s*-----BEGIN [^-]+-----[\s\S]+-----END [^-]+-----\s*)",
     "value does not look like a valid PEM-formatted string"},
    {"pve-bridge-id", R"([-_.\w\d]+)", "invalid bridge ID '{}'"},
    {"pve-configid", "(?i:[a-z][a-z0-9_-]+)", "invalid configuration ID '{}'"},
    {"pve-day-of-week", "mon|tue|wed|thu|fri|sat|sun", "invalid day '{}'"},
    {"pve-groupid", R"([A-Za-z0-9._-]+)", "group name '{}' contains invalid characters"},
    {"pve-ha-group-node", R"([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(:\d+)?)",
     "value does not look like a valid ha group node"},
    {"pve-ha-node", R"([a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(:\d+)?)",
     "value does not look like a valid ha group node"},
    {"pve-ha-resource-id", R"([a-z]+:\S+)", bad_sid},
    {"pve-ha-resource-or-vm-id", R"([a-z]+:\S+|\d+)", bad_sid},
    {"pve-hotplug-features", "[01]|((network|disk|cpu|memory|usb|cloudinit)[,;\\s]*)*",
     "unable to parse hotplug option"},
    {"pve-iface", R"((?i:[a-z][a-z0-9_]{1,20}([:.]\d+)?))", "invalid network interface name '{}'"},
    {"pve-lxc-dev-string", R"(/dev/(?!.*/\.\.?(/|$)).*)", "{} is not a valid device path"},
    {"pve-lxc-mp-string", R"((?!.*/\.\.?(/|$)).*)", "{} contains illegal character sequences"},
    {"pve-node", "[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?", "value does not look like a valid node name"},
    {"pve-phys-bits", "host|[89]|[1-5][0-9]|6[0-4]", "value must be an integer between 8 and 64 or 'host'"},
    {"pve-poolid", "[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){0,2}", "pool name '{}' contains invalid characters"},
    {"pve-priv", R"([A-Za-z0-9]+(\.[A-Za-z0-9]+)*)", "invalid privilege '{}'"},
    {"pve-qm-bootdisk", R"((ide|sata|scsi|virtio|efidisk|tpmstate)\d+)", "invalid boot disk '{}'"},
    {"pve-realm", "[A-Za-z][A-Za-z0-9._-]+", "value does not look like a valid realm"},
    {"pve-replication-job-id", R"([1-9][0-9]{2,8}-\d{1,9})", "invalid replication job id '{}'"},
    {"pve-roleid", "[A-Za-z0-9._-]+", "role name '{}' contains invalid characters"},
    {"pve-sdn-controller-id", "(?i:[a-z][a-z0-9_-]*[a-z0-9])", "controller ID '{}' contains illegal characters"},
    {"pve-sdn-dns-id", "(?i:[a-z][a-z0-9]*[a-z0-9])", "dns ID '{}' contains illegal characters"},
    {"pve-sdn-fabric-id", "[a-zA-Z0-9][a-zA-Z0-9-]{0,6}[a-zA-Z0-9]", "fabric ID '{}' contains illegal characters"},
    {"pve-sdn-ipam-id", "(?i:[a-z][a-z0-9]*[a-z0-9])", "ipam ID '{}' contains illegal characters"},
    {"pve-sdn-isis-net", R"([a-fA-F0-9]{2}(\.[a-fA-F0-9]{4}){3,9}\.[a-fA-F0-9]{2})",
     "value does not look like a valid isis net"},
    {"pve-sdn-vnet-id", "(?i:[a-z][a-z0-9]*[a-z0-9])", "vnet ID '{}' contains illegal characters"},
    {"pve-sdn-zone-id", "(?i:[a-z][a-z0-9]*[a-z0-9])", "zone ID '{}' contains illegal characters"},
    {"pve-startup-order", R"(((order=|up=|down=)?\d+(,+(order=|up=|down=)?\d+)*,*)?)",
     "unable to parse startup options"},
    {"pve-storage-content", "images|rootdir|vztmpl|iso|backup|snippets|import|none", "invalid content type '{}'"},
    {"pve-storage-format", "raw|qcow2|vmdk|subvol", "invalid format '{}'"},
    {"pve-storage-id", "(?i:[a-z][a-z0-9_.-]*[a-z0-9])", "storage ID '{}' contains illegal characters"},
    {"pve-storage-path", "/[^;()]+", "value does not look like a valid absolute path"},
    {"pve-storage-path-in-property-string", "/[^;(),]+", "value does not look like a valid absolute path"},
    {"pve-storage-vgname", "(?i:[a-z][a-z0-9_.-]*[a-z0-9])", "lvm volume group name '{}' contains illegal characters"},
    {"pve-tag", "(?i:[a-z0-9_][a-z0-9_+.-]*)", "invalid characters in tag"},
    {"pve-task-status-type", "ok|error|warning|unknown", "invalid status type '{}'"},
    {"pve-tokenid", R"([^\s:/]+@[A-Za-z][A-Za-z0-9._-]+![A-Za-z][A-Za-z0-9._-]+)",
     "value '{}' does not look like a valid token ID"},
    {"pve-vlan-id-or-range", R"(\d{1,4}(-\d{1,4})?)", "invalid VLAN configuration '{}'"},
    {"pve-vmid", "[1-9][0-9]{2,8}", "value does not look like a valid VM ID"},
    {"pve-volume-id", "(?i:[a-z][a-z0-9_.-]*[a-z0-9]):.+", bad_volume},
    {"pve-volume-id-or-absolute-path", "/.*|(?i:[a-z][a-z0-9_.-]*[a-z0-9]):.+", bad_volume},
    {"pve-volume-id-or-qm-path", "none|cdrom|/.*|(?i:[a-z][a-z0-9_.-]*[a-z0-9]):.+", bad_volume},
    {"urlencoded", R"([-%a-zA-Z0-9_.!~*'()]*)", "invalid urlencoded string: {}"},
};

/// A format that is a question with yes or no.
class test_rule {
  public:
    std::string_view name;
    bool (*fits)(std::string_view);
    std::string_view sentence;
};

bool is_cidr(std::string_view text) { return is_cidr4(text) || is_cidr6(text); }
bool is_full_range_cidr(std::string_view text) { return is_cidr4(text, 0) || is_cidr6(text, 0); }
bool is_ip_or_cidr(std::string_view text) { return is_ip(text) || is_full_range_cidr(text); }
bool is_ip_with_interface(std::string_view text) {
    const std::size_t percent = text.find('%');
    return percent == std::string_view::npos ? is_ip(text) : is_ipv6(text.substr(0, percent));
}
/// Ones before zeros, at least eight of them.
bool is_netmask(std::string_view text) {
    static const std::set<std::string, std::less<>> masks = [] {
        std::set<std::string, std::less<>> all;
        for (unsigned bits = 8; bits <= 32; ++bits) {
            const unsigned mask = 0xFFFFFFFFU << (32 - bits);
            all.insert(fmt::format("{}.{}.{}.{}", mask >> 24, mask >> 16 & 255, mask >> 8 & 255, mask & 255));
        }
        return all;
    }();
    return masks.count(text) != 0;
}
/// PVE's grammar of calendar events is wide; what has other letters cannot be one.
bool is_like_calendar_event(std::string_view text) { return matches(R"([A-Za-z0-9 ,.:/*~-]+)", text); }

constexpr test_rule test_rules[] = {
    {"CIDR", is_cidr, "value does not look like a valid CIDR network"},
    {"CIDRv4", [](std::string_view t) { return is_cidr4(t); }, "value does not look like a valid IPv4 network"},
    {"CIDRv6", [](std::string_view t) { return is_cidr6(t); }, "value does not look like a valid IPv6 network"},
    {"FullRangeCIDR", is_full_range_cidr, "value does not look like a valid CIDR network"},
    {"IPorCIDR", is_ip_or_cidr, "value does not look like a valid IP address or CIDR network"},
    {"IPorCIDRorAlias", [](std::string_view t) { return is_ip_or_cidr(t) || is_firewall_alias(t); },
     "value does not look like a valid IP address or CIDR network"},
    {"address", [](std::string_view t) { return is_ip(t) || is_dns_name(t); },
     "value does not look like a valid address: {}"},
    {"dns-name", is_dns_name, "value does not look like a valid DNS name"},
    {"ip", is_ip, "value does not look like a valid IP address"},
    {"ipv4", is_ipv4, "value does not look like a valid IPv4 address"},
    {"ipv4mask", is_netmask, "value does not look like a valid IPv4 netmask"},
    {"ipv6", is_ipv6, "value does not look like a valid IPv6 address"},
    {"lxc-ip-with-ll-iface", is_ip_with_interface, "value does not look like a valid IP address"},
    {"pve-acme-alias", is_dns_name, "value does not look like a valid DNS name"},
    {"pve-acme-domain", [](std::string_view t) { return is_dns_name(t.substr(t.starts_with("*.") ? 2 : 0)); },
     "value does not look like a valid DNS name"},
    {"pve-calendar-event", is_like_calendar_event, "unable to parse calendar event '{}'"},
    {"pve-ipv4-config", [](std::string_view t) { return t == "dhcp" || t == "manual" || is_cidr4(t); },
     "value does not look like a valid ipv4 network configuration"},
    {"pve-ipv6-config", [](std::string_view t) { return t == "auto" || t == "dhcp" || t == "manual" || is_cidr6(t); },
     "value does not look like a valid ipv6 network configuration"},
    {"pve-storage-portal-dns", is_host_and_port, "value does not look like a valid portal address"},
    {"pve-storage-server", [](std::string_view t) { return is_ip(t) || is_dns_name(t); },
     "value does not look like a valid server name or IP address"},
    {"string", [](std::string_view) { return true; }, ""},
};

/// A format whose refusal depends on what is wrong.
class special_rule {
  public:
    std::string_view name;
    std::string (*problem)(std::string_view);
};

std::string user_problem(std::string_view text) {
    if (text.size() < 3) return fmt::format("user name '{}' is too short", text);
    if (text.size() > 64) return fmt::format("user name '{}' is too long ({} > 64)", text, text.size());
    if (matches(R"([^\s:/]+@[A-Za-z][A-Za-z0-9._-]+)", text)) return {};
    return fmt::format("value '{}' does not look like a valid user name", text);
}

/// One element of "source:target,…": a pair, a default target, or 1 for "as it is".
std::string pair_problem(std::string_view format, std::string_view text) {
    if (text == "1") return {};
    const std::size_t colon = text.find(':');
    std::string why = format_problem(format, text.substr(0, colon));
    if (why.empty() && colon != std::string_view::npos) why = format_problem(format, text.substr(colon + 1));
    return why.empty() ? why : fmt::format("entry '{}' contains invalid ID - {}\n", text, why);
}

constexpr special_rule special_rules[] = {
    {"bridge-pair", [](std::string_view t) { return pair_problem("pve-bridge-id", t); }},
    {"pve-fw-addr-spec", firewall_address_problem},
    {"pve-fw-conntrack-helper", firewall_helper_problem},
    {"pve-fw-dport-spec", firewall_port_problem},
    {"pve-fw-icmp-type-spec", firewall_icmp_problem},
    {"pve-fw-protocol-spec", firewall_protocol_problem},
    {"pve-fw-sport-spec", firewall_port_problem},
    {"pve-userid", user_problem},
    {"storage-pair", [](std::string_view t) { return pair_problem("pve-storage-id", t); }},
};

template <class Rules>
auto* find_rule(const Rules& rules, std::string_view name) {
    const auto found = std::find_if(std::begin(rules), std::end(rules), [&](auto& r) { return r.name == name; });
    return found == std::end(rules) ? nullptr : found;
}

std::string element_problem(std::string_view format, std::string_view text) {
    if (text.size() > longest_matched) return "value is too long";
    std::string_view sentence;
    if (const auto* rule = find_rule(pattern_rules, format)) {
        if (!matches(rule->pattern, text)) sentence = rule->sentence;
    } else if (const auto* test = find_rule(test_rules, format)) {
        if (!test->fits(text)) sentence = test->sentence;
    } else if (const auto* special = find_rule(special_rules, format)) {
        return special->problem(text);
    }
    return sentence.empty() ? std::string() : fmt::format(fmt::runtime(sentence), text);
}

/// "pve-vmid-list" → "pve-vmid" and "-list".
class split_format {
  public:
    explicit split_format(std::string_view format) : base(format) {
        for (const std::string_view ending : {"-alist", "-list", "-opt"})
            if (base.ends_with(ending)) {
                suffix = ending;
                base.remove_suffix(ending.size());
                return;
            }
    }
    std::string_view base;
    std::string_view suffix;
};

std::string list_problem(std::string_view format, std::string_view text) {
    const std::string_view separators =
        text.find('\0') == std::string_view::npos ? ",; \t\r\n\f\v" : std::string_view("\0", 1);
    while (!text.empty()) {
        const std::size_t end = std::min(text.find_first_of(separators), text.size());
        if (end != 0)
            if (std::string why = element_problem(format, text.substr(0, end)); !why.empty()) return why;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return {};
}

}  // namespace

std::string format_problem(std::string_view format, std::string_view text) {
    const split_format parts(format);
    if (parts.suffix.empty()) return element_problem(format, text);
    if (parts.suffix != "-opt") return list_problem(parts.base, text);
    return text.empty() ? std::string() : element_problem(parts.base, text);
}

bool is_known_format(std::string_view format) {
    const std::string_view base = split_format(format).base;
    return find_rule(pattern_rules, base) || find_rule(test_rules, base) || find_rule(special_rules, base) ||
           find_named_format(format);
}

namespace {

void collect_unknown(const std::vector<value>& values, std::set<std::string>& into) {
    for (const value& v : values) {
        if (!v.format.empty() && !is_known_format(v.format)) into.insert(v.format);
        collect_unknown(v.members, into);
        collect_unknown(v.rest, into);
    }
}

}  // namespace

std::vector<std::string> unknown_formats(const std::vector<method>& methods) {
    std::set<std::string> found;
    for (const method& one : methods) {
        collect_unknown(one.parameters, found);
        collect_unknown(one.returns, found);
    }
    return {found.begin(), found.end()};
}

}  // namespace steward::pve::schema
