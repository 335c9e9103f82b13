#include "core/fencing/self_fence.hpp"

#include "core/fencing/proof.hpp"

#include <catch2/catch.hpp>
#include <tuple>

using namespace steward;
using namespace steward::fencing;
using namespace std::chrono_literals;

namespace {

const time_point start{1000s};

class guard {
  public:
    /// A renewal contains what is promised at the moment that it ends, unless it says otherwise.
    guard_effect take(guard_event e, time_point now) {
        auto* renewal = std::get_if<renewal_ended>(&e);
        if (renewal != nullptr && renewal->promised == lease::contract::none) renewal->promised = state_.promise;
        return take_as_it_is(e, now);
    }
    guard_effect take_as_it_is(const guard_event& e, time_point now) {
        const guard_step s = advance(state_, e, now);
        state_ = s.now;
        return s.run;
    }
    guard_state state_;
};

guard armed_at_start(lease::contract wanted = lease::contract::watchdog) {
    guard g;
    g.take(renewal_ended{true, start - 20s}, start - 20s);
    g.take(records_read{}, start - 20s);
    const guard_effect did = g.take(guard_wishes{true, wanted, true}, start - 20s);
    if (wanted == lease::contract::watchdog) {
        REQUIRE(did == guard_effect::open_watchdog);
        REQUIRE(g.state_.promise == lease::contract::none);  // nobody may rely on it before it works
        g.take(watchdog_answer{true}, start - 20s);
    }
    REQUIRE(g.state_.promise == wanted);
    g.take(renewal_ended{true, start}, start);
    REQUIRE(g.state_.at == guard_phase::armed);
    return g;
}

}  // namespace

TEST_CASE("a guard that has just booted promises nothing before it has written and read") {
    guard g;
    CHECK(g.take(guard_wishes{true, lease::contract::watchdog, true}, start) == guard_effect::none);
    g.take(records_read{}, start);
    CHECK(g.state_.at == guard_phase::embargo);
    g.take(renewal_ended{true, start}, start);
    CHECK(g.state_.at == guard_phase::embargo);
    g.take(records_read{}, start);
    CHECK(g.state_.at == guard_phase::disarmed);
}

TEST_CASE("an armed guard without renewals is late, starves, and kills") {
    struct row {
        duration age;
        guard_phase at;
        guard_effect did;
    };
    for (const row& r :
         {row{14s, guard_phase::armed, guard_effect::none}, row{15s, guard_phase::late, guard_effect::none},
          row{45s, guard_phase::starved, guard_effect::none}, row{55s, guard_phase::killing, guard_effect::kill_guests},
          row{900s, guard_phase::killing, guard_effect::kill_guests}}) {
        guard g = armed_at_start();
        const guard_effect did = g.take(guard_tick{}, start + r.age);
        CHECK(g.state_.at == r.at);
        CHECK(did == r.did);
        CHECK(serves_changes(g.state_, start + r.age) == (r.age < 45s));
    }
}

TEST_CASE("whoever has promised nothing kills nothing") {
    guard g;
    g.take(renewal_ended{true, start}, start);
    g.take(records_read{}, start);
    CHECK(g.take(guard_tick{}, start + 900s) == guard_effect::none);
    CHECK(g.state_.at == guard_phase::disarmed);
}

TEST_CASE("the watchdog is fed only within five seconds of the beginning of a renewal") {
    guard g = armed_at_start();
    CHECK(g.take(renewal_ended{true, start + 10s}, start + 10s) == guard_effect::feed);
    CHECK(g.take(renewal_ended{true, start + 20s}, start + 25s) == guard_effect::feed);
    CHECK(g.take(renewal_ended{true, start + 30s}, start + 36s) == guard_effect::none);
    CHECK(g.take(renewal_ended{false, start + 40s}, start + 40s) == guard_effect::none);
}

TEST_CASE("when writes are too slow to feed the watchdog, the promise is taken back in writing before it fires") {
    guard g = armed_at_start();
    g.take(renewal_ended{true, start + 10s}, start + 10s);
    // Another one like this ends 46 s after the last feed, and then there would be no time left.
    CHECK(g.take(renewal_ended{true, start + 20s}, start + 38s) == guard_effect::none);
    CHECK(g.state_.at == guard_phase::withdrawing);
    CHECK(g.state_.promise == lease::contract::none);
    CHECK(g.state_.has_watchdog);
    CHECK(g.take_as_it_is(renewal_ended{true, start + 38s, lease::contract::none}, start + 56s) ==
          guard_effect::close_watchdog);
    CHECK(g.state_.at == guard_phase::disarmed);
    // Nothing is promised as long as it goes on, and again as soon as it does not.
    CHECK(g.take(guard_wishes{true, lease::contract::watchdog, true}, start + 57s) == guard_effect::none);
    CHECK(describe(g.state_, {}, start + 57s).find("no_promise=writes_too_slow") != std::string::npos);
    CHECK(describe(g.state_, {"two_node_unsafe", ""}, start + 57s).find("writes_too_slow") == std::string::npos);
    CHECK(g.take(renewal_ended{true, start + 60s}, start + 65s) == guard_effect::open_watchdog);
}

TEST_CASE("a few slow renewals are waited out as long as there is time to take the promise back") {
    struct row {
        const char* name;
        duration takes;
        int renewals;  ///< so many of them are borne
    };
    for (const row& r : {row{"a change of the membership", 8s, 3}, row{"a long one", 15s, 1}, row{"six seconds", 6s, 3},
                         row{"sixteen seconds", 16s, 0}}) {
        INFO(r.name);
        guard g = armed_at_start();
        g.take(renewal_ended{true, start + 10s}, start + 10s);
        time_point begun = start + 20s;
        int borne = 0;
        while (borne < 10) {
            g.take(renewal_ended{true, begun}, begun + r.takes);
            if (g.state_.at == guard_phase::withdrawing) break;
            ++borne;
            begun += std::max(r.takes, guard_timing::renewal);
        }
        CHECK(borne == r.renewals);
        // What is written next is written before watchdog-mux has had enough.
        CHECK(begun + 2 * r.takes - (start + 10s) <= 60s);
    }
}

TEST_CASE("a guard that ends guests by itself needs no watchdog to be fed") {
    guard g = armed_at_start(lease::contract::selfstop);
    CHECK(g.take(renewal_ended{true, start + 20s}, start + 38s) == guard_effect::none);
    CHECK(g.state_.promise == lease::contract::selfstop);
}

TEST_CASE("a renewal in time makes a late guard well again, but none that has begun to kill") {
    guard g = armed_at_start();
    g.take(guard_tick{}, start + 46s);
    REQUIRE(g.state_.at == guard_phase::starved);
    CHECK(g.take(renewal_ended{true, start + 50s}, start + 50s) == guard_effect::feed);
    CHECK(g.state_.at == guard_phase::armed);

    g.take(guard_tick{}, start + 110s);
    REQUIRE(g.state_.at == guard_phase::killing);
    CHECK(g.take(renewal_ended{true, start + 111s}, start + 111s) == guard_effect::kill_guests);
    g.take(all_killed{}, start + 111s);
    CHECK(g.state_.at == guard_phase::killed);
    g.take(renewal_ended{true, start + 112s}, start + 112s);
    CHECK(g.state_.at == guard_phase::embargo);
}

TEST_CASE("the promise is withdrawn before the watchdog is closed, never after") {
    guard g = armed_at_start();
    CHECK(g.take(guard_wishes{false, lease::contract::watchdog, true}, start + 1s) == guard_effect::none);
    CHECK(g.state_.promise == lease::contract::none);
    CHECK(g.state_.has_watchdog);
    CHECK(g.take(renewal_ended{false, start + 5s}, start + 5s) == guard_effect::none);
    CHECK(g.take(renewal_ended{true, start + 10s}, start + 10s) == guard_effect::close_watchdog);
    CHECK(g.state_.at == guard_phase::disarmed);
}

TEST_CASE("a promise that was on its way when it was withdrawn still counts, and so does one of unknown outcome") {
    guard g = armed_at_start();
    g.take(guard_wishes{false, lease::contract::watchdog, true}, start + 1s);
    REQUIRE(g.state_.at == guard_phase::withdrawing);
    CHECK(g.take_as_it_is(renewal_ended{true, start, lease::contract::watchdog}, start + 2s) == guard_effect::none);
    CHECK(g.state_.has_watchdog);
    CHECK(g.take_as_it_is(renewal_ended{true, start + 3s, lease::contract::none}, start + 3s) ==
          guard_effect::close_watchdog);

    guard late = armed_at_start(lease::contract::selfstop);
    late.take(guard_wishes{false, lease::contract::selfstop, true}, start + 1s);
    late.take_as_it_is(renewal_ended{true, start + 2s, lease::contract::none}, start + 2s);
    REQUIRE_FALSE(late.state_.is_relied_on);
    late.take_as_it_is(renewal_ended{false, start + 3s, lease::contract::selfstop}, start + 4s);
    CHECK(late.state_.is_relied_on);
    CHECK(late.take(guard_tick{}, start + 57s) == guard_effect::kill_guests);
}

TEST_CASE("a guard is armed once its lease says so, not when its watchdog works") {
    guard g;
    g.take(renewal_ended{true, start}, start);
    g.take(records_read{}, start);
    g.take(guard_wishes{true, lease::contract::watchdog, true}, start);
    g.take(watchdog_answer{true}, start);
    g.take_as_it_is(renewal_ended{true, start, lease::contract::none}, start + 1s);
    CHECK(g.state_.at == guard_phase::arming);
    g.take(renewal_ended{true, start + 2s}, start + 2s);
    CHECK(g.state_.at == guard_phase::armed);
}

TEST_CASE("a watchdog that is gone takes the promise with it") {
    guard g = armed_at_start();
    g.take(watchdog_answer{false}, start + 1s);
    CHECK(g.state_.promise == lease::contract::none);
}

TEST_CASE("a clock that was set back suspends the promise until two renewals later") {
    guard g = armed_at_start();
    g.take(clock_went_back{}, start + 1s);
    CHECK(g.state_.promise == lease::contract::none);
    g.take(renewal_ended{true, start + 2s}, start + 2s);
    CHECK(g.state_.promise == lease::contract::none);
    g.take(renewal_ended{true, start + 12s}, start + 12s);
    CHECK(g.state_.promise == lease::contract::watchdog);
}

TEST_CASE("a guard whose memory went back trusts nothing of it before it has renewed again") {
    guard g = armed_at_start();
    g.take(memory_went_back{}, start + 1s);
    CHECK(g.state_.at == guard_phase::starved);
    CHECK_FALSE(serves_changes(g.state_, start + 1s));
    CHECK(g.take(renewal_ended{true, start + 2s}, start + 2s) == guard_effect::feed);
    CHECK(g.state_.at == guard_phase::armed);
    CHECK(serves_changes(g.state_, start + 2s));

    guard silent = armed_at_start();
    silent.take(memory_went_back{}, start + 1s);
    CHECK(silent.take(guard_tick{}, start + 11s) == guard_effect::kill_guests);
}

TEST_CASE("a guard under embargo ends nothing, whatever was promised before") {
    guard fresh;
    CHECK(fresh.take(guard_tick{}, start + 900s) == guard_effect::none);
    CHECK(fresh.state_.at == guard_phase::embargo);
    guard g = armed_at_start();
    g.take(guard_tick{}, start + 60s);
    g.take(all_killed{}, start + 60s);
    CHECK(g.take(guard_tick{}, start + 61s) == guard_effect::none);
    CHECK(g.state_.at == guard_phase::killed);
    g.take(renewal_ended{true, start + 62s}, start + 62s);
    REQUIRE(g.state_.at == guard_phase::embargo);
    CHECK(g.take(guard_tick{}, start + 900s) == guard_effect::none);
    CHECK(g.state_.at == guard_phase::embargo);
    // Its watchdog is still there: there is none to be opened beside it.
    g.take(records_read{}, start + 901s);
    CHECK(g.take(renewal_ended{true, start + 901s}, start + 901s) == guard_effect::feed);
    CHECK(g.take(guard_wishes{true, lease::contract::watchdog, true}, start + 901s) == guard_effect::none);
}

TEST_CASE("a guard whose watchdog runs already ends its guests, although nobody has read its promise") {
    guard g;
    g.take(renewal_ended{true, start}, start);
    g.take(records_read{}, start);
    g.take(guard_wishes{true, lease::contract::watchdog, true}, start);
    g.take(watchdog_answer{true}, start);
    REQUIRE_FALSE(g.state_.is_relied_on);
    CHECK(g.take(guard_tick{}, start + 54s) == guard_effect::none);
    CHECK(g.take(guard_tick{}, start + 55s) == guard_effect::kill_guests);
    CHECK(g.take(guard_tick{}, start + 56s) == guard_effect::kill_guests);
}

TEST_CASE("a promise that is being taken back stays that, until it is too old to wait") {
    guard g = armed_at_start();
    g.take(guard_wishes{false, lease::contract::watchdog, true}, start + 1s);
    for (const auto age : {15s, 46s}) {
        CHECK(g.take(guard_tick{}, start + age) == guard_effect::none);
        CHECK(g.state_.at == guard_phase::withdrawing);
    }
    CHECK(g.take(guard_tick{}, start + 55s) == guard_effect::kill_guests);
}

TEST_CASE("a renewal that took fifteen seconds makes nobody armed or well again") {
    guard g;
    g.take(renewal_ended{true, start - 1s}, start - 1s);
    g.take(records_read{}, start - 1s);
    g.take(guard_wishes{true, lease::contract::selfstop, true}, start - 1s);
    REQUIRE(g.state_.at == guard_phase::arming);
    g.take(renewal_ended{true, start}, start + 15s);
    CHECK(g.state_.at == guard_phase::arming);
    g.take(renewal_ended{true, start + 1s}, start + 15s);
    CHECK(g.state_.at == guard_phase::armed);
    g.take(guard_tick{}, start + 20s);
    REQUIRE(g.state_.at == guard_phase::late);
    g.take(renewal_ended{true, start + 10s}, start + 25s);
    CHECK(g.state_.at == guard_phase::late);
    CHECK(g.take(renewal_ended{true, start + 11s}, start + 25s) == guard_effect::none);  // there is no watchdog to feed
    CHECK(g.state_.at == guard_phase::armed);
}

TEST_CASE("what was wished under embargo is done with the next renewal after it") {
    guard g;
    g.take(guard_wishes{true, lease::contract::watchdog, true}, start);
    CHECK(g.take(renewal_ended{true, start}, start) == guard_effect::none);
    CHECK(g.take(records_read{}, start) == guard_effect::none);
    CHECK(g.take(renewal_ended{true, start + 10s}, start + 10s) == guard_effect::open_watchdog);
}

TEST_CASE("a guard that has renewed nothing lets nothing go") {
    guard g;
    g.take(guard_wishes{true, lease::contract::watchdog, true, lease::departure::shutdown, false}, start);
    CHECK(g.state_.promise == lease::contract::none);
}

TEST_CASE("the answer of a watchdog counts for whoever asked") {
    SECTION("nobody asked") {
        guard g;
        g.take(renewal_ended{true, start}, start);
        g.take(records_read{}, start);
        g.take(watchdog_answer{true}, start);
        CHECK_FALSE(g.state_.has_watchdog);
        CHECK(g.state_.promise == lease::contract::none);
    }
    SECTION("it works all the time") {
        guard g = armed_at_start();
        g.take(watchdog_answer{true}, start + 1s);
        CHECK(g.state_.promise == lease::contract::watchdog);
        CHECK(g.state_.at == guard_phase::armed);
    }
    SECTION("it could not be opened") {
        guard g;
        g.take(renewal_ended{true, start}, start);
        g.take(records_read{}, start);
        g.take(guard_wishes{true, lease::contract::watchdog, true}, start);
        REQUIRE(g.state_.at == guard_phase::arming);
        g.take(watchdog_answer{false}, start);
        CHECK_FALSE(g.state_.has_watchdog);
        CHECK(g.state_.promise == lease::contract::none);
        CHECK(g.state_.at == guard_phase::disarmed);
    }
    SECTION("it has gone") {
        guard g = armed_at_start();
        g.take(watchdog_answer{false}, start + 1s);
        CHECK(g.state_.at == guard_phase::withdrawing);
        // Set back meanwhile, the clock brings back no promise that nothing would keep.
        g.take(clock_went_back{}, start + 2s);
        g.take(renewal_ended{true, start + 3s}, start + 3s);
        CHECK(g.state_.promise != lease::contract::watchdog);
    }
    SECTION("the clock went back, and then it has gone") {
        guard g = armed_at_start();
        g.take(clock_went_back{}, start + 1s);
        g.take_as_it_is(watchdog_answer{false}, start + 1s);
        g.take_as_it_is(renewal_ended{true, start + 2s, lease::contract::watchdog}, start + 2s);
        g.take_as_it_is(renewal_ended{true, start + 3s, lease::contract::watchdog}, start + 3s);
        CHECK(g.state_.promise == lease::contract::none);
    }
    SECTION("a guard that only kills cares for no clock") {
        guard g = armed_at_start(lease::contract::selfstop);
        g.take(clock_went_back{}, start + 1s);
        CHECK(g.state_.promise == lease::contract::selfstop);
    }
}

TEST_CASE("a guard without a watchdog promises to kill, and does") {
    guard g = armed_at_start(lease::contract::selfstop);
    CHECK(g.take(guard_tick{}, start + 55s) == guard_effect::kill_guests);
}

TEST_CASE("what the lease still promises is kept, although the next renewal would have taken it back") {
    const std::vector<guard_event> withdrawals{clock_went_back{}, watchdog_answer{false}};
    for (const guard_event& takes_back : withdrawals) {
        guard g = armed_at_start();
        g.take(takes_back, start + 1s);
        REQUIRE(g.state_.promise == lease::contract::none);
        guard_effect did = guard_effect::none;
        for (auto t = 2s; t < 55s; t += 1s) CHECK(g.take(guard_tick{}, start + t) != guard_effect::kill_guests);
        did = g.take(guard_tick{}, start + 55s);
        CHECK(did == guard_effect::kill_guests);
    }
}

TEST_CASE(
    "a node that goes down lets its guests go only when none runs any more, and keeps the watchdog until that is "
    "read") {
    guard_state s;
    s.at = guard_phase::armed;
    s.promise = s.written = lease::contract::watchdog;
    s.has_watchdog = s.has_renewed = s.is_relied_on = true;
    s.lease_since = time_point(100s);
    guard_wishes w{true, lease::contract::watchdog, true, lease::departure::shutdown, true};
    const auto go = [&](const guard_event& e) {
        const guard_step next = advance(s, e, time_point(101s));
        s = next.now;
        return next.run;
    };
    CHECK(go(w) == guard_effect::none);
    CHECK(s.promise == lease::contract::watchdog);
    w.runs_guests = false;
    CHECK(go(w) == guard_effect::none);
    CHECK(s.promise == lease::contract::released);
    CHECK(s.at == guard_phase::withdrawing);
    // One that was on its way before says nothing of it.
    CHECK(go(renewal_ended{true, time_point(101s), lease::contract::watchdog}) == guard_effect::none);
    CHECK(s.has_watchdog);
    CHECK(go(renewal_ended{true, time_point(101s), lease::contract::released}) == guard_effect::close_watchdog);
    CHECK(s.at == guard_phase::disarmed);
    CHECK(s.written == lease::contract::released);
    SECTION("for a reboot it says so") {
        w.leaving = lease::departure::reboot;
        go(w);
        CHECK(s.promise == lease::contract::frozen);
    }
    SECTION("called off: it promises anew") {
        w.leaving = lease::departure::none;
        w.runs_guests = true;
        CHECK(go(w) == guard_effect::open_watchdog);
        CHECK(s.promise == lease::contract::none);
    }
}

TEST_CASE("a guard that has begun to end its guests goes on although it has renewed meanwhile") {
    guard g = armed_at_start();
    REQUIRE(g.take(guard_tick{}, start + 55s) == guard_effect::kill_guests);
    REQUIRE(g.take(renewal_ended{true, start + 56s}, start + 56s) == guard_effect::kill_guests);
    for (const auto age : {57s, 72s, 102s}) {  // on time, late and starved by the new lease
        CHECK(g.take(guard_tick{}, start + age) == guard_effect::kill_guests);
        CHECK(g.state_.at == guard_phase::killing);
    }
}

TEST_CASE("a watchdog that is open and no longer wanted still counts: what it would reset is ended before") {
    guard g;
    g.take(renewal_ended{true, start}, start);
    g.take(records_read{}, start);
    g.take(guard_wishes{true, lease::contract::watchdog, true}, start);
    g.take(watchdog_answer{true}, start);
    g.take(guard_wishes{false, lease::contract::watchdog, true}, start + 1s);
    REQUIRE(g.state_.at == guard_phase::withdrawing);
    REQUIRE_FALSE(g.state_.is_relied_on);
    CHECK(g.take(guard_tick{}, start + 54s) == guard_effect::none);
    CHECK(g.take(guard_tick{}, start + 55s) == guard_effect::kill_guests);
}

TEST_CASE("a memory that went back starves whoever stood on it, and nobody else") {
    guard late = armed_at_start();
    late.take(guard_tick{}, start + 20s);
    REQUIRE(late.state_.at == guard_phase::late);
    late.take(memory_went_back{}, start + 21s);
    CHECK(late.state_.at == guard_phase::starved);

    guard fresh;
    fresh.take(memory_went_back{}, start);
    CHECK(fresh.state_.at == guard_phase::embargo);

    guard leaving = armed_at_start();
    leaving.take(guard_wishes{false, lease::contract::watchdog, true}, start + 1s);
    leaving.take(memory_went_back{}, start + 2s);
    CHECK(leaving.state_.at == guard_phase::withdrawing);
}

namespace {

/// A guard whose node was being shut down: its guests had ended, and its lease, so old, says that it let them go.
guard_state departed(duration age, time_point now, lease::contract written = lease::contract::released) {
    guard_state g;
    g.at = guard_phase::disarmed;
    g.has_renewed = true;
    g.lease_since = now - age;
    g.written = written;
    g.wishes.wanted = lease::contract::watchdog;
    g.wishes.runs_guests = false;
    return g;
}

}  // namespace

TEST_CASE("what was started after the guard had let its guests go is ended before others may have taken it") {
    constexpr time_point now{1000s};
    struct row {
        const char* name;
        duration age;
        lease::contract written;
        bool runs;
        guard_effect wanted;
    };
    const row rows[] = {
        {"not before the lease is late", 15s - 1ns, lease::contract::released, true, guard_effect::none},
        {"after a shutdown", 15s, lease::contract::released, true, guard_effect::kill_guests},
        {"after a reboot", 15s, lease::contract::frozen, true, guard_effect::kill_guests},
        {"nothing runs", 1h, lease::contract::released, false, guard_effect::none},
        {"nothing was said", 1h, lease::contract::none, true, guard_effect::none},
    };
    for (const row& r : rows) {
        INFO(r.name);
        guard_state g = departed(r.age, now, r.written);
        g.wishes.runs_guests = r.runs;
        const guard_step next = advance(g, guard_tick{}, now);
        CHECK(next.run == r.wanted);
        CHECK((next.now.at == guard_phase::killing) == (r.wanted == guard_effect::kill_guests));
    }
    // The leader's guard does not believe a lease that lets go before it has missed so many renewals.
    CHECK(guard_timing::late + 5s < timing::after_release);
}
