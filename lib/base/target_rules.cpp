#include "base/target_rules.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <fmt/core.h>

namespace steward {
namespace {

constexpr int v4_prefix = 96;  // ::ffff:0:0/96
constexpr ip_bytes v4_mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr ip_bytes nat64{0, 0x64, 0xff, 0x9b};  // 64:ff9b::/96 (RFC 6052): a way to IPv4 addresses

bool begins_alike(const ip_bytes& one, const ip_bytes& other, int bits) {
    const auto whole = static_cast<std::size_t>(bits / 8);
    if (!std::equal(one.begin(), one.begin() + static_cast<std::ptrdiff_t>(whole), other.begin())) return false;
    if (bits % 8 == 0) return true;
    const int mask = 0xff << (8 - bits % 8) & 0xff;
    return (one.at(whole) & mask) == (other.at(whole) & mask);
}

/// What stands behind another notation of an IPv4 address.
ip_bytes plain(ip_bytes address) {
    if (begins_alike(address, nat64, v4_prefix)) std::copy_n(v4_mapped.begin(), 12, address.begin());
    return address;
}

struct special {
    std::string_view network;
    int prefix;
    std::string_view what;
};

/// The narrow ones first: the reason of the first that fits is told.
constexpr std::array specials{
    special{"169.254.169.254", 128, "the metadata service of clouds"},
    special{"fd00:ec2::254", 128, "the metadata service of clouds"},
    special{"169.254.0.0", v4_prefix + 16, "link-local"},
    special{"fe80::", 10, "link-local"},
    special{"0.0.0.0", v4_prefix + 8, "unspecified"},
    special{"::", 128, "unspecified"},
    special{"224.0.0.0", v4_prefix + 4, "multicast"},
    special{"255.255.255.255", 128, "broadcast"},
    special{"ff00::", 8, "multicast"},
};

std::string small(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (out.ends_with('.')) out.pop_back();
    return out;
}

std::optional<int> number_up_to(std::string_view text, int most) {
    int n = -1;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (ec != std::errc() || end != text.data() + text.size() || n < 0 || n > most) return std::nullopt;
    return n;
}

fault no_target(std::string_view text) {
    return fault(errc::invalid, "",
                 fmt::format("\"{}\" is neither an address, a network nor HOST:PORT (try 169.254.10.0/24, "
                             "192.0.2.11:8006)",
                             text));
}

}  // namespace

std::optional<ip_bytes> parse_ip(std::string_view text) {
    const std::string bare(text.substr(0, text.find('%')));
    ip_bytes out = v4_mapped;
    in_addr v4{};
    if (::inet_pton(AF_INET, bare.c_str(), &v4) == 1) {
        std::memcpy(out.data() + 12, &v4, sizeof v4);
        return out;
    }
    if (::inet_pton(AF_INET6, bare.c_str(), out.data()) == 1) return out;
    return std::nullopt;
}

result<void> target_rules::allow(std::string_view text) {
    permit p;
    std::string_view host = text;
    if (const auto slash = text.find('/'); slash != std::string_view::npos) {
        const auto network = parse_ip(text.substr(0, slash));
        const bool is_v4 = network && text.find(':') == std::string_view::npos;
        const auto bits = number_up_to(text.substr(slash + 1), is_v4 ? 32 : 128);
        if (!network || !bits) return no_target(text);
        p.network = *network;
        p.prefix = *bits + (is_v4 ? v4_prefix : 0);
        allowed_.push_back(std::move(p));
        return {};
    }
    const auto colon = text.rfind(':');
    const bool has_port = text.starts_with('[') ? text.find("]:") != std::string_view::npos
                                                : colon != std::string_view::npos && colon == text.find(':');
    if (has_port) {
        const auto port = number_up_to(text.substr(colon + 1), 65535);
        if (!port || *port == 0) return no_target(text);
        p.port = static_cast<std::uint16_t>(*port);
        host = text.substr(0, colon);
    }
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (const auto address = parse_ip(host)) {
        p.network = *address;
        p.prefix = 128;
    } else {
        p.name = small(host);
        constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
        const bool is_name = !p.name.empty() && p.name.find_first_not_of(letters) == std::string::npos &&
                             p.name.find_first_not_of("0123456789.") != std::string::npos;
        if (!is_name) return no_target(text);
    }
    allowed_.push_back(std::move(p));
    return {};
}

void target_rules::add_api(std::string host, std::uint16_t port) {
    server s;
    s.host = small(host);
    s.port = port;
    apis_.push_back(std::move(s));
}

bool target_rules::is_allowed(std::string_view host, const std::optional<ip_bytes>& address, std::uint16_t port) const {
    return std::any_of(allowed_.begin(), allowed_.end(), [&](const permit& p) {
        if (p.port != 0 && p.port != port) return false;
        if (!p.name.empty()) return p.name == small(host);
        return address && begins_alike(*address, p.network, p.prefix);
    });
}

std::optional<std::string> target_rules::refusal(std::string_view host, std::string_view address,
                                                 std::uint16_t port) const {
    const auto given = parse_ip(address);
    if (is_allowed(host, given, port)) return std::nullopt;
    for (const server& api : apis_) {
        if (api.port != port) continue;
        const auto of_api = parse_ip(api.host);
        if (small(host) == api.host || (given && of_api && plain(*given) == plain(*of_api)))
            return refusal_as_api(host, address, port);
    }
    if (!given) return std::nullopt;
    for (const special& s : specials) {
        if (!begins_alike(plain(*given), *parse_ip(s.network), s.prefix)) continue;
        return fmt::format("{} is {}: list it in probes.allow to probe it all the same", address, s.what);
    }
    return std::nullopt;
}

std::optional<std::string> target_rules::refusal_as_api(std::string_view host, std::string_view address,
                                                        std::uint16_t port) const {
    if (is_allowed(host, parse_ip(address), port)) return std::nullopt;
    return fmt::format(
        "{} port {} is the cluster's API, which Steward itself needs: list it in probes.allow to probe "
        "it all the same",
        address, port);
}

std::vector<std::string> target_rules::api_names(std::uint16_t port) const {
    std::vector<std::string> out;
    for (const server& api : apis_)
        if (api.port == port && !parse_ip(api.host)) out.push_back(api.host);
    return out;
}

}  // namespace steward
