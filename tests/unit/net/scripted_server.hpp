#pragma once
#include "loopback.hpp"

#include <boost/asio/socket_base.hpp>

#include <algorithm>

/// A server without TLS that does to its clients exactly what it was told, also what no proper server does.
namespace steward::net::loopback {

class scripted_server {
  public:
    /// What happens to one request that was read completely.
    class step {
      public:
        enum class then { go_on, close, reset, wait };
        step(std::string a, then t = then::go_on) : answer(std::move(a)), after(t) {}
        std::string answer;  ///< sent as it is
        then after;          ///< `wait`: until the client has gone
    };
    using script = std::vector<step>;

    /// One script per connection; the last one serves all further connections. A script that is over closes.
    scripted_server(asio::io_context& io, std::vector<script> scripts)
        : io_(io),
          acceptor_(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
          scripts_(std::move(scripts)),
          tasks_(io.get_executor()) {
        tasks_.spawn("server", serve());
    }
    ~scripted_server() {
        tasks_.cancel();
        run_out(io_, tasks_);
    }
    scripted_server(const scripted_server&) = delete;
    scripted_server& operator=(const scripted_server&) = delete;

    [[nodiscard]] http_endpoint endpoint() const {
        http_endpoint out("127.0.0.1", acceptor_.local_endpoint().port());
        out.tls = false;
        return out;
    }

    std::vector<std::string> requests;  ///< head and body
    std::size_t connections = 0;
    std::size_t answered = 0;
    std::size_t ended = 0;  ///< connections that are over, whoever ended them

  private:
    asio::awaitable<void> serve() {
        for (;;) {
            tcp::socket peer = co_await acceptor_.async_accept(asio::use_awaitable);
            const std::size_t which = std::min(connections++, scripts_.size() - 1);
            tasks_.spawn("connection", act(std::move(peer), scripts_[which]));
        }
    }

    asio::awaitable<void> act(tcp::socket peer, script steps) {
        std::string unread;
        boost::system::error_code ec;
        for (const step& s : steps) {
            std::string request = co_await next_request(peer, unread, ec);
            if (ec) break;
            requests.push_back(std::move(request));
            co_await asio::async_write(peer, asio::buffer(s.answer), asio::redirect_error(asio::use_awaitable, ec));
            ++answered;
            if (s.after == step::then::reset) peer.set_option(asio::socket_base::linger(true, 0));
            if (s.after == step::then::wait) co_await next_request(peer, unread, ec);
            if (ec || s.after != step::then::go_on) break;
        }
        peer.close(ec);
        ++ended;
    }

    static asio::awaitable<std::string> next_request(tcp::socket& peer, std::string& unread,
                                                     boost::system::error_code& ec) {
        std::array<char, 4096> chunk{};
        for (;;) {
            const std::size_t head = unread.find("\r\n\r\n");
            const std::size_t length = unread.find("Content-Length: ");
            std::size_t whole = head + 4;
            if (head != std::string::npos && length < head) whole += std::stoul(unread.substr(length + 16));
            if (head != std::string::npos && unread.size() >= whole) {
                std::string request = unread.substr(0, whole);
                unread.erase(0, whole);
                co_return request;
            }
            const std::size_t n =
                co_await peer.async_read_some(asio::buffer(chunk), asio::redirect_error(asio::use_awaitable, ec));
            if (ec) co_return std::string();
            unread.append(chunk.data(), n);
        }
    }

    asio::io_context& io_;
    tcp::acceptor acceptor_;
    std::vector<script> scripts_;
    task_group tasks_;
};

}  // namespace steward::net::loopback
