#include "net/cancelled.hpp"
#include "net/probing.hpp"
#include "runtime/with_timeout.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <fmt/core.h>

namespace steward::net {
namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

/// A greeting that is longer does not hold what was wanted (docs/probes.md).
constexpr std::size_t most_heard = 16U << 10U;

class tcp_prober final : public prober {
  public:
    tcp_prober(tcp_check check, time_source& time, resolver& names)
        : check_(std::move(check)), time_(time), names_(names) {}

    asio::awaitable<probe_result> run() override {
        probing::recorder notes(time_, check_.manners.is_explained);
        const time_point deadline = time_.now() + check_.timeout;
        probing::target whom(check_.host, check_.port);
        const auto addresses =
            co_await probing::addresses_of(names_, std::move(whom), check_.manners.rules, deadline, notes);
        if (!addresses) co_return notes.finish(verdict::unknown, addresses.error().text());
        probing::findings all;
        for (std::size_t i = 0; i < addresses->size(); ++i) {
            const time_point limit = probing::share_of(time_.now(), deadline, addresses->size() - i);
            const tcp::endpoint where((*addresses)[i], check_.port);
            notes.detail("address", probing::shown(where.address().to_string()));
            const bool is_good = co_await ask(where, limit, all, notes);
            if (is_good) co_return notes.finish(verdict::healthy, all_said());
        }
        co_return notes.finish(all.answer(), all.reason());
    }

  private:
    [[nodiscard]] std::string all_said() const {
        return check_.expect ? "answered " + check_.expect->words() : std::string("connected");
    }

    /// True when this address does what is wanted; else `all` learns why not.
    asio::awaitable<bool> ask(tcp::endpoint where, time_point limit, probing::findings& all, probing::recorder& notes) {
        tcp::socket socket(co_await asio::this_coro::executor);
        const auto connected = co_await with_deadline(time_, limit, connect(socket, where));
        notes.phase("connect");
        if (!connected) {
            all.said_no(probing::silence(check_.timeout));
            co_return false;
        }
        if (*connected) {
            if (const auto trouble = probing::own_trouble(*connected))
                all.could_not_look(*trouble);
            else
                all.said_no(probing::in_words(*connected));
            co_return false;
        }
        bool is_good = true;
        if (!check_.send.empty() || check_.expect) {
            std::string heard;
            const auto ended = co_await with_deadline(time_, limit, talk(socket, heard));
            notes.phase("answer");
            if (!heard.empty()) notes.detail("first bytes", probing::shown(heard));
            is_good = judge(ended, heard, all);
        }
        reset(socket);
        co_return is_good;
    }

    /// The same for the conversation.
    bool judge(const result<boost::system::error_code>& ended, const std::string& heard, probing::findings& all) const {
        const std::string why = why_not(ended, heard);
        if (why.empty()) return true;
        const bool is_broken = ended && *ended && *ended != asio::error::eof;
        const auto trouble = is_broken ? probing::own_trouble(*ended) : std::nullopt;
        if (trouble)
            all.could_not_look(*trouble);
        else
            all.said_no(why);
        return false;
    }

    static asio::awaitable<result<boost::system::error_code>> connect(tcp::socket& socket, tcp::endpoint where) {
        boost::system::error_code ec;
        co_await socket.async_connect(where, asio::redirect_error(asio::use_awaitable, ec));
        throw_if_cancelled(ec);
        co_return ec;
    }

    /// Ends when what is wanted was heard, when enough was, or when the other side ends it.
    asio::awaitable<result<boost::system::error_code>> talk(tcp::socket& socket, std::string& heard) {
        boost::system::error_code ec;
        if (!check_.send.empty()) {
            co_await asio::async_write(socket, asio::buffer(check_.send),
                                       asio::redirect_error(asio::use_awaitable, ec));
            throw_if_cancelled(ec);
        }
        std::array<char, 2048> chunk;
        // What it said before it broke off counts as well.
        while (check_.expect && !check_.expect->found_in(heard) && heard.size() < most_heard) {
            const std::size_t n =
                co_await socket.async_read_some(asio::buffer(chunk), asio::redirect_error(asio::use_awaitable, ec));
            throw_if_cancelled(ec);
            heard.append(chunk.data(), std::min(n, most_heard - heard.size()));
            if (ec) break;
        }
        co_return ec;
    }

    /// Empty when the conversation went as wanted.
    [[nodiscard]] std::string why_not(const result<boost::system::error_code>& ended, const std::string& heard) const {
        if (!check_.expect) {
            if (!ended) return probing::silence(check_.timeout);
            return *ended ? probing::in_words(*ended) : std::string();
        }
        if (check_.expect->found_in(heard)) return {};
        const std::string got = heard.empty() ? "" : fmt::format(", got \"{}\"", probing::shown(heard));
        if (!ended)
            return fmt::format("no {} within {}{}", check_.expect->words(), format_duration(check_.timeout), got);
        if (heard.size() >= most_heard)
            return fmt::format("no {} in the first {} bytes{}", check_.expect->words(), most_heard, got);
        const std::string how = *ended == asio::error::eof ? "the connection was closed" : probing::in_words(*ended);
        return fmt::format("{} before {} came{}", how, check_.expect->words(), got);
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

wanted_text::wanted_text(std::string text)
    : text_(std::move(text)), words_(fmt::format("\"{}\"", probing::shown(text_))) {}

wanted_text::wanted_text(pattern regex, const std::string& source)
    : regex_(std::move(regex)), words_(fmt::format("/{}/", source)) {}

bool wanted_text::found_in(std::string_view text) const {
    return regex_ ? regex_->found_in(text) : text.find(text_) != std::string_view::npos;
}

bool wanted_text::fits(std::string_view text) const { return regex_ ? regex_->found_in(text) : text == text_; }

std::unique_ptr<prober> make_prober(tcp_check check, time_source& time, resolver& names) {
    return std::make_unique<tcp_prober>(std::move(check), time, names);
}

}  // namespace steward::net
