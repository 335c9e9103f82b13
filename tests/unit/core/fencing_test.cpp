#include "core/fencing/proof.hpp"
#include "core/fencing/self_fence.hpp"

#include <catch2/catch.hpp>
#include <functional>

using namespace steward;
using namespace steward::fencing;
using namespace std::chrono_literals;

namespace {

/// A node with an armed watchdog that has been gone and silent for so long.
evidence silent_for(duration time, lease::contract promise = lease::contract::watchdog) {
    evidence e;
    e.node = node_name("n3");
    e.gone_for = time;
    e.silence = time;
    e.lease = lease::node_lease();
    e.lease->node = e.node;
    e.lease->boot_id = "b1";
    e.lease->promise = promise;
    e.boot_at_claim = "b1";
    return e;
}

}  // namespace

TEST_CASE(
    "a fence agent is asked once the node is gone for a minute, nobody sees it alive, and it has not just failed") {
    const auto with_agent = [](duration gone) {
        evidence e = silent_for(gone, lease::contract::none);
        e.has_agent = true;
        return e;
    };
    CHECK(wants_agent(with_agent(60s)));
    CHECK_FALSE(wants_agent(silent_for(60s)));
    CHECK_FALSE(wants_agent(with_agent(59s)));
    evidence e = with_agent(60s);
    e.is_member = true;
    CHECK_FALSE(wants_agent(e));
    e = with_agent(60s);
    e.shows_life = true;
    CHECK_FALSE(wants_agent(e));
    e = with_agent(60s);
    e.agent_failure = "no answer";
    CHECK_FALSE(wants_agent(e));
    e = with_agent(60s);
    e.off_by_agent = 1s;
    CHECK_FALSE(wants_agent(e));
}

TEST_CASE("nothing is fenced without a proof") {
    struct row {
        const char* name;
        evidence seen;
        std::optional<proof> given;
        const char* code;
    };
    const auto with = [](evidence e, const std::function<void(evidence&)>& change) {
        change(e);
        return e;
    };
    const row rows[] = {
        {"149 s are not 150", silent_for(149s), std::nullopt, ""},
        {"the watchdog has fired", silent_for(150s), proof::waitout, ""},
        {"gone for long, but renewed until a minute ago", with(silent_for(60s), [](evidence& e) { e.gone_for = 600s; }),
         std::nullopt, ""},
        {"silent for long, but only just gone", with(silent_for(600s), [](evidence& e) { e.gone_for = 59s; }),
         std::nullopt, ""},
        {"silent, but a member",
         with(silent_for(600s),
              [](evidence& e) {
                  e.is_member = true;
                  e.gone_for.reset();
              }),
         std::nullopt, ""},
        {"it promised nothing, but an agent can switch it off",
         with(silent_for(6000s, lease::contract::none), [](evidence& e) { e.has_agent = true; }), std::nullopt, ""},
        {"its agent has just failed",
         with(silent_for(6000s, lease::contract::none),
              [](evidence& e) {
                  e.has_agent = true;
                  e.agent_failure = "no answer";
              }),
         std::nullopt, "no_fence"},
        {"it would be switched off although it serves",
         with(silent_for(100s),
              [](evidence& e) {
                  e.has_agent = true;
                  e.shows_life = true;
              }),
         std::nullopt, "life_evidence"},
        {"it promised nothing", silent_for(6000s, lease::contract::none), std::nullopt, "no_fence"},
        {"nobody ever saw a lease",
         with(silent_for(6000s),
              [](evidence& e) {
                  e.lease.reset();
                  e.silence.reset();
              }),
         std::nullopt, "no_fence"},
        {"a guard's word that is accepted, but of other guests",
         with(silent_for(6000s, lease::contract::selfstop),
              [](evidence& e) {
                  e.accepts_weak = true;
                  e.has_same_guests = false;
              }),
         std::nullopt, "no_fence"},
        {"a guard's word alone", silent_for(6000s, lease::contract::selfstop), std::nullopt, "no_fence"},
        {"a guard's word, where that is accepted",
         with(silent_for(150s, lease::contract::selfstop), [](evidence& e) { e.accepts_weak = true; }), proof::selfstop,
         ""},
        {"it stopped everything and left", silent_for(1s, lease::contract::released), proof::released, ""},
        {"it stopped everything for a reboot", silent_for(1s, lease::contract::frozen), proof::released, ""},
        {"it stopped everything, and is still there",
         with(silent_for(1s, lease::contract::released),
              [](evidence& e) {
                  e.is_member = true;
                  e.gone_for.reset();
              }),
         std::nullopt, ""},
        {"it is back with another boot", with(silent_for(1s), [](evidence& e) { e.lease->boot_id = "b2"; }),
         proof::reboot, ""},
        {"a person says so",
         with(silent_for(1s, lease::contract::none),
              [](evidence& e) {
                  e.confirmed = confirmation{"b1", "root", {}};
              }),
         proof::manual, ""},
        {"a person said so of an earlier boot",
         with(silent_for(600s, lease::contract::none),
              [](evidence& e) {
                  e.confirmed = confirmation{"b0", "root", {}};
              }),
         std::nullopt, "no_fence"},
        {"an agent switched it off",
         with(silent_for(60s, lease::contract::none), [](evidence& e) { e.off_by_agent = 10s; }), proof::agent, ""},
        {"an agent that lies: it renewed since",
         with(silent_for(5s, lease::contract::none),
              [](evidence& e) {
                  e.gone_for = 60s;
                  e.off_by_agent = 10s;
              }),
         std::nullopt, "no_fence"},
        {"an agent switched it off, and its promise is as good",
         with(silent_for(600s), [](evidence& e) { e.off_by_agent = 10s; }), proof::waitout, ""},
        {"nobody knows for how long it has been silent", with(silent_for(600s), [](evidence& e) { e.silence.reset(); }),
         std::nullopt, "no_fence"},
        {"a watchdog needs no equal configuration",
         with(silent_for(600s), [](evidence& e) { e.has_same_guests = false; }), proof::waitout, ""},
        {"a guard's word of so little age",
         with(silent_for(149s, lease::contract::selfstop), [](evidence& e) { e.accepts_weak = true; }), std::nullopt,
         ""},
        {"it let its guests go, and nobody has seen it leave",
         with(silent_for(600s, lease::contract::released), [](evidence& e) { e.gone_for.reset(); }), std::nullopt, ""},
        {"it let its guests go, left, and is back",
         with(silent_for(600s, lease::contract::released), [](evidence& e) { e.is_member = true; }), std::nullopt, ""},
        {"it answers while its time is not up", with(silent_for(100s), [](evidence& e) { e.shows_life = true; }),
         std::nullopt, ""},
        {"the guest still answers", with(silent_for(600s), [](evidence& e) { e.shows_life = true; }), std::nullopt,
         "life_evidence"},
        {"the guest answers, and nobody promised anything",
         with(silent_for(600s, lease::contract::none), [](evidence& e) { e.shows_life = true; }), std::nullopt,
         "life_evidence"},
    };
    for (const row& r : rows) {
        INFO(r.name);
        const verdict v = judge(r.seen);
        CHECK(v.given == r.given);
        CHECK(v.code == r.code);
        CHECK_FALSE(v.text.empty());
        CHECK(v.release.empty() == v.code.empty());
    }
}

TEST_CASE("what a person confirmed is kept as text") {
    confirmation c;
    c.boot_id = "b1";
    c.by = "root at pts/3";
    c.when = wall_time(1795204422s);
    const auto back = parse_confirmation(to_text(c));
    REQUIRE(back);
    CHECK(back->boot_id == "b1");
    CHECK(back->by == c.by);
    CHECK(back->when == c.when);
    for (const char* bad : {"", "b1", "b1 12", " 12 root"}) CHECK_FALSE(parse_confirmation(bad));
}

TEST_CASE("how many nodes a healthy cluster may have depends on corosync's timing") {
    struct row {
        int nodes;
        duration coefficient;
        bool possible;
        bool slack;
    };
    for (const row& r : {row{3, 650ms, true, true}, row{7, 650ms, true, true}, row{8, 650ms, true, false},
                         row{14, 650ms, true, false}, row{15, 650ms, false, false}, row{32, 125ms, true, true},
                         row{33, 125ms, true, false}, row{68, 125ms, true, false}, row{69, 125ms, false, false}}) {
        INFO(r.nodes);
        const feasibility f = feasible(r.nodes, 3s, r.coefficient);
        CHECK(f.is_possible == r.possible);
        CHECK(f.has_slack == r.slack);
    }
}

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

TEST_CASE("a cluster in which no promise could be kept is refused, with the reason") {
    struct row {
        const char* name;
        membership m;
        const char* code;
    };
    membership three;
    three.nodes = 3;
    membership two = three;
    two.nodes = 2;
    membership two_with_third_vote = two;
    two_with_third_vote.has_qdevice = true;
    membership one_is_enough = two_with_third_vote;
    one_is_enough.is_two_node = true;
    membership large = three;
    large.nodes = 16;
    membership large_and_quick = large;
    large_and_quick.coefficient = 125ms;
    for (const row& r : {row{"three", three, ""}, row{"unknown", membership(), "membership_unknown"},
                         row{"two", two, "two_node_unsafe"}, row{"two with a QDevice", two_with_third_vote, ""},
                         row{"two_node: 1", one_is_enough, "two_node_unsafe"}, row{"16", large, "timing_infeasible"},
                         row{"16, small coefficient", large_and_quick, ""}}) {
        INFO(r.name);
        const no_promise why = promise_refusal(r.m);
        CHECK(why.code == r.code);
        CHECK(why.text.empty() == why.code.empty());
    }
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

TEST_CASE("a lease that is not there lets nothing go, whatever stood there before") {
    evidence e = silent_for(1s, lease::contract::released);
    REQUIRE(judge(e).given == proof::released);
    e.lease.reset();
    CHECK_FALSE(judge(e).given);
}
