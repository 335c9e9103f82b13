#pragma once
#include "net/http.hpp"
#include "net/resolver.hpp"
#include "runtime/byte_stream.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <functional>

namespace steward::net {

/// Limits of one client.
class http_client_options {
  public:
    duration connect_limit = std::chrono::seconds(3);  ///< TCP and TLS together
    duration idle_limit = std::chrono::seconds(4);     ///< PVE drops idle connections after 5 s: we are first
    int requests_per_connection = 90;                  ///< PVE closes after 100
    std::size_t max_body = 8U << 20U;
    std::size_t max_connections = 4;  ///< at once; further calls wait for a free one
};

/// A request whose bodies are too long to be held. Source and sink outlive the call.
class streamed_request {
  public:
    explicit streamed_request(http_request h) : head(std::move(h)) {}
    http_request head;                             ///< its own body is not sent
    byte_source* body = nullptr;                   ///< sent with its exact length
    byte_sink* answer = nullptr;                   ///< gets the body of a 2xx answer; any other comes in the response
    std::uint64_t most = 0;                        ///< bytes that `answer` gets at most: garbage above
    duration patience = std::chrono::seconds(60);  ///< without one byte moving
    std::function<void(std::uint64_t moved)> moving;  ///< called as bytes of either body move; may be empty
};

/// Kept-alive connections to one server. A caller never sees that the server closed an idle one: a request that
/// failed on a *reused* connection before a single response byte came is sent once more on a fresh one if its method
/// is GET, or if not one byte of it was written.
///
/// Errors: not_delivered (DNS, connect; also a deadline that passes before the request was written),
/// untrusted (TLS: nothing was sent), outcome_unknown (written, no complete answer — also at the deadline),
/// garbage (an answer that is not HTTP, or longer than max_body).
class http_client {
  public:
    http_client(boost::asio::any_io_executor executor, time_source& time, resolver& names, http_endpoint where,
                http_client_options options);
    ~http_client();
    http_client(const http_client&) = delete;
    http_client& operator=(const http_client&) = delete;

    /// Any HTTP status is a value. Cancelling the caller closes the connection and leaves with operation_aborted.
    /// A new connection must stand at `connect_by`.
    [[nodiscard]] boost::asio::awaitable<result<http_response>> send(http_request request, time_point deadline,
                                                                     time_point connect_by = time_point::max());
    /// Sent once, on a connection of its own; a request that is not_delivered has read nothing from its source. Errors
    /// as for `send`, outcome_unknown also when nothing moves for too long; what source and sink say comes as it is.
    [[nodiscard]] boost::asio::awaitable<result<http_response>> stream(streamed_request request, time_point connect_by);
    /// Closes idle connections now (reload, shutdown).
    void close_idle();

  private:
    struct state;
    std::shared_ptr<state> state_;
};

}  // namespace steward::net
