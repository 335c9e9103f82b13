#pragma once
#include "base/random.hpp"
#include "pve/exchange.hpp"
#include "pve/login.hpp"
#include "pve/throttle.hpp"
#include "pve/transport.hpp"
#include "pve/wire_trace.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <string>
#include <vector>

namespace steward::pve {

class https_options {
  public:
    throttle_options limits;  ///< of each endpoint
    wire_trace trace;
};

/// PVE over HTTPS, as its nodes want to be talked to: several endpoints with health (endpoints.hpp), log-in and CSRF
/// (login.hpp), a budget for each endpoint (throttle.hpp), a trace on request.
///
/// A GET without an answer is tried on every endpoint, each with a fair part of the time left; anything else moves on
/// only while it was not delivered. What an endpoint cannot pass on to a node (595 to 599) another one may: a GET is
/// tried there as well, anything else only after a 595, which says that it never arrived (detours.hpp). A 401 is
/// answered by one new log-in and one more try (it was never carried out, pve-facts M1), never for a token; a 403 is an
/// answer. A redirect is garbage and never followed.
class https_transport final : public transport {
  public:
    /// `chance` and whatever the exchange uses outlive the transport and the calls under way.
    https_transport(time_source& time, random_source& chance, std::unique_ptr<http_exchange> way, credentials who,
                    https_options options);
    https_transport(boost::asio::any_io_executor executor, time_source& time, random_source& chance,
                    net::resolver& names, std::vector<net::http_endpoint> endpoints, credentials who,
                    https_options options);
    ~https_transport() override;

    [[nodiscard]] boost::asio::awaitable<result<reply>> send(request call, time_point deadline) override;
    [[nodiscard]] boost::asio::awaitable<result<reply>> stream(request call, streams with) override;

  private:
    struct state;
    std::shared_ptr<state> state_;
};

/// Value of a Retry-After header: seconds or an HTTP date (RFC 9110 10.2.3), at most a day; nothing when it is neither.
[[nodiscard]] std::optional<duration> parse_retry_after(std::string_view text, wall_time now);

}  // namespace steward::pve
