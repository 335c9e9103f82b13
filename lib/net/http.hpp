#pragma once
#include "base/result.hpp"
#include "base/time.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

/// HTTP as plain structs. Beast and OpenSSL live in two .cpp files of this room and nowhere else (style §7).
namespace steward::net {

using http_headers = std::vector<std::pair<std::string, std::string>>;

class http_request {
  public:
    http_request() = default;
    http_request(std::string verb, std::string path_and_query)
        : method(std::move(verb)), target(std::move(path_and_query)) {}
    std::string method;  ///< GET POST PUT DELETE; probes also send HEAD and OPTIONS
    std::string target;  ///< "/api2/json/version?x=y", already percent-encoded
    http_headers headers;
    std::string body;
    int minor_version = 1;  ///< HTTP/1.0 or HTTP/1.1, as the server read it
    /// First header of that name, compared without case; empty when missing.
    [[nodiscard]] std::string header(std::string_view name) const;
};

class http_response {
  public:
    int status = 0;
    std::string reason;  ///< PVE puts the first line of its error here (pve-facts B.3)
    http_headers headers;
    std::string body;
    /// First header of that name, compared without case; empty when missing.
    [[nodiscard]] std::string header(std::string_view name) const;
};

/// How to recognise the server. Exactly one of the three; nothing set means the system's CA store.
class tls_trust {
  public:
    std::string ca_file;                    ///< PEM; the host name or address is verified as well
    std::vector<std::string> fingerprints;  ///< SHA-256 of the leaf, "AB:CD:…", any of them; neither CA nor name matter
    bool insecure = false;                  ///< accept anything: only by explicit configuration
    std::string client_certificate;         ///< PEM: how we introduce ourselves; with client_key
    std::string client_key;
    bool ignores_expiry = false;  ///< certificates out of their time are accepted: whoever asks looks at peer_facts
};

/// One HTTPS (or http) server to talk to.
class http_endpoint {
  public:
    http_endpoint() = default;
    http_endpoint(std::string h, std::uint16_t p) : host(std::move(h)), port(p) {}
    std::string host;         ///< name, IPv4 or IPv6 address without brackets
    std::string server_name;  ///< what the certificate must carry; empty: `host`
    std::uint16_t port = 8006;
    bool tls = true;
    tls_trust trust;
};

}  // namespace steward::net
