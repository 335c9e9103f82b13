#pragma once
#include "net/http_client.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace steward::pve {

/// The way to each of several servers, without a thought about which is good: sockets in production, a script in
/// virtual time in tests. What PVE wants to be told, and by whom, is https_transport's.
class http_exchange {
  public:
    virtual ~http_exchange() = default;
    [[nodiscard]] virtual std::size_t size() const = 0;
    /// "192.0.2.11:8006"
    [[nodiscard]] virtual const std::string& label(std::size_t endpoint) const = 0;
    /// Errors as in net::http_client::send; not_delivered when no connection stands at `connect_by`.
    [[nodiscard]] virtual boost::asio::awaitable<result<net::http_response>> send(std::size_t endpoint,
                                                                                  net::http_request request,
                                                                                  time_point connect_by,
                                                                                  time_point deadline) = 0;
    /// Errors as in net::http_client::stream.
    [[nodiscard]] virtual boost::asio::awaitable<result<net::http_response>> stream(std::size_t endpoint,
                                                                                    net::streamed_request request,
                                                                                    time_point connect_by) = 0;
};

[[nodiscard]] std::unique_ptr<http_exchange> make_socket_exchange(boost::asio::any_io_executor executor,
                                                                  time_source& time, net::resolver& names,
                                                                  std::vector<net::http_endpoint> endpoints,
                                                                  net::http_client_options options);

}  // namespace steward::pve
