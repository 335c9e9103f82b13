#include "support/raw_client.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>

namespace steward {
namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using asio::ip::tcp;

class raw_client::state : public std::enable_shared_from_this<raw_client::state> {
  public:
    state(asio::io_context& io, how w) : with(w), context(ssl::context::tls_client), stream(io, context) {
        context.set_verify_mode(ssl::verify_none);
    }

    static asio::awaitable<void> run(std::shared_ptr<state> self, std::uint16_t port) {
        boost::system::error_code ec;
        const auto token = [&ec] { return asio::redirect_error(asio::use_awaitable, ec); };
        co_await self->stream.next_layer().async_connect(tcp::endpoint(asio::ip::address_v4::loopback(), port),
                                                         token());
        // Without it a second small write waits for the other side's delayed acknowledgement.
        if (!ec) self->stream.next_layer().set_option(tcp::no_delay(true), ec);
        if (!ec && self->with == how::tls) co_await self->stream.async_handshake(ssl::stream_base::client, token());
        self->connected = !ec;
        if (!ec) self->pump();
        std::array<char, 16384> chunk;
        while (!ec) {
            std::size_t n = 0;
            if (self->with == how::tls)
                n = co_await self->stream.async_read_some(asio::buffer(chunk), token());
            else
                n = co_await self->stream.next_layer().async_read_some(asio::buffer(chunk), token());
            self->received.append(chunk.data(), n);
        }
        self->closed = true;
    }

    static asio::awaitable<void> write(std::shared_ptr<state> self) {
        boost::system::error_code ec;
        const auto token = [&ec] { return asio::redirect_error(asio::use_awaitable, ec); };
        while (!self->outgoing.empty() && !ec) {
            const std::string now = std::exchange(self->outgoing, std::string());
            if (self->with == how::tls)
                co_await asio::async_write(self->stream, asio::buffer(now), token());
            else
                co_await asio::async_write(self->stream.next_layer(), asio::buffer(now), token());
        }
        self->writing = false;
    }

    /// Whatever runs keeps the state until its socket has been closed.
    void spawn(asio::awaitable<void> work) {
        asio::co_spawn(stream.get_executor(), std::move(work), [kept = shared_from_this()](std::exception_ptr) {});
    }

    void pump() {
        if (!connected || writing || outgoing.empty()) return;
        writing = true;
        spawn(write(shared_from_this()));
    }

    how with;
    ssl::context context;
    ssl::stream<tcp::socket> stream;
    std::string outgoing;
    std::string received;
    bool connected = false;
    bool writing = false;
    bool closed = false;
};

raw_client::raw_client(asio::io_context& io, std::uint16_t port, how with) : state_(std::make_shared<state>(io, with)) {
    state_->spawn(state::run(state_, port));
}

raw_client::~raw_client() {
    // The coroutines hold the state until their reads have failed.
    boost::system::error_code ignored;
    state_->stream.next_layer().close(ignored);
}

void raw_client::send(std::string bytes) {
    state_->outgoing += bytes;
    state_->pump();
}

const std::string& raw_client::received() const { return state_->received; }
bool raw_client::is_closed() const { return state_->closed; }
bool raw_client::is_connected() const { return state_->connected; }

}  // namespace steward
