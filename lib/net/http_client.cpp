#include "net/http_client.hpp"

#include "net/connection.hpp"
#include "net/http_exchange.hpp"
#include "runtime/with_timeout.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <array>
#include <deque>
#include <fmt/core.h>
#include <optional>

namespace steward::net {
namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace {

constexpr std::size_t header_limit = 32U << 10U;

bool equal_without_case(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

std::string serialise(const http_request& request, const http_endpoint& where, bool keep_alive) {
    std::string text = request.method + " " + request.target + " HTTP/1.1\r\n";
    bool has_host = false;
    for (const auto& [name, value] : request.headers) has_host = has_host || equal_without_case(name, "host");
    const bool is_v6 = where.host.find(':') != std::string::npos;
    if (!has_host)
        text += fmt::format("Host: {}{}{}:{}\r\n", is_v6 ? "[" : "", where.host, is_v6 ? "]" : "", where.port);
    for (const auto& [name, value] : request.headers) text += name + ": " + value + "\r\n";
    const bool may_have_body = request.method == "POST" || request.method == "PUT";
    // PVE knows no chunked requests and refuses a body on GET and DELETE (pve-facts B.2).
    if (may_have_body) text += fmt::format("Content-Length: {}\r\n", request.body.size());
    text += keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
    if (may_have_body) text += request.body;
    return text;
}

/// How far an exchange came; decides whether it may be repeated.
struct progress {
    std::size_t written = 0;
    std::size_t received = 0;
    time_point first_byte{};
};

/// Reads one response. `cuts`: a body longer than `max_body` is cut off; otherwise it is garbage.
class response_reader {
  public:
    response_reader(connection& from, time_source& time, std::size_t max_body, bool cuts, progress& how_far)
        : from_(from), time_(time), max_body_(max_body), cuts_(cuts), how_far_(how_far) {
        begin();
    }

    asio::awaitable<result<http_response>> run() {
        // Small: thousands of probes may be reading at the same time.
        std::array<char, 4096> chunk;
        while (!parser_->is_done()) {
            if (cuts_ && parser_->is_header_done() && parser_->get().body().size() >= max_body_) break;
            const auto n = co_await from_.read_some(asio::buffer(chunk));
            if (!n) co_return fault(errc::outcome_unknown, "read", n.error().detail);
            const auto taken = take(std::string_view(chunk.data(), *n));
            if (!taken) co_return taken.error();
        }
        co_return finish();
    }

    [[nodiscard]] bool keeps_alive() const { return parser_->is_done() && parser_->keep_alive() && pending_.empty(); }

  private:
    using parser = http::response_parser<http::string_body>;

    void begin() {
        parser_.emplace();
        parser_->eager(true);
        parser_->header_limit(header_limit);
        if (cuts_)
            parser_->body_limit(boost::none);
        else
            parser_->body_limit(max_body_);
    }

    result<void> take(std::string_view bytes) {
        boost::system::error_code ec;
        if (bytes.empty()) {
            if (how_far_.received == 0) return fault(errc::outcome_unknown, "read", "the server closed the connection");
            // Beast asserts that an end comes after a beginning.
            if (parser_->got_some()) parser_->put_eof(ec);
            if (ec || !parser_->is_done())
                return fault(errc::outcome_unknown, "read",
                             "the server closed the connection in the middle of its answer");
            return {};
        }
        if (how_far_.received == 0) how_far_.first_byte = time_.now();
        how_far_.received += bytes.size();
        pending_.append(bytes);
        while (!pending_.empty() && !parser_->is_done()) {
            const std::size_t used = parser_->put(asio::buffer(pending_), ec);
            pending_.erase(0, used);
            if (ec == http::error::need_more) return {};
            if (ec) return fault(errc::garbage, "read", fmt::format("not a proper HTTP answer: {}", ec.message()));
            if (is_interim())
                begin();
            else if (used == 0)
                return {};
        }
        return {};
    }

    /// 100 Continue, 103 Early Hints: the answer is still to come (RFC 9110 15.2). 101 is never asked for.
    [[nodiscard]] bool is_interim() const {
        const unsigned status = parser_->is_done() ? parser_->get().result_int() : 0;
        return status / 100 == 1 && status != 101;
    }

    http_response finish() {
        http_response out;
        auto& message = parser_->get();
        out.status = static_cast<int>(message.result_int());
        out.reason = std::string(message.reason());
        for (const auto& field : message)
            out.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
        out.body = std::move(message.body());
        if (cuts_ && out.body.size() > max_body_) out.body.resize(max_body_);
        return out;
    }

    connection& from_;
    time_source& time_;
    std::size_t max_body_;
    bool cuts_;
    progress& how_far_;
    std::string pending_;
    std::optional<parser> parser_;
};

asio::awaitable<result<http_response>> converse(connection& with, std::string_view text, response_reader& reader,
                                                progress& how_far) {
    const auto sent = co_await with.write(text, how_far.written);
    // A server that refuses early may answer and close while we still write; its answer counts.
    if (!sent && how_far.written == 0) co_return fault(errc::not_delivered, "write", sent.error().detail);
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
                                                  http_request request, time_point deadline, std::size_t max_body,
                                                  exchange_times& times) {
    const tls_setup setup(where);
    auto opened = co_await connection::open(time, names, where, setup, deadline, times);
    if (!opened) co_return opened.error();
    progress how_far;
    const time_point began = time.now();
    const std::string text = serialise(request, where, false);
    response_reader reader(**opened, time, max_body, true, how_far);
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

    asio::awaitable<result<http_response>> exchange(const http_request& request, time_point deadline) {
        const std::string text = serialise(request, where, true);
        for (bool may_reuse = true;; may_reuse = false) {
            std::unique_ptr<connection> with;
            if (may_reuse) with = take_idle();
            const bool is_reused = with != nullptr;
            if (!with) {
                exchange_times times;
                const time_point limit = std::min(deadline, time.now() + options.connect_limit);
                auto opened = co_await connection::open(time, names, where, tls, limit, times);
                if (!opened) co_return not_delivered(opened.error());
                with = std::move(*opened);
            }
            if (time.now() >= deadline) co_return fault(errc::not_delivered, name(), "not sent in time");
            progress how_far;
            ++with->requests;
            response_reader reader(*with, time, options.max_body, false, how_far);
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

asio::awaitable<result<http_response>> http_client::send(http_request request, time_point deadline) {
    const auto s = state_;
    const auto place = co_await with_deadline(s->time, deadline, s->enter());
    if (!place) co_return fault(errc::not_delivered, s->name(), "all connections were busy until the time limit");
    auto answer = co_await s->exchange(request, deadline);
    co_return answer;
}

}  // namespace steward::net
