#pragma once
#include "net/http.hpp"
#include "net/resolver.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstddef>

namespace steward::net {

/// When the parts of one exchange were over; zero for a part that did not happen.
class exchange_times {
  public:
    duration resolve{};
    duration connect{};
    duration tls{};
    duration first_byte{};
};

/// One request on a fresh connection that is closed afterwards: what an HTTP probe is. Errors as in http_client; the
/// text of not_delivered is the system's ("Connection refused"). A body longer than `max_body` is cut off, not an
/// error.
[[nodiscard]] boost::asio::awaitable<result<http_response>> fetch_once(time_source& time, resolver& names,
                                                                       http_endpoint where, http_request request,
                                                                       time_point deadline, std::size_t max_body,
                                                                       exchange_times& times);

}  // namespace steward::net
