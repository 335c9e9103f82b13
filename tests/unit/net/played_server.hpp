#pragma once
#include "loopback.hpp"

#include <functional>

/// A server on the loopback that says what a test wants, to every connection anew.
namespace steward::net::loopback {

class played_server {
  public:
    /// What comes after each piece that was heard; nothing: wait for more. `ends` closes after it.
    class reply {
      public:
        std::string bytes;
        bool ends = false;
        bool resets = false;
    };
    using script = std::function<reply(const std::string& heard)>;

    played_server(asio::io_context& io, std::string greeting, script answer, const std::string& address = "127.0.0.1")
        : acceptor_(io, tcp::endpoint(asio::ip::make_address(address), 0)),
          greeting_(std::move(greeting)),
          answer_(std::move(answer)),
          tasks_(io.get_executor()) {
        tasks_.spawn("server", serve());
    }
    [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    void stop(asio::io_context& io) {
        tasks_.cancel();
        run_out(io, tasks_);
    }
    std::vector<std::string> heard;  ///< of each connection, in order

  private:
    asio::awaitable<void> serve() {
        for (;;) {
            tcp::socket peer = co_await acceptor_.async_accept(asio::use_awaitable);
            co_await talk(std::move(peer));
        }
    }

    asio::awaitable<void> talk(tcp::socket peer) {
        boost::system::error_code ec;
        const std::size_t index = heard.size();
        heard.emplace_back();
        co_await asio::async_write(peer, asio::buffer(greeting_), asio::redirect_error(asio::use_awaitable, ec));
        std::array<char, 2048> chunk{};
        for (;;) {
            const reply next = answer_ ? answer_(heard[index]) : reply();
            co_await asio::async_write(peer, asio::buffer(next.bytes), asio::redirect_error(asio::use_awaitable, ec));
            if (next.resets) peer.set_option(asio::socket_base::linger(true, 0), ec);
            if (next.ends || next.resets || ec) {
                peer.close(ec);
                co_return;
            }
            const std::size_t n =
                co_await peer.async_read_some(asio::buffer(chunk), asio::redirect_error(asio::use_awaitable, ec));
            if (ec) co_return;
            heard[index].append(chunk.data(), n);
        }
    }

    tcp::acceptor acceptor_;
    std::string greeting_;
    script answer_;
    task_group tasks_;
};

}  // namespace steward::net::loopback
