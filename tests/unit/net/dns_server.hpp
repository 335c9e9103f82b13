#pragma once
#include "loopback.hpp"

/// As much of RFC 1035 as a resolver can see of its server.
namespace steward::net::loopback {

class dns_server {
  public:
    struct entry {
        std::vector<std::string> addresses;  ///< both families; none of the one asked for: NOERROR without answers
        bool is_silent = false;
        bool is_truncated = false;  ///< over UDP: the client has to come back over TCP
        int loses = 0;              ///< this many questions get no answer
    };

    explicit dns_server(asio::io_context& io)
        : socket_(io, udp::v4()), acceptor_(io, tcp::v4()), tasks_(io.get_executor()) {
        bind_both();
        tasks_.spawn("dns udp", serve_datagrams());
        tasks_.spawn("dns tcp", serve_streams());
    }

    [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(socket_.local_endpoint().port()); }
    void stop() { tasks_.cancel(); }
    [[nodiscard]] task_group& tasks() { return tasks_; }
    /// Sends what was kept back for silent names.
    void answer_late() {
        for (auto& [bytes, to] : kept_back_) socket_.send_to(asio::buffer(bytes), to);
    }

    std::map<std::string, entry> zone;  ///< any other name: NXDOMAIN
    int datagrams = 0;
    int streams = 0;

  private:
    using octets = std::vector<unsigned char>;

    /// UDP and TCP have ports of their own; the kernel chooses one, and the other must be free there as well.
    void bind_both() {
        for (int attempt = 0; attempt < 100; ++attempt) {
            const auto here = asio::ip::address_v4::loopback();
            socket_ = udp::socket(socket_.get_executor(), udp::endpoint(here, 0));
            boost::system::error_code taken;
            acceptor_.bind(tcp::endpoint(here, socket_.local_endpoint().port()), taken);
            if (taken) continue;
            acceptor_.listen();
            return;
        }
        FAIL("no port is free for both UDP and TCP");
    }

    asio::awaitable<void> serve_datagrams() {
        for (;;) {
            octets question(1500);
            udp::endpoint from;
            const std::size_t n =
                co_await socket_.async_receive_from(asio::buffer(question), from, asio::use_awaitable);
            ++datagrams;
            question.resize(n);
            const std::string name = name_in(question);
            const auto found = zone.find(name);
            const octets reply = reply_to(question, true);
            if (found != zone.end() && found->second.loses-- > 0) continue;
            if (found != zone.end() && found->second.is_silent)
                kept_back_.emplace_back(reply, from);
            else
                socket_.send_to(asio::buffer(reply), from);
        }
    }

    asio::awaitable<void> serve_streams() {
        for (;;) {
            tcp::socket peer = co_await acceptor_.async_accept(asio::use_awaitable);
            ++streams;
            boost::system::error_code closed;
            while (!closed) co_await answer_one(peer, closed);
        }
    }

    asio::awaitable<void> answer_one(tcp::socket& peer, boost::system::error_code& closed) {
        std::array<unsigned char, 2> length{};
        co_await asio::async_read(peer, asio::buffer(length), asio::redirect_error(asio::use_awaitable, closed));
        if (closed) co_return;
        octets question(length[0] * 256U + length[1]);
        co_await asio::async_read(peer, asio::buffer(question), asio::redirect_error(asio::use_awaitable, closed));
        if (closed) co_return;
        octets reply = reply_to(question, false);
        const octets prefix = {static_cast<unsigned char>(reply.size() / 256),
                               static_cast<unsigned char>(reply.size() % 256)};
        reply.insert(reply.begin(), prefix.begin(), prefix.end());
        co_await asio::async_write(peer, asio::buffer(reply), asio::redirect_error(asio::use_awaitable, closed));
    }

    static std::string name_in(const octets& question) {
        std::string out;
        for (std::size_t at = 12; at < question.size() && question[at] != 0; at += question[at] + 1U) {
            if (!out.empty()) out += '.';
            for (std::size_t i = 1; i <= question[at]; ++i) out += static_cast<char>(question.at(at + i));
        }
        return out;
    }

    [[nodiscard]] octets reply_to(const octets& question, bool is_datagram) const {
        const std::string name = name_in(question);
        const std::size_t end = 12 + name.size() + 2;  // of the name: a length before each label, zero at the end
        const bool wants_v6 = question.at(end + 1) == 28;
        octets reply(question.begin(), question.begin() + static_cast<std::ptrdiff_t>(end + 4));
        reply[2] = 0x81;  // an answer, recursion was desired
        reply[3] = 0x80;
        std::fill(reply.begin() + 6, reply.begin() + 12, static_cast<unsigned char>(0));
        const auto found = zone.find(name);
        if (found == zone.end()) {
            reply[3] = 0x83;
            return reply;
        }
        if (is_datagram && found->second.is_truncated) {
            reply[2] |= 0x02;
            return reply;
        }
        for (const asio::ip::address& a : list(found->second.addresses)) {
            if (a.is_v6() != wants_v6) continue;
            ++reply[7];
            const unsigned char kind = a.is_v6() ? 28 : 1;
            const unsigned char size = a.is_v6() ? 16 : 4;
            const octets head = {0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60, 0, size};  // the question's name, for 60 s
            reply.insert(reply.end(), head.begin(), head.end());
            if (a.is_v6()) {
                const auto bytes = a.to_v6().to_bytes();
                reply.insert(reply.end(), bytes.begin(), bytes.end());
            } else {
                const auto bytes = a.to_v4().to_bytes();
                reply.insert(reply.end(), bytes.begin(), bytes.end());
            }
        }
        return reply;
    }

    udp::socket socket_;
    tcp::acceptor acceptor_;
    std::vector<std::pair<octets, udp::endpoint>> kept_back_;
    task_group tasks_;
};

}  // namespace steward::net::loopback
