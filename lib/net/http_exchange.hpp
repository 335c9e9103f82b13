#pragma once
#include "net/http.hpp"
#include "net/resolver.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <optional>
#include <string>

namespace steward::net {

class tls_setup;

/// Who answered.
class peer_facts {
  public:
    std::string address;               ///< "192.0.2.31:443"
    std::string tls_version;           ///< "TLSv1.3"; empty without TLS
    std::string subject;               ///< of its certificate: "CN=app.example"
    std::optional<wall_time> begins;   ///< the latest of its chain
    std::optional<wall_time> expires;  ///< the earliest of its chain
};

/// When the parts of one exchange were over; zero for a part that did not happen.
class exchange_times {
  public:
    duration resolve{};
    duration connect{};
    duration tls{};
    duration first_byte{};
    peer_facts peer;
};

/// One request on a fresh connection that is closed afterwards: what an HTTP probe is. Errors as in http_client; the
/// text of not_delivered is the system's ("Connection refused"). A body longer than `max_body` is cut off, not an
/// error. `setup` is that of `where`.
[[nodiscard]] boost::asio::awaitable<result<http_response>> fetch_once(time_source& time, resolver& names,
                                                                       http_endpoint where, const tls_setup& setup,
                                                                       http_request request, time_point deadline,
                                                                       std::size_t max_body, exchange_times& times);

}  // namespace steward::net
