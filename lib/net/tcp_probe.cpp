#include "net/probing.hpp"
#include "runtime/with_timeout.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace steward::net {
namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

class tcp_prober final : public prober {
  public:
    tcp_prober(tcp_check check, time_source& time, resolver& names)
        : check_(std::move(check)), time_(time), names_(names) {}

    asio::awaitable<probe_result> run() override {
        probing::recorder notes(time_);
        const time_point deadline = time_.now() + check_.timeout;
        const auto addresses =
            co_await probing::addresses_of(names_, check_.host, address_family::any, deadline, notes);
        if (!addresses) co_return notes.finish(verdict::unknown, addresses.error().text());
        probing::findings all;
        for (std::size_t i = 0; i < addresses->size(); ++i) {
            const time_point limit = probing::share_of(time_.now(), deadline, addresses->size() - i);
            const tcp::endpoint where((*addresses)[i], check_.port);
            const auto tried = co_await with_deadline(time_, limit, connect(where));
            notes.phase("connect");
            if (!tried) {
                all.said_no(probing::silence(check_.timeout));
            } else if (!*tried) {
                co_return notes.finish(verdict::healthy, "connected");
            } else if (const auto trouble = probing::own_trouble(*tried)) {
                all.could_not_look(*trouble);
            } else {
                all.said_no(probing::in_words(*tried));
            }
        }
        co_return notes.finish(all.answer(), all.reason());
    }

  private:
    static asio::awaitable<result<boost::system::error_code>> connect(tcp::endpoint where) {
        tcp::socket socket(co_await asio::this_coro::executor);
        boost::system::error_code ec;
        co_await socket.async_connect(where, asio::redirect_error(asio::use_awaitable, ec));
        if (ec == asio::error::operation_aborted) throw boost::system::system_error(ec);
        if (!ec) reset(socket);
        co_return ec;
    }

    /// RST instead of FIN: no TIME_WAIT, so thousands of checks a second do not eat the ephemeral ports. Closed by
    /// hand, because Asio's destructor takes the linger option back.
    static void reset(tcp::socket& socket) {
        boost::system::error_code ignored;
        socket.set_option(asio::socket_base::linger(true, 0), ignored);
        socket.close(ignored);
    }

    tcp_check check_;
    time_source& time_;
    resolver& names_;
};

}  // namespace

std::unique_ptr<prober> make_prober(tcp_check check, time_source& time, resolver& names) {
    return std::make_unique<tcp_prober>(std::move(check), time, names);
}

}  // namespace steward::net
