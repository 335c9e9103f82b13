#include "pve/retry.hpp"

#include "pve/http_meaning.hpp"
#include "runtime/sim_time.hpp"
#include "runtime/task_group.hpp"

#include <boost/json/value.hpp>

#include <catch2/catch.hpp>
#include <deque>
#include <optional>

using namespace steward;
using namespace steward::pve;
using namespace std::chrono_literals;

namespace {

reply status(int code, std::string reason = "", std::optional<duration> retry_after = std::nullopt) {
    reply r;
    r.status = code;
    r.reason = std::move(reason);
    r.body = R"({"data":null})";
    r.retry_after = retry_after;
    return r;
}

fault lost(errc code) { return fault(code, "n1", "connection reset"); }

/// Plays its script, the last entry for ever; each answer takes 100 ms.
class script_transport final : public transport {
  public:
    script_transport(time_source& t, std::deque<result<reply>> s) : time(t), script(std::move(s)) {}
    boost::asio::awaitable<result<reply>> send(request, time_point deadline) override {
        sent.push_back(time.now());
        CHECK(deadline > time.now());
        co_await time.sleep_for(100ms);
        result<reply> next = script.front();
        if (script.size() > 1) script.pop_front();
        co_return next;
    }
    boost::asio::awaitable<result<reply>> stream(request, streams) override {
        sent.push_back(time.now());
        co_return script.front();
    }
    time_source& time;
    std::deque<result<reply>> script;
    std::vector<time_point> sent;
};

class world {
  public:
    explicit world(std::deque<result<reply>> script, retry_options options = {})
        : wire(time, std::move(script)),
          chance(1),
          retrying(wire, time, chance, options),
          tasks(time.io().get_executor()) {}

    result<reply> ask(request call, duration limit) {
        const time_point began = time.now();
        tasks.spawn("ask", keep(std::move(call), began + limit));
        REQUIRE(time.run_until([&] { return answer.has_value(); }, 1h));
        took = time.now() - began;
        time.run_for(0s);
        CHECK(tasks.size() == 0);
        CHECK(time.sleepers() == 0);
        return std::move(*answer);
    }

    sim_time time;
    script_transport wire;
    random_source chance;
    retrying_transport retrying;
    task_group tasks;
    std::optional<result<reply>> answer;
    duration took{};

  private:
    boost::asio::awaitable<void> keep(request call, time_point deadline) {
        auto got = co_await retrying.send(std::move(call), deadline);
        answer.emplace(std::move(got));
    }
};

}  // namespace

TEST_CASE("only what is safe is repeated") {
    struct row {
        const char* name;
        result<reply> first;
        std::size_t gets;    // how often a GET is sent before the 200 that would come second
        std::size_t writes;  // the same of POST, PUT and DELETE
    };
    const row rows[] = {
        {"never arrived", lost(errc::not_delivered), 2, 2},
        {"sent, answer lost", lost(errc::outcome_unknown), 2, 1},
        {"wrong certificate", lost(errc::untrusted), 1, 1},
        {"observe mode", lost(errc::dry_run), 1, 1},
        {"no endpoint", lost(errc::unavailable), 1, 1},
        {"not understood", lost(errc::garbage), 1, 1},
        {"our own limit", lost(errc::timed_out), 1, 1},
        {"200", status(200), 1, 1},
        {"400", status(400), 1, 1},
        {"401", status(401), 1, 1},
        {"403", status(403), 1, 1},
        {"404", status(404), 1, 1},
        {"429", status(429), 2, 1},
        {"500", status(500), 1, 1},
        {"501", status(501), 1, 1},
        {"502", status(502), 2, 1},
        {"503", status(503), 2, 1},
        {"504", status(504), 2, 1},
        {"505", status(505), 1, 1},
        {"595", status(595), 2, 2},
        {"596", status(596), 2, 1},
        {"597", status(597), 2, 1},
        {"598", status(598), 2, 1},
        {"599", status(599), 2, 1},
    };
    for (const row& r : rows) {
        for (const verb what : {verb::get, verb::create, verb::set, verb::remove}) {
            DYNAMIC_SECTION(http_method(what) << ": " << r.name) {
                world w({r.first, status(200)});
                const auto got = w.ask(request(what, "/x"), 20s);
                const std::size_t expected = what == verb::get ? r.gets : r.writes;
                CHECK(w.wire.sent.size() == expected);
                if (expected == 2) CHECK(got->status == 200);
                if (expected == 1) CHECK(got.has_value() == r.first.has_value());
            }
        }
    }
}

TEST_CASE("a POST after 596 is sent exactly once") {
    world w({status(596, "Connection timed out")});
    const request call(verb::create, "/nodes/n2/lxc/101/status/start");
    const auto got = w.ask(call, 60s);
    CHECK(w.wire.sent.size() == 1);
    const auto data = data_of(*got, call);
    CHECK(data.error().code == errc::outcome_unknown);
    CHECK(data.error().detail == "Connection timed out");
}

TEST_CASE("pauses grow, vary and end with the deadline") {
    world w({lost(errc::not_delivered)});
    const auto got = w.ask(request(verb::get, "/x"), 60s);
    REQUIRE_FALSE(got);
    CHECK(got.error().code == errc::not_delivered);
    CHECK(w.took < 60s);
    CHECK(w.took > 45s);  // the last pause, 5 s to 10 s, did not fit any more
    CHECK(got.error().detail == "connection reset (" + std::to_string(w.wire.sent.size()) + " attempts)");
    REQUIRE(w.wire.sent.size() >= 8);
    duration expected = 250ms;
    bool varies = false;
    for (std::size_t i = 1; i < w.wire.sent.size(); ++i) {
        const duration pause = w.wire.sent[i] - w.wire.sent[i - 1] - 100ms;
        CHECK(pause <= expected);
        CHECK(pause >= expected / 2);
        varies = varies || pause != expected;
        expected = std::min<duration>(expected * 2, 10s);
    }
    CHECK(varies);
}

TEST_CASE("the words of the last answer tell the attempts, and keep their meaning") {
    world w({status(595, "No route to host")});
    const request call(verb::create, "/nodes/n2/lxc");
    const auto got = w.ask(call, 1s);
    const auto data = data_of(*got, call);
    CHECK(data.error().code == errc::not_delivered);
    CHECK(data.error().http_status == 595);
    CHECK(data.error().detail == "No route to host (" + std::to_string(w.wire.sent.size()) + " attempts)");
    CHECK(w.wire.sent.size() >= 2);
}

TEST_CASE("the server's Retry-After is kept to, but not beyond the deadline") {
    world fits({status(429, "Too Many Requests", 7s), status(200)});
    CHECK(fits.ask(request(verb::get, "/x"), 20s)->status == 200);
    CHECK(fits.took == 7200ms);
    world late({status(503, "", 30s), status(200)});
    CHECK(late.ask(request(verb::get, "/x"), 20s)->status == 503);
    CHECK(late.took == 100ms);
    world below({status(503, "", 0s), status(200)});
    CHECK(below.ask(request(verb::get, "/x"), 20s)->status == 200);
    CHECK(below.took > 300ms);  // our own pause all the same
}

TEST_CASE("what moves files is sent once, whatever happens") {
    world w({lost(errc::not_delivered)});
    bool is_over = false;
    const auto once = [](world& here, bool& over) -> boost::asio::awaitable<void> {
        streams with;
        const auto got = co_await here.retrying.stream(request(verb::get, "/x"), std::move(with));
        CHECK(got.error().code == errc::not_delivered);
        over = true;
    };
    w.tasks.spawn("stream", once(w, is_over));
    w.time.run_for(60s);
    CHECK(is_over);
    CHECK(w.wire.sent.size() == 1);
}

TEST_CASE("a refused connection is tried four times where a person waits, a refusal of PVE once (M-088)") {
    retry_options four;
    four.attempts = 4;
    world refused({lost(errc::not_delivered)}, four);
    const auto got = refused.ask(request(verb::get, "/version"), 30s);
    REQUIRE_FALSE(got);
    CHECK(refused.wire.sent.size() == 4);
    CHECK(got.error().detail == "connection reset (4 attempts)");
    CHECK(refused.took < 3s);

    world said_no({status(500, "CT 100 already running")}, four);
    static_cast<void>(said_no.ask(request(verb::create, "/x"), 30s));
    CHECK(said_no.wire.sent.size() == 1);
}
