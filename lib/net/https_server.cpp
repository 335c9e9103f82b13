#include "net/https_server.hpp"

#include "base/log.hpp"
#include "net/tls.hpp"
#include "runtime/task_group.hpp"
#include "runtime/with_timeout.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <array>
#include <fmt/core.h>

namespace steward::net {
namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

namespace {

/// Above these PVE does not answer at all (pve-facts B.2).
constexpr std::size_t largest_header = 8U << 10U;
constexpr std::size_t most_header_lines = 64;
constexpr unsigned char tls_handshake_record = 0x16;

using request_parser = http::request_parser<http::string_body>;

/// What the sessions share; it outlives the server while the last of them are still being cancelled.
class service {
  public:
    service(asio::ssl::context c, time_source& t, server_options o, server_handler h)
        : tls(std::move(c)), time(t), options(std::move(o)), handler(std::move(h)) {}
    asio::ssl::context tls;
    time_source& time;
    server_options options;
    server_handler handler;
};

/// One client's connection.
class session {
  public:
    session(tcp::socket socket, std::shared_ptr<service> of)
        : stream_(std::move(socket), of->tls), of_(std::move(of)), time_(of_->time), options_(of_->options) {}

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
            const auto request = co_await next_request();
            if (!request) co_return;
            server_reply reply = co_await of_->handler(*request);
            if (served >= options_.requests_per_connection || !keep_alive_) reply.close_after = true;
            const bool is_over = reply.close_after || reply.drop_connection || !reply.raw.empty();
            if (reply.pieces) {
                co_await send_pieces(std::move(reply));
                co_return;
            }
            if (reply.drop_connection) co_return;
            const std::string text = reply.raw.empty() ? serialise(reply) : reply.raw;
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

    /// The next request, whatever its method. A fault means: the connection is over.
    asio::awaitable<result<http_request>> next_request() {
        request_parser parser;
        parser.eager(true);
        parser.header_limit(64U << 10U);
        parser.body_limit(boost::none);
        std::array<char, 8192> chunk;
        while (!parser.is_done()) {
            if (parser.is_header_done()) {
                if (is_oversized(parser)) co_return co_await ignore_until_idle();
                // Neither is read: the handler refuses them by their headers, and the connection ends.
                const bool is_too_large = parser.content_length() && *parser.content_length() > options_.max_body;
                if (parser.chunked() || is_too_large) {
                    keep_alive_ = false;
                    parser.get().body().clear();
                    co_return take(parser);
                }
            }
            if (!pending_.empty()) {
                const auto fed = feed(parser);
                if (!fed) co_return co_await refuse(fed.error());
                if (*fed) continue;
            }
            const auto n = co_await with_timeout(time_, options_.idle_limit, read_some(asio::buffer(chunk)));
            if (!n) co_return n.error();
            pending_.append(chunk.data(), *n);
            if (!parser.is_header_done() && pending_.size() > largest_header &&
                pending_.find("\r\n\r\n") == std::string::npos)
                co_return co_await ignore_until_idle();
        }
        if (is_oversized(parser)) co_return co_await ignore_until_idle();
        keep_alive_ = parser.keep_alive();
        co_return take(parser);
    }

    /// Whether the parser made progress; more bytes are needed otherwise. A fault carries PVE's answer.
    result<bool> feed(request_parser& parser) {
        boost::system::error_code ec;
        const std::string line = pending_.substr(0, pending_.find("\r\n"));
        const std::size_t used = parser.put(asio::buffer(pending_), ec);
        pending_.erase(0, used);
        if (ec == http::error::need_more) return false;
        if (ec) return fault(errc::garbage, ec.message(), complaint(ec, line));
        return used > 0;
    }

    /// pve-facts B.2: 506 for versions and header lines, 400 for the request line.
    static std::string complaint(const boost::system::error_code& ec, const std::string& request_line) {
        const std::size_t version = request_line.rfind(" HTTP/");
        const bool is_request_line = version != std::string::npos;
        if (ec == http::error::bad_version && is_request_line)
            return fmt::format("506 http protocol version {} not supported", request_line.substr(version + 6));
        const bool is_start = ec == http::error::bad_method || ec == http::error::bad_target ||
                              ec == http::error::bad_version || !is_request_line;
        return is_start ? "400 bad request" : "506 unable to parse request header";
    }

    static bool is_oversized(request_parser& parser) {
        std::size_t lines = 0;
        std::size_t bytes = 0;
        for (const auto& field : parser.get()) {
            ++lines;
            bytes += field.name_string().size() + field.value().size() + 4;
        }
        return lines >= most_header_lines || bytes >= largest_header;
    }

    asio::awaitable<result<http_request>> refuse(fault why) {
        const std::string answer =
            fmt::format("HTTP/1.0 {}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", why.detail);
        const auto sent = co_await with_timeout(time_, options_.idle_limit, write(answer));
        if (sent) (void)co_await with_timeout(time_, options_.idle_limit, say_goodbye());
        co_return why;
    }

    asio::awaitable<result<http_request>> ignore_until_idle() {
        std::array<char, 4096> chunk;
        for (;;) {
            const auto n = co_await with_timeout(time_, options_.idle_limit, read_some(asio::buffer(chunk)));
            if (!n) co_return n.error();
        }
    }

    static http_request take(request_parser& parser) {
        auto& message = parser.get();
        http_request out(std::string(message.method_string()), std::string(message.target()));
        for (const auto& field : message)
            out.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
        out.body = std::move(message.body());
        return out;
    }

    static std::string serialise(const server_reply& reply) {
        std::string text = fmt::format("HTTP/1.1 {} {}\r\n", reply.status, reply.reason);
        for (const auto& [name, value] : reply.headers) text += name + ": " + value + "\r\n";
        if (!reply.omit_length) text += fmt::format("Content-Length: {}\r\n", reply.body.size());
        text += reply.close_after ? "Connection: close\r\n\r\n" : "Connection: Keep-Alive\r\n\r\n";
        return text + reply.body;
    }

    tls_stream stream_;
    std::shared_ptr<service> of_;
    time_source& time_;
    const server_options& options_;
    std::string pending_;
    bool keep_alive_ = true;
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
    asio::ssl::context tls(asio::ssl::context::tls_server);
    tls.use_certificate_chain(asio::buffer(options.certificate_pem), ec);
    if (!ec) tls.use_private_key(asio::buffer(options.private_key_pem), asio::ssl::context::pem, ec);
    if (ec) return fault(errc::invalid, where, "certificate or key: " + ec.message());
    tcp::acceptor acceptor(executor);
    const tcp::endpoint endpoint(address, options.port);
    acceptor.open(endpoint.protocol(), ec);
    if (!ec) acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
    if (!ec) acceptor.bind(endpoint, ec);
    if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
    if (ec) return fault(errc::io, where, ec.message());
    auto shared = std::make_shared<service>(std::move(tls), time, std::move(options), std::move(handler));
    return std::unique_ptr<https_server>(std::make_unique<tls_server>(std::move(acceptor), std::move(shared)));
}

}  // namespace steward::net
