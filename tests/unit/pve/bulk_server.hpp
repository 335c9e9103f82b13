#pragma once
#include "net/http.hpp"
#include "runtime/task_group.hpp"
#include "unit/net/loopback.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

namespace steward::pve {

/// A server without TLS that takes and gives any number of bytes without keeping them.
class bulk_server {
  public:
    explicit bulk_server(boost::asio::io_context& io)
        : io_(io),
          acceptor_(io, net::loopback::tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)),
          parked_(io, boost::asio::steady_timer::time_point::max()),
          tasks_(io.get_executor()) {
        tasks_.spawn("server", serve());
    }
    ~bulk_server() {
        tasks_.cancel();
        net::loopback::run_out(io_, tasks_);
    }
    bulk_server(const bulk_server&) = delete;
    bulk_server& operator=(const bulk_server&) = delete;

    [[nodiscard]] net::http_endpoint endpoint() const {
        net::http_endpoint out("127.0.0.1", acceptor_.local_endpoint().port());
        out.tls = false;
        return out;
    }

    /// Reads on where it stopped.
    void resume() { parked_.cancel(); }

    std::string answer;                             ///< to an upload, once it has come completely
    std::string head_of_download;                   ///< sent before `gives` bytes
    std::uint64_t gives = 0;                        ///< of them
    std::uint64_t stops_after = ~std::uint64_t{0};  ///< received or given bytes after which nothing moves any more
    bool closes_there = false;                      ///< or the connection is closed there
    std::string head;                               ///< of the last request
    std::string first;                              ///< 1 KiB of the last body
    std::string last;                               ///< its last KiB
    std::uint64_t received = 0;                     ///< bytes of the last body
    std::uint64_t given = 0;
    std::size_t requests = 0;
    std::size_t open = 0;

  private:
    using socket = net::loopback::tcp::socket;

    boost::asio::awaitable<void> serve() {
        for (;;) {
            socket peer = co_await acceptor_.async_accept(boost::asio::use_awaitable);
            tasks_.spawn("connection", act(std::move(peer)));
        }
    }

    struct count_open {
        explicit count_open(std::size_t& n) : n_(n) { ++n_; }
        ~count_open() { --n_; }
        count_open(const count_open&) = delete;
        count_open& operator=(const count_open&) = delete;
        std::size_t& n_;
    };

    boost::asio::awaitable<void> act(socket peer) {
        const count_open counted(open);
        boost::system::error_code ec;
        std::string body = co_await read_head(peer, ec);
        if (ec) co_return;
        ++requests;
        received = 0;
        given = 0;
        first.clear();
        last.clear();
        if (head.starts_with("GET")) {
            co_await give(peer, ec);
            co_return;
        }
        const std::size_t at = head.find("Content-Length: ");
        const std::uint64_t length = at == std::string::npos ? 0 : std::stoull(head.substr(at + 16));
        note(body);
        std::vector<char> chunk(std::size_t{256} << 10U);
        while (!ec && received < std::min(length, stops_after)) {
            const std::size_t n = co_await peer.async_read_some(
                boost::asio::buffer(chunk), boost::asio::redirect_error(boost::asio::use_awaitable, ec));
            note(std::string_view(chunk.data(), n));
        }
        if (ec || (received >= stops_after && closes_there)) co_return;
        if (received >= stops_after) co_await until_resumed();
        co_await boost::asio::async_write(peer, boost::asio::buffer(answer),
                                          boost::asio::redirect_error(boost::asio::use_awaitable, ec));
        co_await until_gone(peer, ec);
    }

    boost::asio::awaitable<std::string> read_head(socket& peer, boost::system::error_code& ec) {
        std::string unread;
        std::array<char, 4096> chunk{};
        while (!ec && unread.find("\r\n\r\n") == std::string::npos) {
            const std::size_t n = co_await peer.async_read_some(
                boost::asio::buffer(chunk), boost::asio::redirect_error(boost::asio::use_awaitable, ec));
            unread.append(chunk.data(), n);
        }
        const std::size_t end = std::min(unread.find("\r\n\r\n"), unread.size());
        head = unread.substr(0, end);
        co_return unread.substr(std::min(end + 4, unread.size()));
    }

    boost::asio::awaitable<void> give(socket& peer, boost::system::error_code& ec) {
        co_await boost::asio::async_write(peer, boost::asio::buffer(head_of_download),
                                          boost::asio::redirect_error(boost::asio::use_awaitable, ec));
        const std::string piece(std::size_t{256} << 10U, 'd');
        while (!ec && given < std::min(gives, stops_after)) {
            const std::uint64_t wanted = std::min<std::uint64_t>(piece.size(), std::min(gives, stops_after) - given);
            given += co_await boost::asio::async_write(
                peer, boost::asio::buffer(piece.data(), static_cast<std::size_t>(wanted)),
                boost::asio::redirect_error(boost::asio::use_awaitable, ec));
        }
        if (!closes_there || given >= gives) co_await until_gone(peer, ec);
    }

    /// Reads whatever still comes until the client has gone.
    static boost::asio::awaitable<void> until_gone(socket& peer, boost::system::error_code& ec) {
        std::vector<char> chunk(std::size_t{256} << 10U);
        while (!ec)
            co_await peer.async_read_some(boost::asio::buffer(chunk),
                                          boost::asio::redirect_error(boost::asio::use_awaitable, ec));
    }

    boost::asio::awaitable<void> until_resumed() {
        boost::system::error_code cancelled;
        co_await parked_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
    }

    void note(std::string_view bytes) {
        received += bytes.size();
        if (first.size() < 1024) first += bytes.substr(0, 1024 - first.size());
        last += bytes.substr(bytes.size() - std::min<std::size_t>(bytes.size(), 1024));
        if (last.size() > 1024) last.erase(0, last.size() - 1024);
    }

    boost::asio::io_context& io_;
    net::loopback::tcp::acceptor acceptor_;
    boost::asio::steady_timer parked_;
    task_group tasks_;
};

/// Memory of this process that is really there, in bytes.
inline std::uint64_t resident_bytes() {
    std::ifstream file("/proc/self/statm");
    std::uint64_t all = 0;
    std::uint64_t resident = 0;
    file >> all >> resident;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace steward::pve
