#include "config/text_values.hpp"

#include "base/pattern.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <fmt/core.h>
#include <numeric>

namespace steward::config {
namespace {

fault not_a(std::string_view text, std::string_view kind, std::string_view hint) {
    return fault(errc::invalid, "", fmt::format("\"{}\" is not {} ({})", text, kind, hint));
}

bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool is_ipv6(const std::string& text) {
    in6_addr ignored{};
    return ::inet_pton(AF_INET6, text.c_str(), &ignored) == 1;
}

bool is_ipv4(const std::string& text) {
    in_addr ignored{};
    return ::inet_pton(AF_INET, text.c_str(), &ignored) == 1;
}

/// Labels of letters, digits, '-' and '_'. All digits and dots is an IPv4 address or a typing error, never a name.
bool is_host(const std::string& text) {
    if (text.empty() || text.size() > 253) return false;
    if (text.find_first_not_of("0123456789.") == std::string::npos) return is_ipv4(text);
    std::size_t label = 0;
    for (std::size_t i = 0; i <= text.size(); ++i) {
        if (i < text.size() && text[i] != '.') {
            if (!is_word(text[i]) || (label == 0 && text[i] == '-')) return false;
            ++label;
            continue;
        }
        const bool final_dot = i == text.size() && label == 0;
        if ((label == 0 && !final_dot) || label > 63) return false;
        label = 0;
    }
    return true;
}

struct split_authority {
    std::string host;
    std::optional<std::uint16_t> port;
};

/// "host", "host:port", "[v6]:port"; nothing when it is malformed. `why` then names the part.
std::optional<split_authority> split(std::string_view text, std::string& why) {
    split_authority parts;
    std::string_view rest;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos) return why = "] is missing", std::nullopt;
        parts.host = text.substr(1, end - 1);
        rest = text.substr(end + 1);
        if (!is_ipv6(parts.host)) return why = "inside [] stands an IPv6 address", std::nullopt;
    } else {
        const auto colon = text.find(':');
        if (colon != text.rfind(':')) return why = "write an IPv6 address in brackets: [2001:db8::1]:443", std::nullopt;
        parts.host = text.substr(0, colon);
        rest = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
        if (!is_host(parts.host)) return why = "the host is neither a name nor an address", std::nullopt;
    }
    if (rest.empty()) return parts;
    const auto port = rest.starts_with(':') ? parse_whole_number(rest.substr(1)) : std::nullopt;
    if (!port || *port < 1 || *port > 65535) return why = "the port is a number from 1 to 65535", std::nullopt;
    parts.port = static_cast<std::uint16_t>(*port);
    return parts;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
        }
    }
    return row[b.size()];
}

bool is_printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 127; });
}

}  // namespace

result<endpoint> parse_endpoint(std::string_view text) {
    constexpr std::string_view kind = "an API endpoint";
    constexpr std::string_view scheme = "https://";
    if (!text.starts_with(scheme)) return not_a(text, kind, "try https://192.0.2.11:8006");
    std::string_view rest = text.substr(scheme.size());
    if (rest.ends_with('/')) rest.remove_suffix(1);
    if (rest.find_first_of("/?#@") != std::string_view::npos)
        return not_a(text, kind, "only host and port: https://192.0.2.11:8006");
    std::string why;
    const auto parts = split(rest, why);
    if (!parts) return not_a(text, kind, why);
    endpoint e;
    e.host = parts->host;
    e.port = parts->port.value_or(e.port);
    return e;
}

result<endpoint> parse_host_port(std::string_view text) {
    constexpr std::string_view kind = "HOST:PORT";
    std::string why;
    const auto parts = split(text, why);
    if (!parts) return not_a(text, kind, why);
    if (!parts->port) return not_a(text, kind, "the port is missing, try 192.0.2.31:5432");
    endpoint e;
    e.host = parts->host;
    e.port = *parts->port;
    return e;
}

result<std::string> parse_host(std::string_view text) {
    const std::string host(text);
    if (is_ipv6(host) || is_host(host)) return host;
    return not_a(text, "an address or a host name", "try 192.0.2.31, without a port");
}

result<check> parse_http_url(std::string_view text) {
    constexpr std::string_view kind = "a URL";
    check c;
    c.kind = check_kind::http;
    c.tls = text.starts_with("https://");
    if (!c.tls && !text.starts_with("http://")) return not_a(text, kind, "try http://192.0.2.31:8080/health");
    const std::string_view rest = text.substr(c.tls ? 8 : 7);
    const auto path = rest.find_first_of("/?#");
    const std::string_view authority = rest.substr(0, path);
    if (authority.find('@') != std::string_view::npos) return not_a(text, kind, "a user in it is not supported");
    if (rest.find('#') != std::string_view::npos) return not_a(text, kind, "a #fragment is never sent");
    if (!is_printable(rest)) return not_a(text, kind, "write blanks and other characters as %20");
    std::string why;
    const auto parts = split(authority, why);
    if (!parts) return not_a(text, kind, why);
    c.host = parts->host;
    c.port = parts->port.value_or(c.tls ? std::uint16_t{443} : std::uint16_t{80});
    if (path != std::string_view::npos) c.path = rest.substr(path);
    if (!c.path.starts_with('/')) c.path.insert(0, "/");
    return c;
}

result<endpoint> parse_dns_server(std::string_view text) {
    endpoint e;
    if (is_ipv6(std::string(text))) {
        e.host = text;
        e.port = 53;
        return e;
    }
    std::string why;
    const auto parts = split(text, why);
    if (!parts) return not_a(text, "a DNS server", why);
    e.host = parts->host;
    e.port = parts->port.value_or(53);
    return e;
}

result<check> parse_check_target(check_kind kind, std::string_view text) {
    if (kind == check_kind::http) return parse_http_url(text);
    check c;
    c.kind = kind;
    if (kind == check_kind::icmp) {
        auto host = parse_host(text);
        if (!host) return host.error();
        c.host = std::move(*host);
        return c;
    }
    auto target = kind == check_kind::dns ? parse_dns_server(text) : parse_host_port(text);
    if (!target) return target.error();
    c.host = std::move(target->host);
    c.port = target->port;
    return c;
}

result<std::string> undo_escapes(std::string_view text) {
    const auto digit = [](char c) {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    };
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            out += text[i];
            continue;
        }
        const char what = ++i < text.size() ? text[i] : ' ';
        if (what == 'x' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
            out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
            i += 2;
            continue;
        }
        constexpr std::string_view names = "rnt0\\";
        constexpr std::string_view bytes("\r\n\t\0\\", 5);
        const auto at = names.find(what);
        if (at == std::string_view::npos)
            return not_a(text.substr(i - 1, 4), "an escape", R"(there are \r \n \t \0 \\ \xHH)");
        out += bytes[at];
    }
    return out;
}

result<expectation> parse_expectation(std::string_view text) {
    expectation e;
    e.is_regex = text.size() > 2 && text.starts_with('/') && text.ends_with('/');
    e.text = e.is_regex ? text.substr(1, text.size() - 2) : text;
    if (!e.is_regex) return e;
    const auto compiled = pattern::compile(e.text);
    if (!compiled) return compiled.error();
    return e;
}

result<std::vector<std::pair<int, int>>> parse_status_ranges(std::string_view text) {
    constexpr std::string_view kind = "a list of HTTP status codes";
    constexpr std::string_view hint = "try 200-299,401; codes are 100 to 599";
    std::vector<std::pair<int, int>> ranges;
    std::string_view rest = text;
    for (;;) {
        const auto comma = rest.find(',');
        std::string_view part = rest.substr(0, comma);
        while (part.starts_with(' ')) part.remove_prefix(1);
        while (part.ends_with(' ')) part.remove_suffix(1);
        const auto dash = part.find('-');
        const auto low = parse_whole_number(part.substr(0, dash));
        const auto high = dash == std::string_view::npos ? low : parse_whole_number(part.substr(dash + 1));
        if (!low || !high || *low < 100 || *high > 599 || *low > *high) return not_a(text, kind, hint);
        ranges.emplace_back(*low, *high);
        if (comma == std::string_view::npos) return ranges;
        rest.remove_prefix(comma + 1);
    }
}

result<std::string> parse_fingerprint(std::string_view text) {
    std::string out;
    bool good = text.size() == 32 * 3 - 1;
    for (std::size_t i = 0; good && i < text.size(); ++i) {
        const char c = text[i] >= 'a' && text[i] <= 'f' ? static_cast<char>(text[i] - 'a' + 'A') : text[i];
        good = i % 3 == 2 ? c == ':' : (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
        out += c;
    }
    if (!good) return not_a(text, "a SHA-256 fingerprint", "32 bytes AB:CD:…, as the node's certificate page shows it");
    return out;
}

std::optional<int> parse_whole_number(std::string_view text) {
    if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
    if (text.size() > 1 && text.front() == '0') return std::nullopt;
    int number = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (ec != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::string nearest(std::string_view text, std::span<const std::string_view> candidates) {
    // A third of the letters wrong is still a slip; the whole word as a beginning ("token" for "token_file") is as
    // well.
    std::size_t best = std::max<std::size_t>(1, text.size() / 3) + 1;
    std::string found;
    if (text.size() > 64) return found;
    for (const std::string_view candidate : candidates) {
        const bool begins = text.size() >= 3 && candidate.starts_with(text);
        const std::size_t distance = begins ? 1 : edit_distance(text, candidate);
        if (distance >= best) continue;
        best = distance;
        found = candidate;
    }
    return found;
}

}  // namespace steward::config
