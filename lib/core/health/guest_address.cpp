#include "core/health/guest_address.hpp"

#include "base/target_rules.hpp"

#include <algorithm>

namespace steward::health {
namespace {

/// Of "name=eth0,ip=192.0.2.31/24"; "" when it is not there.
std::string_view part(std::string_view list, std::string_view key) {
    while (!list.empty()) {
        const auto end = std::min(list.find(','), list.size());
        const std::string_view item = list.substr(0, end);
        const auto equals = item.find('=');
        if (equals != std::string_view::npos && item.substr(0, equals) == key) return item.substr(equals + 1);
        list.remove_prefix(std::min(end + 1, list.size()));
    }
    return {};
}

bool is_v4(std::string_view text) { return text.find(':') == std::string_view::npos; }

/// Whether somebody else can reach the guest there.
bool is_reachable(std::string_view text) {
    const auto ip = parse_ip(text);
    if (!ip) return false;
    const ip_bytes& b = *ip;
    if (is_v4(text)) {
        const std::uint8_t* v4 = &b[12];
        const bool is_link_local = v4[0] == 169 && v4[1] == 254;
        return v4[0] != 0 && v4[0] != 127 && v4[0] < 224 && !is_link_local;
    }
    const bool is_low = std::all_of(b.begin(), b.begin() + 15, [](std::uint8_t x) { return x == 0; });  // :: and ::1
    const bool is_link_local = b[0] == 0xfe && (b[1] & 0xc0U) == 0x80;
    return !(is_low && b[15] <= 1) && !is_link_local && b[0] != 0xff;
}

std::optional<int> number_of(std::string_view key, std::string_view prefix) {
    if (!key.starts_with(prefix) || key.size() == prefix.size() || key.size() > prefix.size() + 2) return std::nullopt;
    int number = 0;
    for (const char c : key.substr(prefix.size())) {
        if (c < '0' || c > '9') return std::nullopt;
        number = number * 10 + (c - '0');
    }
    return number;
}

}  // namespace

std::vector<std::string> configured_addresses(guest_type type, const model::guest_config& config) {
    const std::string_view prefix = type == guest_type::ct ? "net" : "ipconfig";
    std::vector<std::pair<int, std::string_view>> lines;
    for (const auto& [key, value] : config.values)
        if (const auto number = number_of(key, prefix)) lines.emplace_back(*number, value);
    std::sort(lines.begin(), lines.end());
    std::vector<std::string> out;
    for (const char* family : {"ip", "ip6"})
        for (const auto& [number, text] : lines) {
            const std::string_view given = part(text, family);
            const std::string address(given.substr(0, given.find('/')));
            if (is_reachable(address)) out.push_back(address);
        }
    return out;
}

std::optional<std::string> usable_address(const std::vector<seen_address>& all) {
    const auto is_own = [](const std::string& name) {
        for (const char* inner : {"lo", "docker", "br-", "veth", "virbr", "cni", "flannel", "cali", "tun", "tap"})
            if (name.starts_with(inner)) return true;
        return false;
    };
    for (const bool wants_v4 : {true, false})
        for (const seen_address& a : all)
            if (!is_own(a.interface) && is_v4(a.address) == wants_v4 && is_reachable(a.address)) return a.address;
    return std::nullopt;
}

bool has_agent(const model::guest_config& config) {
    const std::string text = config.get("agent");
    const std::string_view first = std::string_view(text).substr(0, text.find(','));
    return first == "1" || part(text, "enabled") == "1";
}

}  // namespace steward::health
