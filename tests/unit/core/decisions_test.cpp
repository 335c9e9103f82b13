#include "support/machine_player.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>

using namespace steward;
using namespace steward::failover;
using namespace std::chrono_literals;

/// What the ledger is told of each step.
namespace {

const gate* find(const decision& d, const std::string& name) {
    const auto it = std::find_if(d.gates.begin(), d.gates.end(), [&](const gate& g) { return g.name == name; });
    return it == d.gates.end() ? nullptr : &*it;
}

std::string observed(const decision& d, const std::string& name) {
    for (const auto& [key, value] : d.observed)
        if (key == name) return value;
    return {};
}

}  // namespace

TEST_CASE("a step that decides nothing is not told") {
    player p;
    CHECK_FALSE(p.up().decided);
    CHECK_FALSE(p.wait(10s).decided);
    p.rules.restart_attempts = 0;
    CHECK(p.say(seen{standing::suspicious, "refused"}).decided);
    CHECK_FALSE(p.say(seen{standing::suspicious, "refused"}).decided);
}

TEST_CASE("a hold is told with its reason, what would release it, and the gates that were closed") {
    player p;
    p.fail();
    refusal no{"no_backup", "there is none", "one is made", {{"n2", "no room"}}, true, {}};
    p.say(planned{no});
    REQUIRE(p.decided);
    const decision& d = *p.decided;
    CHECK(d.about == "ct/101");
    CHECK(d.kind == "hold");
    CHECK(d.verdict == "hold");
    CHECK(d.from == "confirming");
    CHECK(d.to == "held");
    CHECK(d.code == "no_backup");
    CHECK(d.text == "there is none; n2: no room");
    CHECK(d.release == "one is made");
    CHECK(observed(d, "health") == "down");
    CHECK(observed(d, "checks") == "refused");
    REQUIRE(find(d, "plan"));
    CHECK_FALSE(find(d, "plan")->passes);
    REQUIRE(find(d, "choice n2"));
    CHECK(find(d, "choice n2")->text == "no room");
    CHECK(find(d, "armed")->passes);
    CHECK_FALSE(find(d, "restarts")->passes);
}

TEST_CASE("each gate is told as it stands") {
    struct row {
        const char* name;
        const char* gate;
        std::function<void(player&)> close;
    };
    const row rows[] = {
        {"observe mode", "armed", [](player& p) { p.armed = false; }},
        {"a pause", "pause", [](player& p) { p.paused = refusal{"paused", "by hand", "resume", {}, false, {}}; }},
        {"too early", "settled", [](player& p) { p.no_claims = "the cluster has just come up"; }},
        {"others come first", "turn", [](player& p) { p.others.under_way = 2; }},
        {"an approval", "approval", [](player& p) { p.rules.needs_approval = true; }},
        {"too many", "failovers_a_day", [](player& p) { p.rules.max_per_day = 0; }},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            player p;
            p.fail();
            r.close(p);
            p.say(planned{some_plan()});
            REQUIRE(p.decided);
            CHECK(p.decided->verdict == "hold");
            REQUIRE(find(*p.decided, r.gate));
            CHECK_FALSE(find(*p.decided, r.gate)->passes);
            CHECK(find(*p.decided, "plan")->passes);
        }
    }
}

TEST_CASE("what PVE is at work on, and what nobody else finds down, is told as a closed gate") {
    player p;
    const char* gate = "";
    SECTION("a lock") {
        gate = "lock";
        p.lock = "backup";
        p.say(seen{standing::unknown, "refused"});
    }
    SECTION("no second opinion") {
        gate = "second_opinion";
        p.alone = "only n1 find it down; n2 is silent";
        for (int i = 0; i < 100 && p.at() != phase::held; ++i) p.say(seen{standing::suspicious, "refused"});
    }
    REQUIRE(p.at() == phase::held);
    REQUIRE(p.decided);
    REQUIRE(find(*p.decided, gate));
    CHECK_FALSE(find(*p.decided, gate)->passes);
    CHECK_FALSE(find(*p.decided, gate)->text.empty());
    CHECK(find(*p.decided, "armed")->passes);
}

TEST_CASE("a hand-over is told step by step, with what each operation said") {
    player p;
    p.until(phase::claimed);
    CHECK(p.decided->begins == "claim");
    CHECK(p.decided->verdict == "act");
    CHECK(p.decided->generation == 2);
    CHECK(find(*p.decided, "plan")->text == "restore n1 → n2 n3");
    p.done();
    CHECK(p.decided->begins == "stop");
    CHECK(observed(*p.decided, "outcome") == "ok");
    p.ends(outcome::failed);
    CHECK(p.decided->verdict == "hold");
    CHECK(p.decided->code == "stop_unverified");
    CHECK(observed(*p.decided, "said") == "some reason");
    CHECK(p.decided->gates.empty());  // they were passed
}

TEST_CASE("an outcome that changes no phase is told, too") {
    player p;
    p.until(phase::isolating);
    p.ends(outcome::unknown);
    REQUIRE(p.decided);
    CHECK(p.decided->kind == "outcome");
    CHECK(p.decided->from == p.decided->to);
    CHECK(observed(*p.decided, "outcome") == "unknown");
}

TEST_CASE("who ordered something is told") {
    player p;
    p.say(disable{"uid 1000"});
    REQUIRE(p.decided);
    CHECK(p.decided->by == "uid 1000");
    CHECK(p.decided->verdict == "left_alone");
    CHECK(p.say(retry{}).decided->by == "an operator");
}

TEST_CASE("a hold that the driver itself puts a guest in is told like the machine's own") {
    state before = first_state(ct101, time_point(1h), wall_time(1'800'000'000s));
    state held = before;
    held.saved.at = phase::held;
    held.saved.held = hold{"journal_unwritable", "disk full", "there is room", {}};
    const decision d = hold_decision(before, held, wall_time(1'800'000'000s));
    CHECK(d.code == "journal_unwritable");
    CHECK(d.release == "there is room");
    CHECK(d.from == "watching");
}
