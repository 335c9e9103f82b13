#include "net/https_server.hpp"

#include "base/log.hpp"
#include "net/request_reader.hpp"
#include "net/tls.hpp"
#include "runtime/task_group.hpp"
#include "runtime/with_timeout.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <openssl/ssl.h>
#include <optional>

namespace steward::net {
namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr unsigned char tls_handshake_record = 0x16;

using stage = request_reader::stage;

/// Where a header stands in an answer of PVE's server (recorded); what is not here comes last.
std::size_t place_of(std::string_view name) {
    constexpr std::array<std::string_view, 9> order = {"Cache-Control",    "Connection",     "Date",
                                                       "Pragma",           "Server",         "Location",
                                                       "Content-Encoding", "Content-Length", "Content-Type"};
    const auto* const found = std::find(order.begin(), order.end(), name);
    return static_cast<std::size_t>(found - order.begin());
}

/// A context that presents this certificate; TLS 1.2 and 1.3 only (pve-facts B.6).
result<std::shared_ptr<asio::ssl::context>> present(const std::string& certificate_pem, const std::string& key_pem) {
    boost::system::error_code ec;
    auto tls = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
    SSL_CTX_set_min_proto_version(tls->native_handle(), TLS1_2_VERSION);
    tls->use_certificate_chain(asio::buffer(certificate_pem), ec);
    if (!ec) tls->use_private_key(asio::buffer(key_pem), asio::ssl::context::pem, ec);
    if (ec) return fault(errc::invalid, "present a certificate", "certificate or key: " + ec.message());
    return tls;
}

/// What the sessions share; it outlives the server while the last of them are still being cancelled.
class service {
  public:
    service(std::shared_ptr<asio::ssl::context> c, time_source& t, server_options o, server_handler h)
        : tls(std::move(c)), time(t), options(std::move(o)), handler(std::move(h)) {}
    std::shared_ptr<asio::ssl::context> tls;
    time_source& time;
    server_options options;
    server_handler handler;
    std::size_t connections = 0;
};

/// One client's connection.
class session {
  public:
    session(tcp::socket socket, std::shared_ptr<service> of)
        : tls_(of->tls),
          stream_(std::move(socket), *tls_),
          of_(std::move(of)),
          time_(of_->time),
          options_(of_->options) {
        ++of_->connections;
    }
    ~session() { --of_->connections; }
    session(const session&) = delete;
    session& operator=(const session&) = delete;

    asio::awaitable<void> run() {
        boost::system::error_code ec;
        stream_.next_layer().set_option(tcp::no_delay(true), ec);
        const auto first = co_await with_timeout(time_, options_.idle_limit, first_byte());
        if (!first) co_return;
        if (*first != tls_handshake_record) {
            (void)co_await with_timeout(time_, options_.idle_limit, redirect_plain());
            co_return;
        }
        const auto secured = co_await with_timeout(time_, options_.idle_limit, handshake());
        if (!secured) co_return;
        for (int served = 1;; ++served) {
            request_reader reader;
            if (!co_await next_request(reader)) co_return;
            server_reply reply;
            const bool is_refused = reader.now() == stage::refused;
            const int minor_version = reader.request().minor_version;
            const bool keeps_alive = reader.keeps_alive();
            if (is_refused)
                reply = refusal(reader);
            else
                reply = co_await of_->handler(std::move(reader.request()));
            if (served >= options_.requests_per_connection || !keeps_alive || is_refused || is_crowded())
                reply.close_after = true;
            const bool is_over = reply.close_after || reply.drop_connection || !reply.raw.empty();
            if (reply.pieces) {
                co_await send_pieces(std::move(reply));
                co_return;
            }
            if (reply.drop_connection) co_return;
            const std::string text = reply.raw.empty() ? serialise(reply, minor_version) : reply.raw;
            const auto sent = co_await with_timeout(time_, options_.idle_limit, write(text));
            if (!sent) co_return;
            if (!is_over) continue;
            (void)co_await with_timeout(time_, options_.idle_limit, say_goodbye());
            co_return;
        }
    }

  private:
    asio::awaitable<result<unsigned char>> first_byte() {
        tcp::socket& socket = stream_.next_layer();
        boost::system::error_code ec;
        co_await socket.async_wait(tcp::socket::wait_read, asio::redirect_error(asio::use_awaitable, ec));
        if (ec) throw boost::system::system_error(ec);
        unsigned char byte = 0;
        const std::size_t n = socket.receive(asio::buffer(&byte, 1), tcp::socket::message_peek, ec);
        if (ec || n == 0) co_return fault(errc::io, "accept", "closed");
        co_return byte;
    }

    asio::awaitable<result<void>> handshake() {
        boost::system::error_code ec;
        co_await stream_.async_handshake(asio::ssl::stream_base::server, asio::redirect_error(asio::use_awaitable, ec));
        if (ec == asio::error::operation_aborted) throw boost::system::system_error(ec);
        if (ec) co_return fault(errc::io, "handshake", ec.message());
        co_return result<void>();
    }

    /// Somebody speaks plain HTTP to the TLS port: PVE points to https (pve-facts B.2).
    asio::awaitable<result<void>> redirect_plain() {
        tcp::socket& socket = stream_.next_layer();
        std::array<char, 2048> buffer;
        boost::system::error_code ec;
        const std::size_t n =
            co_await socket.async_read_some(asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, ec));
        if (ec == asio::error::operation_aborted) throw boost::system::system_error(ec);
        const std::string_view text(buffer.data(), n);
        const auto space = text.find(' ');
        const auto end = space == std::string_view::npos ? space : text.find(' ', space + 1);
        if (ec || end == std::string_view::npos) co_return fault(errc::io, "redirect", "not HTTP");
        const std::string_view method = text.substr(0, space);
        const bool is_safe = method == "GET" || method == "HEAD";
        const std::string answer =
            fmt::format("HTTP/1.1 {}\r\nLocation: https://{}{}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                        is_safe ? "301 Moved Permanently" : "308 Permanent Redirect", name_in(socket.local_endpoint()),
                        text.substr(space + 1, end - space - 1));
        co_await asio::async_write(socket, asio::buffer(answer), asio::redirect_error(asio::use_awaitable, ec));
        if (ec == asio::error::operation_aborted) throw boost::system::system_error(ec);
        co_return result<void>();
    }

    /// As in a URL: "127.0.0.1:8006", "[::1]:8006".
    static std::string name_in(const tcp::endpoint& here) {
        const bool is_v6 = here.address().is_v6();
        return fmt::format("{}{}{}:{}", is_v6 ? "[" : "", here.address().to_string(), is_v6 ? "]" : "", here.port());
    }

    asio::awaitable<result<std::size_t>> read_some(asio::mutable_buffer into) {
        boost::system::error_code ec;
        const std::size_t n = co_await stream_.async_read_some(into, asio::redirect_error(asio::use_awaitable, ec));
        if (ec == asio::error::operation_aborted) throw boost::system::system_error(ec);
        if (ec) co_return fault(errc::io, "read", ec.message());
        co_return n;
    }

    asio::awaitable<result<void>> write(const std::string& text) {
        boost::system::error_code ec;
        co_await asio::async_write(stream_, asio::buffer(text), asio::redirect_error(asio::use_awaitable, ec));
        if (ec == asio::error::operation_aborted) throw boost::system::system_error(ec);
        if (ec) co_return fault(errc::io, "write", ec.message());
        co_return result<void>();
    }

    asio::awaitable<void> send_pieces(server_reply reply) {
        for (;;) {
            const std::string piece = co_await reply.pieces();
            if (piece.empty()) break;
            const auto sent = co_await with_timeout(time_, options_.idle_limit, write(piece));
            if (!sent) co_return;
        }
        if (!reply.drop_connection) (void)co_await with_timeout(time_, options_.idle_limit, say_goodbye());
    }

    asio::awaitable<result<void>> say_goodbye() {
        boost::system::error_code ec;
        co_await stream_.async_shutdown(asio::redirect_error(asio::use_awaitable, ec));
        if (ec == asio::error::operation_aborted) throw boost::system::system_error(ec);
        // What still comes (the body of a request refused by its headers) is read: closing over unread bytes is a
        // reset, and a reset can overtake the answer (RFC 9112 9.6).
        tcp::socket& socket = stream_.next_layer();
        socket.shutdown(tcp::socket::shutdown_send, ec);
        std::array<char, 4096> chunk;
        while (!ec) co_await socket.async_read_some(asio::buffer(chunk), asio::redirect_error(asio::use_awaitable, ec));
        if (ec == asio::error::operation_aborted) throw boost::system::system_error(ec);
        co_return result<void>();
    }

    /// The next request, whatever its method, or what is wrong with it. False: the connection is over.
    asio::awaitable<bool> next_request(request_reader& reader) {
        std::array<char, 8192> chunk;
        for (;;) {
            if (reader.read(pending_) == stage::judge) {
                // What the handler refuses by its head is not read, and the connection ends with the answer.
                wants_body(reader) ? reader.read_body() : reader.leave_body();
                continue;
            }
            if (reader.now() == stage::complete || reader.now() == stage::refused) co_return true;
            if (reader.now() == stage::ignored) {
                pending_.clear();
                co_await ignore_until_idle();
                co_return false;
            }
            const auto n = co_await with_timeout(time_, options_.idle_limit, read_some(asio::buffer(chunk)));
            if (!n) co_return false;
            pending_.append(chunk.data(), *n);
        }
    }

    [[nodiscard]] bool wants_body(const request_reader& reader) const {
        if (!reader.request().header("Transfer-Encoding").empty()) return false;
        if (options_.wants_body) return options_.wants_body(reader.request(), reader.announced());
        return reader.announced() <= options_.max_body;
    }

    /// Near its limit PVE's server lets nobody stay (pve-facts B.4).
    [[nodiscard]] bool is_crowded() const { return of_->connections >= options_.crowded_at; }

    [[nodiscard]] server_reply refusal(const request_reader& reader) const {
        if (options_.refusal) return options_.refusal(reader.status(), reader.reason());
        server_reply reply;
        reply.status = reader.status();
        reply.reason = reader.reason();
        return reply;
    }

    asio::awaitable<void> ignore_until_idle() {
        std::array<char, 4096> chunk;
        for (;;) {
            const auto n = co_await with_timeout(time_, options_.idle_limit, read_some(asio::buffer(chunk)));
            if (!n) co_return;
        }
    }

    static std::string serialise(const server_reply& reply, int minor_version) {
        http_headers all = reply.headers;
        all.emplace_back("Connection", reply.close_after ? "close" : "Keep-Alive");
        if (!reply.omit_length) all.emplace_back("Content-Length", std::to_string(reply.body.size()));
        std::stable_sort(all.begin(), all.end(),
                         [](const auto& a, const auto& b) { return place_of(a.first) < place_of(b.first); });
        std::string text = fmt::format("HTTP/1.{} {} {}\r\n", minor_version, reply.status, reply.reason);
        for (const auto& [name, value] : all) text += name + ": " + value + "\r\n";
        return text + "\r\n" + reply.body;
    }

    std::shared_ptr<asio::ssl::context> tls_;
    tls_stream stream_;
    std::shared_ptr<service> of_;
    time_source& time_;
    const server_options& options_;
    std::string pending_;
};

asio::awaitable<void> serve_session(std::unique_ptr<session> one) {
    try {
        co_await one->run();
    } catch (const boost::system::system_error& e) {
        // A peer that goes away is everyday life; only our own cancellation passes on.
        if (e.code() == asio::error::operation_aborted) throw;
        log::debug("server.session", {{"reason", e.code().message()}});
    }
}

class tls_server final : public https_server {
  public:
    tls_server(tcp::acceptor acceptor, std::shared_ptr<service> shared)
        : acceptor_(std::move(acceptor)),
          service_(std::move(shared)),
          sessions_(std::make_shared<task_group>(acceptor_.get_executor())) {}
    ~tls_server() override {
        // The group ends inside the loop, after its cancellation: Boost 1.81's co_spawn keeps a pointer into a signal
        // that is emitted outside of it, and a session that ends meanwhile frees that signal.
        sessions_->cancel();
        asio::post(acceptor_.get_executor(), [kept = std::move(sessions_)] {});
    }
    tls_server(const tls_server&) = delete;
    tls_server& operator=(const tls_server&) = delete;

    [[nodiscard]] std::uint16_t port() const override { return acceptor_.local_endpoint().port(); }

    result<void> use(const certificate& other) override {
        auto tls = present(other.certificate_pem, other.private_key_pem);
        if (!tls) return tls.error();
        service_->tls = std::move(*tls);
        return {};
    }

    asio::awaitable<void> serve() override {
        try {
            co_await accept();
        } catch (...) {
            sessions_->cancel();
            throw;
        }
    }

  private:
    asio::awaitable<void> accept() {
        for (;;) {
            tcp::socket peer(acceptor_.get_executor());
            boost::system::error_code ec;
            co_await acceptor_.async_accept(peer, asio::redirect_error(asio::use_awaitable, ec));
            if (ec == asio::error::operation_aborted) throw boost::system::system_error(ec);
            if (ec) {
                // Out of descriptors, most likely: some will be free again soon.
                log::warning("server.accept", {{"reason", ec.message()}});
                co_await service_->time.sleep_for(std::chrono::milliseconds(100));
                continue;
            }
            if (service_->connections >= service_->options.most_connections) continue;  // closed without a word
            auto one = std::make_unique<session>(std::move(peer), service_);
            sessions_->spawn("session", serve_session(std::move(one)));
        }
    }

    tcp::acceptor acceptor_;
    std::shared_ptr<service> service_;
    std::shared_ptr<task_group> sessions_;
};

}  // namespace

result<std::unique_ptr<https_server>> https_server::listen(asio::any_io_executor executor, time_source& time,
                                                           server_options options, server_handler handler) {
    const std::string where = fmt::format("listen on {}:{}", options.address, options.port);
    boost::system::error_code ec;
    const auto address = asio::ip::make_address(options.address, ec);
    if (ec) return fault(errc::invalid, where, "not an IP address");
    auto tls = present(options.certificate_pem, options.private_key_pem);
    if (!tls) return fault(errc::invalid, where, tls.error().detail);
    tcp::acceptor acceptor(executor);
    const tcp::endpoint endpoint(address, options.port);
    acceptor.open(endpoint.protocol(), ec);
    if (!ec) acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
    if (!ec) acceptor.bind(endpoint, ec);
    if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
    if (ec) return fault(errc::io, where, ec.message());
    auto shared = std::make_shared<service>(std::move(*tls), time, std::move(options), std::move(handler));
    return std::unique_ptr<https_server>(std::make_unique<tls_server>(std::move(acceptor), std::move(shared)));
}

}  // namespace steward::net
