#include "net/redirect.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/core.h>

namespace steward::net {
namespace {

constexpr std::size_t longest_location = 4096;

fault no_place(std::string_view location) {
    return fault(errc::invalid, "", fmt::format("\"{}\" leads nowhere", location.substr(0, 80)));
}

bool is_printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 127; });
}

/// "host", "host:port", "[v6]:port".
bool read_authority(std::string_view text, http_place& into) {
    std::string_view port;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos) return false;
        into.host = text.substr(1, end - 1);
        port = text.substr(end + 1);
        if (into.host.find_first_not_of("0123456789abcdefABCDEF:.") != std::string::npos) return false;
    } else {
        const auto colon = text.find(':');
        into.host = text.substr(0, colon);
        if (colon != std::string_view::npos) port = text.substr(colon);
        if (into.host.find('@') != std::string::npos) return false;
    }
    into.port = into.tls ? 443 : 80;
    if (into.host.empty()) return false;
    if (port.empty()) return true;
    const auto [end, ec] = std::from_chars(port.data() + 1, port.data() + port.size(), into.port);
    return port.front() == ':' && ec == std::errc() && end == port.data() + port.size() && into.port != 0;
}

}  // namespace

result<http_place> follow_location(const http_place& from, std::string_view location) {
    location = location.substr(0, location.find('#'));
    if (location.empty() || location.size() > longest_location || !is_printable(location)) return no_place(location);
    http_place to = from;
    const auto colon = location.find(':');
    const bool has_scheme = colon != std::string_view::npos && colon < location.find_first_of("/?");
    if (has_scheme) {
        std::string scheme(location.substr(0, colon));
        for (char& c : scheme) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        if (scheme != "http" && scheme != "https") return no_place(location);
        to.tls = scheme == "https";
        location.remove_prefix(colon + 1);
        if (!location.starts_with("//")) return no_place(location);
    }
    if (location.starts_with("//")) {
        location.remove_prefix(2);
        const auto end = location.find_first_of("/?");
        if (!read_authority(location.substr(0, end), to)) return no_place(location);
        to.path = end == std::string_view::npos ? "/" : std::string(location.substr(end));
        if (!to.path.starts_with('/')) to.path.insert(0, "/");
        return to;
    }
    const std::string_view old_path = std::string_view(from.path).substr(0, from.path.find('?'));
    if (location.starts_with('/'))
        to.path = location;
    else if (location.starts_with('?'))
        to.path = std::string(old_path) + std::string(location);
    else
        to.path = std::string(old_path.substr(0, old_path.rfind('/') + 1)) + std::string(location);
    return to;
}

std::string authority_of(const http_place& place) {
    std::string out = place.host.find(':') == std::string::npos ? place.host : "[" + place.host + "]";
    if (place.port != (place.tls ? 443 : 80)) out += fmt::format(":{}", place.port);
    return out;
}

}  // namespace steward::net
