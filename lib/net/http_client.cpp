#include "net/http_client.hpp"

#include "net/connection.hpp"
#include "net/http_exchange.hpp"
#include "net/response_reader.hpp"
#include "runtime/with_patience.hpp"
#include "runtime/with_timeout.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <deque>
#include <fmt/core.h>
#include <optional>
#include <vector>

namespace steward::net {
namespace asio = boost::asio;

namespace {

/// What a server says instead of a streamed body is a sentence.
constexpr std::size_t streamed_error_limit = std::size_t{1} << 20U;

using too_long = response_reader::too_long;

bool equal_without_case(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

bool may_have_body(const http_request& request) { return request.method == "POST" || request.method == "PUT"; }

/// Everything before the body, which is `length` bytes.
std::string head_of(const http_request& request, const http_endpoint& where, bool keep_alive, std::uint64_t length) {
    std::string text = request.method + " " + request.target + " HTTP/1.1\r\n";
    bool has_host = false;
    for (const auto& [name, value] : request.headers) has_host = has_host || equal_without_case(name, "host");
    const bool is_v6 = where.host.find(':') != std::string::npos;
    if (!has_host)
        text += fmt::format("Host: {}{}{}:{}\r\n", is_v6 ? "[" : "", where.host, is_v6 ? "]" : "", where.port);
    for (const auto& [name, value] : request.headers) text += name + ": " + value + "\r\n";
    // PVE knows no chunked requests and refuses a body on GET and DELETE (pve-facts B.2).
    if (may_have_body(request)) text += fmt::format("Content-Length: {}\r\n", length);
    text += keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
    return text;
}

std::string serialise(const http_request& request, const http_endpoint& where, bool keep_alive) {
    std::string text = head_of(request, where, keep_alive, request.body.size());
    if (may_have_body(request)) text += request.body;
    return text;
}

asio::awaitable<result<http_response>> converse(connection& with, std::string_view text, response_reader& reader,
                                                progress& how_far) {
    std::size_t written = 0;
    const auto sent = co_await with.write(text, written);
    how_far.written += written;
    // A server that refuses early may answer and close while we still write; its answer counts.
    if (!sent && how_far.written == 0) co_return fault(errc::not_delivered, "write", sent.error().detail);
    auto answer = co_await reader.run();
    co_return answer;
}

/// Sends the body. False when the connection broke meanwhile; a fault is the source's own.
asio::awaitable<result<bool>> feed(connection& to, time_source& time, streamed_request& what, progress& how_far) {
    std::vector<char> piece(std::size_t{256} << 10U);
    const std::uint64_t size = what.body->size();
    std::uint64_t sent = 0;
    while (sent < size) {
        const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), size - sent));
        const auto n = co_await what.body->read(asio::buffer(piece.data(), wanted));
        if (!n) co_return n.error();
        if (*n == 0)
            co_return fault(errc::io, "send", fmt::format("the source ended after {} of {} bytes", sent, size));
        std::size_t written = 0;
        const auto gone = co_await to.write(std::string_view(piece.data(), *n), written);
        how_far.written += written;
        if (!gone) co_return false;
        sent += *n;
        how_far.last_byte = time.now();
        if (what.moving) what.moving(sent);
    }
    co_return true;
}

asio::awaitable<result<http_response>> converse(connection& with, time_source& time, std::string head,
                                                streamed_request& what, response_reader& reader, progress& how_far) {
    std::size_t written = 0;
    const auto begun = co_await with.write(head, written);
    how_far.written += written;
    if (!begun && written == 0) co_return fault(errc::not_delivered, "write", begun.error().detail);
    if (begun && what.body) {
        const auto fed = co_await feed(with, time, what, how_far);
        if (!fed) co_return fed.error();
    }
    // Also when the connection broke: a server that refuses early has answered before it closed.
    auto answer = co_await reader.run();
    co_return answer;
}

}  // namespace

std::string http_response::header(std::string_view name) const {
    for (const auto& [key, value] : headers)
        if (equal_without_case(key, name)) return value;
    return {};
}

asio::awaitable<result<http_response>> fetch_once(time_source& time, resolver& names, http_endpoint where,
                                                  const tls_setup& setup, http_request request, time_point deadline,
                                                  std::size_t max_body, exchange_times& times) {
    auto opened = co_await connection::open(time, names, where, setup, deadline, times);
    if (!opened) co_return opened.error();
    progress how_far;
    const time_point began = time.now();
    const std::string text = serialise(request, where, false);
    response_reader reader(**opened, time, max_body, too_long::is_cut_off, how_far);
    if (request.method == "HEAD") reader.expect_no_body();
    auto answer = co_await with_deadline(time, deadline, converse(**opened, text, reader, how_far));
    if (how_far.received > 0) times.first_byte = how_far.first_byte - began;
    co_return answer;
}

struct http_client::state : std::enable_shared_from_this<state> {
    state(asio::any_io_executor ex, time_source& t, resolver& n, http_endpoint w, http_client_options o)
        : executor(std::move(ex)), time(t), names(n), where(std::move(w)), options(o), tls(where) {}

    /// One of `max_connections` places. Given back wherever it is dropped: also when its owner was cancelled after the
    /// place was granted and before he learned of it.
    class place {
      public:
        explicit place(std::shared_ptr<state> of) : of_(std::move(of)) {}
        ~place() {
            if (of_) of_->leave();
        }
        place(place&&) = default;
        place& operator=(place&&) = delete;

      private:
        std::shared_ptr<state> of_;
    };

    /// The freshest idle connection that the server has not given up, as far as one can see.
    std::unique_ptr<connection> take_idle() {
        forget_old();
        std::unique_ptr<connection> found;
        while (!idle.empty() && !found) {
            found = std::move(idle.back());
            idle.pop_back();
            if (!found->is_quiet()) found.reset();
        }
        return found;
    }

    void put_back(std::unique_ptr<connection> c) {
        forget_old();
        if (c->requests >= options.requests_per_connection) return;
        c->idle_since = time.now();
        idle.push_back(std::move(c));
    }

    void forget_old() {
        const time_point now = time.now();
        std::erase_if(idle, [&](const auto& c) { return now - c->idle_since >= options.idle_limit; });
    }

    /// Waits for a place, first come first served.
    asio::awaitable<result<place>> enter() {
        if (busy < options.max_connections && waiting.empty()) {
            ++busy;
            co_return place(shared_from_this());
        }
        const auto turn = std::make_shared<asio::steady_timer>(executor, asio::steady_timer::time_point::max());
        waiting.push_back(turn);
        boost::system::error_code ec;
        co_await turn->async_wait(asio::redirect_error(asio::use_awaitable, ec));
        // `leave` removes a waiter before it wakes it and hands its place over; one still listed was cancelled.
        const auto listed = std::find(waiting.begin(), waiting.end(), turn);
        if (listed != waiting.end()) {
            waiting.erase(listed);
            throw boost::system::system_error(asio::error::operation_aborted);
        }
        co_return place(shared_from_this());
    }

    void leave() {
        if (waiting.empty()) {
            --busy;
            return;
        }
        const auto next = waiting.front();
        waiting.pop_front();
        next->cancel();
    }

    asio::awaitable<result<std::unique_ptr<connection>>> open(time_point deadline) {
        exchange_times times;
        const time_point limit = std::min(deadline, time.now() + options.connect_limit);
        auto opened = co_await connection::open(time, names, where, tls, limit, times);
        co_return opened;
    }

    asio::awaitable<result<http_response>> exchange(const http_request& request, time_point deadline,
                                                    time_point connect_by) {
        const std::string text = serialise(request, where, true);
        for (bool may_reuse = true;; may_reuse = false) {
            std::unique_ptr<connection> with;
            if (may_reuse) with = take_idle();
            const bool is_reused = with != nullptr;
            if (!with) {
                auto opened = co_await open(std::min(deadline, connect_by));
                if (!opened) co_return not_delivered(opened.error());
                with = std::move(*opened);
            }
            if (time.now() >= deadline) co_return fault(errc::not_delivered, name(), "not sent in time");
            progress how_far;
            ++with->requests;
            response_reader reader(*with, time, options.max_body, too_long::is_garbage, how_far);
            auto answer = co_await with_deadline(time, deadline, converse(*with, text, reader, how_far));
            if (answer) {
                if (reader.keeps_alive()) put_back(std::move(with));
                co_return answer;
            }
            const fault& why = answer.error();
            const bool was_stale = is_reused && how_far.received == 0 && why.code != errc::timed_out;
            if (was_stale && (request.method == "GET" || how_far.written == 0)) continue;
            co_return how_it_ended(why, how_far);
        }
    }

    asio::awaitable<result<http_response>> stream(streamed_request& what, time_point connect_by) {
        auto opened = co_await open(connect_by);
        if (!opened) co_return not_delivered(opened.error());
        std::uint64_t length = 0;
        if (what.body) length = what.body->size();
        std::string head = head_of(what.head, where, false, length);
        progress how_far;
        how_far.last_byte = time.now();
        response_reader reader(**opened, time, streamed_error_limit, too_long::is_garbage, how_far);
        if (what.answer) reader.pour_into(*what.answer, what.most, what.body ? nullptr : what.moving);
        auto work = converse(**opened, time, std::move(head), what, reader, how_far);
        auto answer = co_await with_patience(time, how_far.last_byte, what.patience, std::move(work));
        if (answer) co_return answer;
        fault why = answer.error();
        const bool is_ours = why.code == errc::timed_out || why.code == errc::garbage ||
                             why.code == errc::outcome_unknown || why.code == errc::not_delivered;
        if (!is_ours) co_return why;  // the source's or the sink's
        const bool is_late = why.code == errc::timed_out;
        co_return how_it_ended(is_late ? fault(errc::outcome_unknown, "", why.detail) : why, how_far);
    }

    [[nodiscard]] std::string name() const { return fmt::format("{}:{}", where.host, where.port); }

    [[nodiscard]] fault not_delivered(const fault& f) const {
        const errc code = f.code == errc::untrusted ? errc::untrusted : errc::not_delivered;
        return fault(code, name(), f.code == errc::timed_out ? "no connection in time" : f.detail);
    }

    [[nodiscard]] fault how_it_ended(const fault& f, const progress& how_far) const {
        const bool is_late = f.code == errc::timed_out;
        if (how_far.written == 0) return fault(errc::not_delivered, name(), is_late ? "not sent in time" : f.detail);
        if (f.code == errc::garbage) return fault(errc::garbage, name(), f.detail);
        return fault(errc::outcome_unknown, name(), is_late ? "no complete answer in time" : f.detail);
    }

    asio::any_io_executor executor;
    time_source& time;
    resolver& names;
    http_endpoint where;
    http_client_options options;
    tls_setup tls;
    std::vector<std::unique_ptr<connection>> idle;
    std::deque<std::shared_ptr<asio::steady_timer>> waiting;
    std::size_t busy = 0;
};

http_client::http_client(asio::any_io_executor executor, time_source& time, resolver& names, http_endpoint where,
                         http_client_options options)
    : state_(std::make_shared<state>(std::move(executor), time, names, std::move(where), options)) {}

http_client::~http_client() = default;

void http_client::close_idle() { state_->idle.clear(); }

asio::awaitable<result<http_response>> http_client::send(http_request request, time_point deadline,
                                                         time_point connect_by) {
    const auto s = state_;
    const auto place = co_await with_deadline(s->time, deadline, s->enter());
    if (!place) co_return fault(errc::not_delivered, s->name(), "all connections were busy until the time limit");
    auto answer = co_await s->exchange(request, deadline, connect_by);
    co_return answer;
}

asio::awaitable<result<http_response>> http_client::stream(streamed_request request, time_point connect_by) {
    const auto s = state_;
    const auto place = co_await with_deadline(s->time, connect_by, s->enter());
    if (!place) co_return fault(errc::not_delivered, s->name(), "all connections were busy until the time limit");
    auto answer = co_await s->stream(request, connect_by);
    co_return answer;
}

}  // namespace steward::net
