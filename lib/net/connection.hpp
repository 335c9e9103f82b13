#pragma once
#include "net/http.hpp"
#include "net/http_exchange.hpp"
#include "net/resolver.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

/// Private to this room: one connection to a server, with TLS or without. OpenSSL stays behind it.
namespace steward::net {

/// How the server is recognised. Setups that trust the same share one OpenSSL context, so that thousands of HTTPS
/// probes neither load a CA file nor fill a context each time.
class tls_setup {
  public:
    explicit tls_setup(const http_endpoint& where);
    /// Why no server could be recognised (unreadable CA file), or we could not introduce ourselves; empty when all is
    /// well.
    [[nodiscard]] const std::string& problem() const { return problem_; }

    class context;
    [[nodiscard]] const std::shared_ptr<context>& shared() const { return context_; }

  private:
    std::shared_ptr<context> context_;  ///< none without TLS
    std::string problem_;
};

class connection {
  public:
    /// Resolves, connects (every address gets an equal share of the time until one answers) and introduces. Errors:
    /// timed_out, untrusted (the handshake was broken off: not one byte of a request was sent), else not_delivered,
    /// whose `where` says how far it came: "connect", "tls".
    [[nodiscard]] static boost::asio::awaitable<result<std::unique_ptr<connection>>> open(
        time_source& time, resolver& names, http_endpoint where, tls_setup setup, time_point deadline,
        exchange_times& times);
    virtual ~connection() = default;
    /// Zero at the orderly end.
    [[nodiscard]] virtual boost::asio::awaitable<result<std::size_t>> read_some(boost::asio::mutable_buffer into) = 0;
    /// `written` counts what may have reached the other side, also when it fails or is cancelled.
    [[nodiscard]] virtual boost::asio::awaitable<result<void>> write(std::string_view bytes, std::size_t& written) = 0;
    /// Nothing has come that nobody asked for: in particular no end of the connection.
    [[nodiscard]] virtual bool is_quiet() = 0;

    int requests = 0;
    time_point idle_since{};
};

}  // namespace steward::net
