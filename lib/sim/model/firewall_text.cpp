#include "sim/model/firewall_text.hpp"

#include "pve/schema/addresses.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cctype>
#include <charconv>
#include <fmt/core.h>

namespace steward::sim {

namespace schema = pve::schema;

namespace {

using ipv6_words = std::array<unsigned, 8>;

/// Compressed as PVE does it: of the runs of zeros the one whose text is longest goes, among equals the first. A run in
/// the middle has one ':' more than one at an end, so it wins over an equal one there.
std::string compressed(const ipv6_words& words) {
    std::size_t best = words.size();
    std::size_t best_length = 0;
    std::size_t best_text = 0;
    for (std::size_t first = 0; first < words.size(); ++first) {
        std::size_t length = 0;
        while (first + length < words.size() && words[first + length] == 0) ++length;
        if (length < 2) continue;
        const std::size_t text = 2 * length - 1 + (first > 0 ? 1 : 0) + (first + length < words.size() ? 1 : 0);
        if (text > best_text) {
            best = first;
            best_length = length;
            best_text = text;
        }
        first += length - 1;
    }
    std::string out;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i == best) {
            out += "::";
            i += best_length - 1;
            continue;
        }
        if (!out.empty() && out.back() != ':') out += ':';
        out += fmt::format("{:x}", words[i]);
    }
    return out;
}

std::string masked4(const std::string& address, unsigned prefix) {
    in_addr parsed{};
    if (inet_pton(AF_INET, address.c_str(), &parsed) != 1) return address;
    std::uint32_t bits = ntohl(parsed.s_addr);
    bits = prefix == 0 ? 0 : bits & (~std::uint32_t(0) << (32 - std::min(prefix, 32U)));
    return fmt::format("{}.{}.{}.{}", bits >> 24, (bits >> 16) & 255, (bits >> 8) & 255, bits & 255);
}

std::string masked6(const std::string& address, unsigned prefix) {
    in6_addr parsed{};
    if (inet_pton(AF_INET6, address.c_str(), &parsed) != 1) return address;
    ipv6_words words{};
    for (std::size_t i = 0; i < words.size(); ++i) {
        words[i] = static_cast<unsigned>(parsed.s6_addr[2 * i]) << 8 | parsed.s6_addr[2 * i + 1];
        const unsigned kept = std::min(16U, prefix > 16 * i ? prefix - static_cast<unsigned>(16 * i) : 0U);
        words[i] &= (0xffffU << (16 - kept)) & 0xffffU;
    }
    return compressed(words);
}

}  // namespace

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

std::pair<std::string_view, std::string> split_comment(std::string_view line) {
    const std::size_t hash = line.find('#');
    if (hash == std::string_view::npos) return {trimmed(line), {}};
    return {trimmed(line.substr(0, hash)), std::string(trimmed(line.substr(hash + 1)))};
}

bool is_firewall_name(std::string_view text) {
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    return text.size() > 1 && is_letter(text.front()) && std::all_of(text.begin(), text.end(), [&](char c) {
               return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_';
           });
}

bool is_address(std::string_view text) {
    return schema::is_ip(text) || schema::is_cidr4(text, 0) || schema::is_cidr6(text, 0);
}

std::string without_full_prefix(std::string_view cidr) {
    const bool is_v6 = cidr.find(':') != std::string_view::npos;
    const std::string_view full = is_v6 ? "/128" : "/32";
    if (cidr.ends_with(full)) cidr.remove_suffix(full.size());
    return std::string(cidr);
}

bool has_zero_prefix(std::string_view cidr) {
    const std::size_t slash = cidr.rfind('/');
    return slash != std::string_view::npos && slash + 1 < cidr.size() &&
           cidr.find_first_not_of('0', slash + 1) == std::string_view::npos;
}

std::optional<std::pair<std::string, std::string>> split_alias(std::string_view text) {
    std::string prefix;
    for (const std::string_view scope : {"dc", "guest"})
        if (text.starts_with(scope) && text.substr(scope.size()).starts_with('/')) {
            prefix = scope;
            text.remove_prefix(scope.size() + 1);
            break;
        }
    if (!is_firewall_name(text)) return std::nullopt;
    return std::pair(prefix, std::string(text));
}

const firewall_alias* find_alias(const firewall_names& names, const std::pair<std::string, std::string>& name) {
    const firewall_alias* found = nullptr;
    if (name.first != "dc" && names.own != nullptr) found = names.own->alias(name.second);
    if (name.first != "guest" && found == nullptr && names.cluster != nullptr)
        found = names.cluster->alias(name.second);
    return found;
}

std::string masked_cidr(std::string_view cidr) {
    const std::size_t slash = cidr.find('/');
    if (slash == std::string_view::npos || has_zero_prefix(cidr)) return std::string(cidr);
    const std::string address(cidr.substr(0, slash));
    const std::string_view length = cidr.substr(slash + 1);
    unsigned prefix = 0;
    std::from_chars(length.data(), length.data() + length.size(), prefix);
    const bool is_v6 = address.find(':') != std::string::npos;
    return without_full_prefix(
        fmt::format("{}/{}", is_v6 ? masked6(address, prefix) : masked4(address, prefix), length));
}

}  // namespace steward::sim
