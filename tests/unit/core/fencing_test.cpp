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

TEST_CASE("a lease that is not there lets nothing go, whatever stood there before") {
    evidence e = silent_for(1s, lease::contract::released);
    REQUIRE(judge(e).given == proof::released);
    e.lease.reset();
    CHECK_FALSE(judge(e).given);
}
