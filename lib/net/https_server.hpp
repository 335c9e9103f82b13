#pragma once
#include "net/server_reply.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <functional>
#include <memory>
#include <string>

namespace steward::net {

class server_options {
  public:
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;  ///< 0 lets the kernel choose: see https_server::port
    std::string certificate_pem;
    std::string private_key_pem;
    duration idle_limit = std::chrono::seconds(5);
    int requests_per_connection = 100;
    std::size_t max_body = 512U << 10U;
    std::size_t most_connections = 1500;  ///< further ones are accepted and closed
    std::size_t crowded_at = 1440;        ///< from so many on nobody may keep his connection
    /// Whether the body of such a head, so long, is to be read; without it the handler gets none, answers, and the
    /// connection ends. Empty: all of up to `max_body`. Chunked bodies are never read.
    std::function<bool(const http_request& head, std::size_t announced)> wants_body;
    /// What is answered to bytes that are no request, closing; empty: the status line alone.
    std::function<server_reply(int status, const std::string& reason)> refusal;
};

class certificate {
  public:
    std::string certificate_pem;
    std::string private_key_pem;
    std::string fingerprint_sha256;  ///< "AB:CD:…"
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
    /// Presents another certificate to whoever comes from now on; `invalid` for a bad one, which changes nothing.
    [[nodiscard]] virtual result<void> use(const certificate& other) = 0;
    /// Accepts until cancelled.
    [[nodiscard]] virtual boost::asio::awaitable<void> serve() = 0;
};

/// What a certificate says about its owner.
class certificate_order {
  public:
    std::string common_name;
    std::string organization;
    std::string unit;
    std::vector<std::string> alternative_names;  ///< host names and addresses
    std::uint64_t serial = 0;                    ///< 0: a random one
    duration begins = -std::chrono::hours(1);    ///< from now on, by the system's clock
    duration ends = std::chrono::hours(365 * 24);
    bool is_like_pve = false;  ///< RSA 2048 and the extensions of PVE's node certificates, as recorded; else P-256
};
/// A fresh key and its certificate, signed by `ca` (or self-signed when its key is empty).
[[nodiscard]] result<certificate> make_certificate(const certificate_order& order, const certificate& ca);
[[nodiscard]] result<certificate> make_certificate(std::string common_name, std::vector<std::string> alternative_names,
                                                   const certificate& ca);
/// A random UUID, "cca8506e-facf-4080-99ee-eacbf80f182b".
[[nodiscard]] std::string make_uuid();

}  // namespace steward::net
