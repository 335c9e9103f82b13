#pragma once
#include "base/verdict.hpp"
#include "net/http.hpp"
#include "net/resolver.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace steward::net {

/// One way to look at a guest. An attempt never throws except for cancellation.
/// healthy: positive proof. unhealthy: positive proof of the contrary (refused, reset, timeout after our packets left,
/// wrong status). unknown: we could not look (name does not resolve, no local socket, no permission, our own
/// network is unreachable).
class prober {
  public:
    virtual ~prober() = default;
    [[nodiscard]] virtual boost::asio::awaitable<probe_result> run() = 0;
};

class tcp_check {
  public:
    std::string host;
    std::uint16_t port = 0;
    duration timeout = std::chrono::seconds(3);
};

class http_check {
  public:
    http_endpoint where;
    std::string path = "/";
    std::string host_header;  ///< as in the URL: "app.example:8080"
    std::vector<std::pair<int, int>> good_status = {{200, 399}};
    duration timeout = std::chrono::seconds(3);
};

class icmp_check {
  public:
    std::string host;
    address_family family = address_family::any;
    duration timeout = std::chrono::seconds(3);
};

[[nodiscard]] std::unique_ptr<prober> make_prober(tcp_check check, time_source& time, resolver& names);
[[nodiscard]] std::unique_ptr<prober> make_prober(http_check check, time_source& time, resolver& names);
/// Unprivileged datagram socket first (net.ipv4.ping_group_range), then a raw one (CAP_NET_RAW); neither: unknown.
[[nodiscard]] std::unique_ptr<prober> make_prober(icmp_check check, time_source& time, resolver& names);

}  // namespace steward::net
