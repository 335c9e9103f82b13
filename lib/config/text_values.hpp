#pragma once
#include "config/settings.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

/// The small languages inside YAML scalars. Errors are `errc::invalid`; `detail` is the sentence for people.
namespace steward::config {

/// "https://pve1.example:8006", the port may be missing. No path, no user.
[[nodiscard]] result<endpoint> parse_endpoint(std::string_view text);

/// "192.0.2.31:5432", "db.example:5432", "[2001:db8::1]:22"; the port is required.
[[nodiscard]] result<endpoint> parse_host_port(std::string_view text);

/// An address or a name, without a port.
[[nodiscard]] result<std::string> parse_host(std::string_view text);

/// "http://192.0.2.31:8080/health?deep=1": fills kind, host, port, tls and path of a check.
[[nodiscard]] result<check> parse_http_url(std::string_view text);

/// "192.0.2.53", "dns.example:5353", "[2001:db8::53]:53"; the port is 53 when it is missing.
[[nodiscard]] result<endpoint> parse_dns_server(std::string_view text);

/// What a check's target is in the file's own words: fills kind, host, port, and what a URL says. Not for exec.
[[nodiscard]] result<check> parse_check_target(check_kind kind, std::string_view text);

/// `PING\r\n`, `\x00`: the bytes that are meant. Escapes: \r \n \t \0 \\ \xHH.
[[nodiscard]] result<std::string> undo_escapes(std::string_view text);

/// "/regex/", or the text itself.
[[nodiscard]] result<expectation> parse_expectation(std::string_view text);

/// "200-299,401" as inclusive ranges within 100…599.
[[nodiscard]] result<std::vector<std::pair<int, int>>> parse_status_ranges(std::string_view text);

/// 32 bytes as "AB:CD:…", in capitals.
[[nodiscard]] result<std::string> parse_fingerprint(std::string_view text);

/// Decimal digits only: no sign, no leading zero ("010" is 8 to YAML 1.1), no "1e3".
[[nodiscard]] std::optional<int> parse_whole_number(std::string_view text);

/// The candidate that was probably meant, by edit distance; "" when none is close.
[[nodiscard]] std::string nearest(std::string_view text, std::span<const std::string_view> candidates);

}  // namespace steward::config
