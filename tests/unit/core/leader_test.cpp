#include "core/leader/leader.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::leader;
using namespace std::chrono_literals;

namespace {

const time_point start{1000s};

/// A machine with its last effect.
class machine {
  public:
    effect take(const event& e, time_point now) {
        const step s = advance(state_, e, now);
        state_ = s.now;
        return s.run;
    }
    state state_;
};

machine fit_observer() {
    machine m;
    m.take(fitness{true, true}, start);
    return m;
}

/// Leads since `start`, with its lock from there.
machine leading_since_start() {
    machine m = fit_observer();
    REQUIRE(m.take(lock_seen{false, 0s}, start) == effect::acquire);
    REQUIRE(m.take(acquired{true, start}, start) == effect::claim_epoch);
    REQUIRE(m.take(epoch_answer{true, m.state_.epoch}, start) == effect::none);
    for (duration t = 10s; t <= 30s; t += 10s) {
        m.take(tick{}, start + t);
        m.take(renewed{true, start + t}, start + t);
    }
    m.take(tick{}, start + 30s);
    REQUIRE(m.state_.at == phase::leading);
    return m;
}

}  // namespace

TEST_CASE("nobody asks for another's lock before 120 s of silence of his own observation") {
    machine m = fit_observer();
    CHECK(m.take(lock_seen{true, 0s}, start) == effect::none);
    CHECK(m.take(lock_seen{true, 119s}, start + 119s) == effect::none);
    CHECK(m.take(lock_seen{true, 120s}, start + 120s) == effect::ask_expiry);
    CHECK(m.state_.at == phase::acquiring);
}

TEST_CASE("only a fit observer wants to lead") {
    machine m;
    CHECK(m.take(lock_seen{false, 0s}, start) == effect::none);
    m.take(fitness{false, true}, start);
    CHECK(m.take(lock_seen{false, 0s}, start) == effect::none);
    m.take(fitness{true, false}, start);
    CHECK(m.take(lock_seen{false, 0s}, start) == effect::none);
    m.take(fitness{true, true}, start);
    CHECK(m.take(lock_seen{false, 0s}, start) == effect::acquire);
}

TEST_CASE("whoever comes second waits") {
    machine m = fit_observer();
    m.take(lock_seen{false, 0s}, start);
    CHECK(m.take(acquired{false, start}, start + 1s) == effect::none);
    CHECK(m.state_.at == phase::observer);
    CHECK(m.take(lock_seen{false, 0s}, start + 2s) == effect::none);  // not at once again
    CHECK(m.take(lock_seen{false, 0s}, start + 4s) == effect::acquire);
}

TEST_CASE("an epoch that somebody has is passed over, one of unknown outcome is asked for again") {
    machine m = fit_observer();
    m.take(epoch_seen{7}, start);
    m.take(lock_seen{false, 0s}, start);
    CHECK(m.take(acquired{true, start}, start) == effect::claim_epoch);
    CHECK(m.state_.epoch == 8);
    CHECK(m.take(epoch_answer{false, 8, false}, start) == effect::claim_epoch);
    CHECK(m.state_.epoch == 9);
    CHECK(m.take(epoch_answer{false, 9, true}, start) == effect::none);
    CHECK(m.take(tick{}, start + 2s) == effect::claim_epoch);
    CHECK(m.state_.epoch == 9);
    m.take(epoch_answer{true, 9}, start + 3s);
    CHECK(m.state_.at == phase::settling);
}

TEST_CASE("a leader adopts at once and begins nothing new for thirty seconds") {
    machine m = fit_observer();
    m.take(lock_seen{false, 0s}, start);
    m.take(acquired{true, start}, start);
    m.take(epoch_answer{true, m.state_.epoch}, start);
    CHECK(may_act(m.state_, start + 1s));
    CHECK_FALSE(may_claim(m.state_, start + 1s));
    m.take(renewed{true, start + 25s}, start + 25s);
    m.take(tick{}, start + 30s);
    CHECK(may_claim(m.state_, start + 30s));
}

TEST_CASE("a leader acts for 30 s after its last renewal and leads for 45, whatever the lock says") {
    struct row {
        duration age;
        bool may;
        phase at;
    };
    for (const row& r : {row{29s, true, phase::leading}, row{30s, false, phase::paused}, row{44s, false, phase::paused},
                         row{45s, false, phase::observer}}) {
        machine m = leading_since_start();
        const time_point now = start + 30s + r.age;
        const effect did = m.take(tick{}, now);
        CHECK(may_act(m.state_, now) == r.may);
        CHECK(m.state_.at == r.at);
        CHECK((did == effect::drop) == (r.at == phase::observer));
    }
}

TEST_CASE("a renewal counts from before the call that succeeded") {
    machine m = leading_since_start();
    // It hung for forty seconds: what it proves is older than what a request needs.
    m.take(tick{}, start + 75s - 1ns);
    m.take(renewed{true, start + 40s}, start + 74s);
    CHECK_FALSE(may_act(m.state_, start + 74s));
    m.take(renewed{true, start + 74s}, start + 74s + 1ms);
    CHECK(may_act(m.state_, start + 75s));
}

TEST_CASE(
    "another epoch, no quorum or an order to stand aside end the lead; the lock is removed only while surely ours") {
    SECTION("a higher epoch") {
        machine m = leading_since_start();
        CHECK(m.take(epoch_seen{m.state_.epoch + 1}, start + 31s) == effect::drop);
        CHECK(m.state_.at == phase::observer);
    }
    SECTION("our own epoch is none") {
        machine m = leading_since_start();
        CHECK(m.take(epoch_seen{m.state_.epoch}, start + 31s) == effect::none);
        CHECK(m.state_.at == phase::leading);
    }
    SECTION("no quorum") {
        machine m = leading_since_start();
        CHECK(m.take(fitness{false, true}, start + 31s) == effect::drop);
    }
    SECTION("standing aside with a fresh lease") {
        machine m = leading_since_start();
        CHECK(m.take(step_down{}, start + 31s) == effect::release);
        CHECK(m.take(lock_seen{false, 0s}, start + 60s) == effect::none);
        CHECK(m.take(lock_seen{false, 0s}, start + 152s) == effect::acquire);
    }
    SECTION("standing aside with an old one: somebody else may have the lock by now") {
        machine m = leading_since_start();
        CHECK(m.take(step_down{}, start + 51s) == effect::drop);
    }
}

TEST_CASE("who slept through its lease may not act, even before it has noticed") {
    leader::state s;
    s.at = leader::phase::leading;
    s.lease_since = time_point(std::chrono::seconds(1000));
    const auto after = [&](int seconds) { return s.lease_since + std::chrono::seconds(seconds); };
    CHECK(leader::may_act(s, after(29)));
    CHECK(leader::may_claim(s, after(29)));
    CHECK_FALSE(leader::may_act(s, after(30)));
    CHECK_FALSE(leader::may_claim(s, after(30)));
    s.at = leader::phase::settling;
    CHECK(leader::may_act(s, after(29)));
    CHECK_FALSE(leader::may_claim(s, after(29)));
    CHECK_FALSE(leader::may_act(s, after(30)));
    s.at = leader::phase::paused;
    CHECK_FALSE(leader::may_act(s, after(1)));
}

TEST_CASE("a paused leader leads again only after a renewal that is fresh, and one that settles goes on settling") {
    machine m = leading_since_start();
    m.take(tick{}, start + 60s);
    REQUIRE(m.state_.at == phase::paused);
    m.take(renewed{true, start + 31s}, start + 62s);  // it began too long ago to act on
    CHECK(m.state_.at == phase::paused);
    m.take(renewed{true, start + 62s}, start + 62s);
    CHECK(m.state_.at == phase::leading);

    machine fresh = fit_observer();
    fresh.take(lock_seen{false, 0s}, start);
    fresh.take(acquired{true, start}, start);
    fresh.take(epoch_answer{true, fresh.state_.epoch}, start);
    REQUIRE(fresh.state_.at == phase::settling);
    fresh.take(renewed{true, start + 10s}, start + 10s);
    CHECK(fresh.state_.at == phase::settling);
}

TEST_CASE("a new leader settles for its whole time, and what was held for too long is lost whoever answers") {
    machine m = fit_observer();
    m.take(lock_seen{false, 0s}, start);
    m.take(acquired{true, start}, start);
    SECTION("settling") {
        m.take(epoch_answer{true, m.state_.epoch}, start);
        for (duration t = 10s; t <= 20s; t += 10s) m.take(renewed{true, start + t}, start + t);
        m.take(tick{}, start + timing::settle - 1s);
        CHECK(m.state_.at == phase::settling);
        m.take(tick{}, start + timing::settle);
        CHECK(m.state_.at == phase::leading);
    }
    SECTION("an epoch that is claimed after the lock has run out") {
        m.take(epoch_answer{true, m.state_.epoch}, start + timing::hold);
        CHECK(m.state_.at != phase::settling);
        CHECK(m.state_.at != phase::claiming);
    }
    SECTION("a renewal that ends after the lock has run out") {
        m.take(epoch_answer{true, m.state_.epoch}, start);
        m.take(renewed{true, start + 1s}, start + 1s + timing::hold);
        CHECK(m.state_.at != phase::settling);
    }
}

TEST_CASE("answers that nobody waits for change nothing") {
    machine m = fit_observer();
    CHECK(m.take(tick{}, start + 900s) == effect::none);
    CHECK(m.take(renewed{true, start}, start + 900s) == effect::none);
    CHECK(m.take(acquired{true, start}, start) == effect::none);
    CHECK(m.take(epoch_answer{true, m.state_.epoch}, start) == effect::none);
    CHECK(m.take(epoch_answer{false, m.state_.epoch}, start) == effect::none);
    CHECK(m.take(fitness{false, false}, start) == effect::none);
    CHECK(m.take(step_down{}, start) == effect::none);
    CHECK(m.state_.at == phase::observer);

    machine leader = leading_since_start();
    const std::uint64_t epoch = leader.state_.epoch;
    CHECK(leader.take(epoch_answer{false, epoch}, start + 31s) == effect::none);
    CHECK(leader.take(acquired{false, start}, start + 31s) == effect::none);
    CHECK(leader.take(fitness{true, true}, start + 31s) == effect::none);
    CHECK(leader.state_.epoch == epoch);
    CHECK(leader.state_.at == phase::leading);
}

TEST_CASE("a renewal that failed proves nothing") {
    machine m = leading_since_start();
    CHECK(m.take(renewed{false, start + 59s}, start + 59s) == effect::renew);
    CHECK(m.take(tick{}, start + 61s) == effect::renew);
    CHECK(m.state_.at == phase::paused);
    CHECK(m.take(renewed{false, start + 75s}, start + 75s) == effect::drop);
}

TEST_CASE("a lock is renewed every ten seconds, and again after two when no answer came") {
    machine m = leading_since_start();
    CHECK(m.take(tick{}, start + 31s) == effect::none);
    CHECK(m.take(tick{}, start + 40s) == effect::renew);
    CHECK(m.take(tick{}, start + 41s) == effect::none);
    CHECK(m.take(tick{}, start + 42s) == effect::renew);
    m.take(renewed{true, start + 42s}, start + 43s);
    CHECK(m.take(tick{}, start + 51s) == effect::none);
    CHECK(m.take(tick{}, start + 52s) == effect::renew);
}

TEST_CASE("whoever has no epoch yet does not lead, however long it takes") {
    machine m = fit_observer();
    m.take(lock_seen{false, 0s}, start);
    m.take(acquired{true, start}, start);
    m.take(tick{}, start + 31s);
    CHECK(m.state_.at == phase::claiming);
    CHECK_FALSE(may_act(m.state_, start + 31s));
    // The answer to an earlier question is none to this one.
    m.take(epoch_answer{true, m.state_.epoch - 1}, start + 32s);
    CHECK(m.state_.at == phase::claiming);
}

TEST_CASE("a paused leader needs a renewal younger than what a request may take") {
    machine m = leading_since_start();
    m.take(tick{}, start + 60s);
    m.take(renewed{true, start + 40s}, start + 70s);
    CHECK(m.state_.at == phase::paused);
    m.take(renewed{true, start + 40s + 1ms}, start + 70s);
    CHECK(m.state_.at == phase::leading);
}

TEST_CASE("no longer wanted, the lock is given back, and taken again at once when that changes") {
    machine m = leading_since_start();
    CHECK(m.take(fitness{true, false}, start + 31s) == effect::release);
    CHECK(m.state_.at == phase::observer);
    m.take(fitness{true, true}, start + 31s);
    CHECK(m.take(lock_seen{false, 0s}, start + 31s) == effect::acquire);
}

TEST_CASE("the next look is due when something runs out, and not before") {
    leader::state s;
    s.lease_since = start;
    s.entered = start;
    s.next_renewal = start + 100s;
    struct row {
        phase at;
        duration entered, renewal, due;
    };
    for (const row& r :
         {row{phase::observer, 0s, 100s, 11s}, row{phase::leading, 0s, 100s, 30s}, row{phase::leading, 0s, 9s, 9s},
          row{phase::paused, 0s, 100s, 45s}, row{phase::settling, -5s, 100s, 25s}, row{phase::claiming, -5s, 100s, 30s},
          row{phase::leading, -5s, 100s, 30s}, row{phase::leading, 0s, 0s, 1s}}) {
        INFO(name_of(r.at));
        s.at = r.at;
        s.entered = start + r.entered;
        s.next_renewal = start + r.renewal;
        CHECK(next_tick(s, start + 1s) == start + r.due);
    }
}
