#pragma once
#include "base/pattern.hpp"
#include "base/target_rules.hpp"
#include "base/verdict.hpp"
#include "net/http.hpp"
#include "net/resolver.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace steward::net {

/// One way to look at a guest. An attempt never throws except for cancellation.
/// healthy: positive proof. unhealthy: positive proof of the contrary (refused, reset, timeout after our packets left,
/// wrong status). unknown: we could not look (name does not resolve, no local socket, no permission, our own
/// network is unreachable, the target is one that probes may not have).
class prober {
  public:
    virtual ~prober() = default;
    [[nodiscard]] virtual boost::asio::awaitable<probe_result> run() = 0;
};

/// What an answer must hold.
class wanted_text {
  public:
    explicit wanted_text(std::string text);
    wanted_text(pattern regex, const std::string& source);
    /// Somewhere in it.
    [[nodiscard]] bool found_in(std::string_view text) const;
    /// The text is the whole of it, or the regular expression finds something in it.
    [[nodiscard]] bool fits(std::string_view text) const;
    /// For reasons: `"+PONG"`, `/^SSH-/`.
    [[nodiscard]] const std::string& words() const { return words_; }

  private:
    std::string text_;
    std::optional<pattern> regex_;
    std::string words_;
};

/// What all checks have besides their question.
class probe_manners {
  public:
    const target_rules* rules = nullptr;  ///< where it may go; outlives the prober. None: anywhere
    bool is_explained = false;            ///< say what was seen on the way (probe_result::details)
};

class tcp_check {
  public:
    std::string host;
    std::uint16_t port = 0;
    std::string send;
    std::optional<wanted_text> expect;
    duration timeout = std::chrono::seconds(3);
    probe_manners manners;
};

/// A header whose value stands in a file, because it is a secret.
class header_file {
  public:
    header_file(std::string header, std::string file) : name(std::move(header)), path(std::move(file)) {}
    std::string name;
    std::string path;
};

/// A value of a JSON body.
class json_wish {
  public:
    json_wish(std::string where, std::string value) : pointer(std::move(where)), equals(std::move(value)) {}
    std::string pointer;
    std::string equals;
};

class http_check {
  public:
    http_endpoint where;
    std::string method = "GET";
    std::string path = "/";
    std::string host_header;  ///< as in the URL: "app.example:8080"
    http_headers headers;     ///< a `Host` among them replaces host_header
    std::vector<header_file> secret_headers;
    std::string body;
    std::vector<std::pair<int, int>> good_status = {{200, 399}};
    std::vector<wanted_text> body_holds;
    std::optional<json_wish> json;
    bool follows_same_host = false;
    duration warns_before_expiry{};
    duration timeout = std::chrono::seconds(3);
    probe_manners manners;
};

class icmp_check {
  public:
    std::string host;
    address_family family = address_family::any;
    std::size_t size = 56;  ///< bytes of payload, at least 16
    int ttl = 64;
    int count = 1;  ///< requests spread over the timeout; one echo is enough
    duration timeout = std::chrono::seconds(3);
    probe_manners manners;
};

class dns_check {
  public:
    std::string server;
    std::uint16_t port = 53;
    std::string query;
    std::string type = "A";
    std::string rcode = "NOERROR";
    std::optional<wanted_text> answer;
    duration timeout = std::chrono::seconds(3);
    probe_manners manners;
};

[[nodiscard]] std::unique_ptr<prober> make_prober(tcp_check check, time_source& time, resolver& names);
[[nodiscard]] std::unique_ptr<prober> make_prober(http_check check, time_source& time, resolver& names);
/// Unprivileged datagram socket first (net.ipv4.ping_group_range), then a raw one (CAP_NET_RAW); neither: unknown.
[[nodiscard]] std::unique_ptr<prober> make_prober(icmp_check check, time_source& time, resolver& names);
[[nodiscard]] std::unique_ptr<prober> make_prober(dns_check check, time_source& time, resolver& names);

}  // namespace steward::net
