#pragma once
#include "net/http.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <functional>
#include <memory>
#include <string>

namespace steward::net {

/// What the handler answers; it may also ask for wire behaviour that only a simulator needs.
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

class server_options {
  public:
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;  ///< 0 lets the kernel choose: see https_server::port
    std::string certificate_pem;
    std::string private_key_pem;
    duration idle_limit = std::chrono::seconds(5);
    int requests_per_connection = 100;
    std::size_t max_body = 512U << 10U;
};

using server_handler = std::function<boost::asio::awaitable<server_reply>(http_request)>;

/// A small TLS server for the simulator (and later the REST API). Plain HTTP on its port is answered with a redirect.
class https_server {
  public:
    /// Binds; errc::io says which address is taken.
    [[nodiscard]] static result<std::unique_ptr<https_server>> listen(boost::asio::any_io_executor executor,
                                                                      time_source& time, server_options options,
                                                                      server_handler handler);
    virtual ~https_server() = default;
    [[nodiscard]] virtual std::uint16_t port() const = 0;
    /// Accepts until cancelled.
    [[nodiscard]] virtual boost::asio::awaitable<void> serve() = 0;
};

/// A fresh key and certificate for `names` and `addresses`, signed by `ca` (or self-signed when its key is empty).
class certificate {
  public:
    std::string certificate_pem;
    std::string private_key_pem;
    std::string fingerprint_sha256;  ///< "AB:CD:…"
};
[[nodiscard]] result<certificate> make_certificate(std::string common_name, std::vector<std::string> alternative_names,
                                                   const certificate& ca);

}  // namespace steward::net
