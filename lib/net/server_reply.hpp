#pragma once
#include "net/http.hpp"

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <string>

namespace steward::net {

/// What a server's handler answers; it may also ask for wire behaviour that only a simulator needs.
class server_reply {
  public:
    server_reply() = default;
    int status = 200;
    std::string reason = "OK";
    http_headers headers;  ///< Content-Length is added, unless `omit_length`
    std::string body;
    bool omit_length = false;  ///< empty 401s of PVE carry no Content-Length
    bool close_after = false;
    bool drop_connection = false;  ///< close without a byte (fault injection)
    std::string raw;               ///< when not empty, these bytes are sent instead of everything above, then close
    /// Instead of all that: these bytes, one piece after the other until an empty one; then close, in good order unless
    /// `drop_connection`. For servers that are slow, endless or worse.
    std::function<boost::asio::awaitable<std::string>()> pieces;
};

}  // namespace steward::net
