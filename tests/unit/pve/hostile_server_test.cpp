#include "pve/https_transport.hpp"
#include "unit/net/https_pair.hpp"
#include "unit/net/loopback.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::pve;
using namespace std::chrono_literals;
namespace asio = boost::asio;
namespace loopback = steward::net::loopback;

namespace {

/// What a server does to one request, over real TLS on the loopback.
class malice {
  public:
    enum class then { close, drop, wait };
    malice() = default;
    malice(std::string b, then e) : begin(std::move(b)), end(e) {}
    std::string begin;   ///< sent at once
    std::string repeat;  ///< then this, again and again, for ever
    duration pause{};    ///< before each repetition
    then end = then::close;
};

class pieces {
  public:
    pieces(malice m, time_source& t, std::uint64_t& sent) : what_(std::move(m)), time_(t), sent_(sent) {}
    asio::awaitable<std::string> next() {
        if (!has_begun_ && !what_.begin.empty()) {
            has_begun_ = true;
            sent_ += what_.begin.size();
            co_return what_.begin;
        }
        if (what_.repeat.empty()) {
            if (what_.end == malice::then::wait) co_await time_.sleep_for(1h);
            co_return std::string();
        }
        if (what_.pause > 0s) co_await time_.sleep_for(what_.pause);
        sent_ += what_.repeat.size();
        co_return what_.repeat;
    }

  private:
    malice what_;
    time_source& time_;
    std::uint64_t& sent_;
    bool has_begun_ = false;
};

credentials a_token() {
    credentials who;
    who.token = "svc@pve!t=secret";
    return who;
}

struct site {
    explicit site(malice m) : what(std::move(m)), pair([this](const net::http_request&) { return answer(); }) {
        https_options options;
        options.limits.in_flight = 1;
        transport = std::make_unique<https_transport>(pair.io.get_executor(), pair.time, chance, *pair.names,
                                                      std::vector{pair.endpoint()}, a_token(), options);
    }
    net::server_reply answer() {
        net::server_reply out;
        if (is_good) {
            out.body = R"({"data":1})";
            return out;
        }
        const auto script = std::make_shared<pieces>(what, pair.time, sent);
        out.pieces = [script] { return script->next(); };
        out.drop_connection = what.end == malice::then::drop;
        return out;
    }
    result<reply> send(verb how, duration limit) {
        return run_awaitable(pair.io, transport->send(request(how, "/version"), pair.time.now() + limit));
    }

    malice what;
    bool is_good = false;
    std::uint64_t sent = 0;
    random_source chance{1};
    net::https_pair pair;
    std::unique_ptr<https_transport> transport;
};

std::string outcome(const result<reply>& r) { return r ? std::to_string(r->status) : name_of(r.error().code); }

asio::awaitable<void> ask(https_transport& through, time_point deadline, std::vector<std::string>& outcomes) {
    const auto got = co_await through.send(request(verb::get, "/version"), deadline);
    outcomes.push_back(outcome(got));
}

const std::string head = "HTTP/1.1 200 OK\r\n";

}  // namespace

TEST_CASE("hostile server: the right error, in bounded time and memory") {
    using then = malice::then;
    struct row {
        const char* name;
        std::string begin;
        std::string repeat;
        duration pause;
        then end;
        const char* outcome;
    };
    const std::string chunked = head + "Transfer-Encoding: chunked\r\n\r\n";
    const std::string filler(16384, 'x');
    const row rows[] = {
        {"a header that comes byte by byte", head, "x", 10ms, then::wait, "outcome_unknown"},
        {"a header line for each pause", head, "X: y\r\n", 10ms, then::wait, "outcome_unknown"},
        {"nothing at all", "", "", 0ms, then::wait, "outcome_unknown"},
        {"half an answer, then nothing", head, "", 0ms, then::wait, "outcome_unknown"},
        {"a body byte by byte", head + "Content-Length: 100000\r\n\r\n", "x", 10ms, then::wait, "outcome_unknown"},
        {"an endless body", head + "\r\n", filler, 0ms, then::wait, "garbage"},
        {"an endless chunked body", chunked, "4000\r\n" + filler + "\r\n", 0ms, then::wait, "garbage"},
        {"an endless header", head, "X-Filler: " + std::string(1000, 'x') + "\r\n", 0ms, then::wait, "garbage"},
        {"an endless header line", head + "X: ", filler, 0ms, then::wait, "garbage"},
        {"an endless status line", "HTTP/1.1 200 ", filler, 0ms, then::wait, "garbage"},
        {"an endless chunk extension", chunked + "1;x=", filler, 0ms, then::wait, "garbage"},
        {"endless trailers", chunked + "0\r\n", "X-Filler: x\r\n", 0ms, then::wait, "garbage"},
        {"a flood of 100 Continue", "", "HTTP/1.1 100 Continue\r\n\r\n", 0ms, then::wait, "garbage"},
        {"a chunk size that is none", chunked + "zz\r\nab\r\n", "", 0ms, then::wait, "garbage"},
        {"a chunk size beyond 64 bits", chunked + "fffffffffffffffff\r\n", "", 0ms, then::wait, "garbage"},
        {"a chunk longer than announced", chunked + "1\r\nabc\r\n0\r\n\r\n", "", 0ms, then::wait, "garbage"},
        {"chunks without an end", chunked + "2\r\nab\r\n", "", 0ms, then::close, "outcome_unknown"},
        {"a length too short for the body", head + "Content-Length: 2\r\n\r\nabcdef", "", 0ms, then::close, "200"},
        {"a length too long for the body", head + "Content-Length: 9\r\n\r\nabc", "", 0ms, then::close,
         "outcome_unknown"},
        {"a length that is no number", head + "Content-Length: -1\r\n\r\n", "", 0ms, then::wait, "garbage"},
        {"two lengths", head + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc", "", 0ms, then::wait, "garbage"},
        {"a length beyond any memory", head + "Content-Length: 18446744073709551615\r\n\r\n", "", 0ms, then::wait,
         "garbage"},
        {"a length and chunks", head + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", "", 0ms, then::wait,
         "garbage"},
        {"closed in the middle of the body", head + "Content-Length: 9\r\n\r\nabc", "", 0ms, then::drop,
         "outcome_unknown"},
        {"closed without a word", "", "", 0ms, then::drop, "outcome_unknown"},
        {"garbage before the status line", "\x01\x02garbage\r\n" + head + "Content-Length: 0\r\n\r\n", "", 0ms,
         then::wait, "garbage"},
        {"another protocol", "SSH-2.0-OpenSSH_9.2\r\n", "", 0ms, then::wait, "garbage"},
        {"endless garbage", "", filler, 0ms, then::wait, "garbage"},
        {"a redirect", "HTTP/1.1 302 Found\r\nLocation: https://evil.example/\r\nContent-Length: 0\r\n\r\n", "", 0ms,
         then::close, "garbage"},
        {"packed rubbish", head + "Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", "", 0ms, then::close,
         "garbage"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            malice m(r.begin, r.end);
            m.repeat = r.repeat;
            m.pause = r.pause;
            site s(std::move(m));
            const time_point began = s.pair.time.now();
            // Who never says anything wrong is ended by the time limit, and nobody else.
            const bool needs_limit = std::string_view(r.outcome) == "outcome_unknown";
            const duration limit = needs_limit && r.end == then::wait ? duration(300ms) : duration(20s);
            const auto got = s.send(verb::create, limit);
            CHECK(outcome(got) == r.outcome);
            CHECK(s.pair.time.now() - began < 10s);  // under a sanitizer on a busy machine
            // More than the limit of bodies and what lies in the kernel's buffers was never taken from it.
            CHECK(s.sent < (24U << 20U));
            CHECK(s.pair.seen.size() == 1);
            s.is_good = true;
            CHECK(outcome(s.send(verb::get, 20s)) == "200");
        }
    }
}

TEST_CASE("hostile server: another certificate after the first connection") {
    net::https_pair pair([](const net::http_request&) {
        net::server_reply out;
        out.body = R"({"data":1})";
        out.close_after = true;
        return out;
    });
    const auto other = net::make_certificate("127.0.0.1", {"127.0.0.1"}, net::certificate());
    REQUIRE(other);
    net::server_options options;
    const auto impostor = pair.start(options, *other);
    const bool by_pin = GENERATE(true, false);
    /// The one way leads to the first server, and later to the other.
    class switched final : public http_exchange {
      public:
        switched(std::unique_ptr<http_exchange> a) : of_(std::move(a)) {}
        std::size_t size() const override { return 1; }
        const std::string& label(std::size_t) const override { return of_->label(at); }
        asio::awaitable<result<net::http_response>> send(std::size_t, net::http_request r, time_point connect_by,
                                                         time_point deadline) override {
            return of_->send(at, std::move(r), connect_by, deadline);
        }
        asio::awaitable<result<net::http_response>> stream(std::size_t, net::streamed_request r,
                                                           time_point connect_by) override {
            return of_->stream(at, std::move(r), connect_by);
        }
        std::size_t at = 0;

      private:
        std::unique_ptr<http_exchange> of_;
    };
    net::http_endpoint first = pair.endpoint();
    if (by_pin) {
        first.trust.ca_file.clear();
        first.trust.fingerprints = {pair.leaf.fingerprint_sha256};
    }
    net::http_endpoint second = first;
    second.port = impostor->port();
    auto way = std::make_unique<switched>(make_socket_exchange(pair.io.get_executor(), pair.time, *pair.names,
                                                               std::vector{first, second}, net::http_client_options()));
    switched& where = *way;
    random_source chance(1);
    https_transport transport(pair.time, chance, std::move(way), a_token(), https_options());
    const auto send = [&](verb what) {
        return run_awaitable(pair.io, transport.send(request(what, "/version"), pair.time.now() + 20s));
    };
    CHECK(outcome(send(verb::get)) == "200");
    where.at = 1;
    for (const verb what : {verb::get, verb::create}) CHECK(outcome(send(what)) == "untrusted");
    CHECK(pair.seen.size() == 1);  // nothing was sent to the impostor
    where.at = 0;
    CHECK(outcome(send(verb::get)) == "200");
    pair.stop();
}

TEST_CASE("hostile server: cancelled at each await, no connection and no place is left behind") {
    malice m(head, malice::then::wait);
    m.repeat = "X: y\r\n";
    m.pause = 1ms;
    site s(std::move(m));
    for (int steps = 0; steps < 60; steps += 2) {
        INFO("steps " << steps);
        s.is_good = false;
        task_group calls(s.pair.io.get_executor());
        std::vector<std::string> outcomes;
        for (int i = 0; i < 3; ++i) calls.spawn("call", ask(*s.transport, s.pair.time.now() + 1h, outcomes));
        s.pair.io.restart();
        for (int i = 0; i < steps; ++i) s.pair.io.run_one();
        calls.cancel();
        loopback::run_out(s.pair.io, calls);
        CHECK(outcomes.empty());
        s.is_good = true;
        CHECK(outcome(s.send(verb::get, 20s)) == "200");  // with one place, it would wait for ever
    }
}
