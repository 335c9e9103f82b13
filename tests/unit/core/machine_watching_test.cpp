#include "support/machine_player.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::failover;
using namespace std::chrono_literals;

/// From the first bad answer to the claim, and how a guest rests.
namespace {

refusal because(std::string code, bool is_untouchable = false) {
    return refusal{std::move(code), "so it is", "it goes away", {}, is_untouchable, {}};
}

player& suspect(player& p) { return p.say(seen{standing::suspicious, "refused"}); }
player& blind(player& p) { return p.say(seen{standing::unknown, "cannot look"}); }

}  // namespace

TEST_CASE("a suspicion ends when the guest is well, and not before its time") {
    player p;
    suspect(p);
    CHECK(p.limit() == 120s);
    SECTION("well again") { CHECK(p.up().at() == phase::watching); }
    SECTION("nothing new: watched on, with the same patience") {
        p.wait(60s);
        CHECK(p.limit() == 59s);
        CHECK(p.wait(60s).at() == phase::suspect);
        CHECK(p.limit() == 120s);
    }
    SECTION("what is said late moves no limit") {
        p.pass(130s);
        suspect(p);
        CHECK(p.limit() == -11s);
    }
}

TEST_CASE("for two minutes nothing could be learned: held, and not a second before") {
    player p;
    p.pass(1000s);
    suspect(p);
    blind(p);
    SECTION("two minutes") { CHECK(p.wait(119s).held() == "unknown"); }
    SECTION("a second less") {
        CHECK(p.wait(118s).at() == phase::suspect);
        CHECK(p.limit() == 120s);
    }
    SECTION("that it is still so begins no new count") {
        p.wait(100s);
        blind(p);
        CHECK(p.wait(20s).held() == "unknown");
    }
    SECTION("something was learned in between") {
        p.wait(100s);
        suspect(p);
        blind(p);
        CHECK(p.wait(30s).at() == phase::suspect);
    }
}

TEST_CASE("a guest that was never seen healthy is not acted on, but by order") {
    player p(first_state(ct101, time_point(1h), wall_time(1'800'000'000s)).saved);
    p.down();
    CHECK(p.held() == "probe_never_succeeded");
    p.wait(31s);
    CHECK(p.last_run == operation::none);
    SECTION("a person has it looked at") { CHECK(p.say(retry{}).last_run == operation::preflight); }
    SECTION("ordered, and the preflight takes too long") {
        p.say(ordered{}).wait(30s);
        REQUIRE(p.at() == phase::suspect);
        CHECK(p.down().at() == phase::confirming);
    }
    SECTION("it is well") { CHECK(p.up().at() == phase::watching); }
}

TEST_CASE("a restart in place is for armed daemons and faults, not for orders") {
    player p;
    SECTION("a daemon that only observes would say what it would do") {
        p.armed = false;
        CHECK(p.down().at() == phase::confirming);
        plan chosen = some_plan();
        chosen.archive.emplace();
        chosen.archive->volume = volid("backup:backup/new");
        p.say(planned{chosen});
        CHECK(p.held() == "observe_mode");
        CHECK(p.saved().held->text.find("would restart it in place, then restore to n2 from backup:backup/new of ") !=
              std::string::npos);
        CHECK(p.wait(31s).say(planned{because("no_backup")}).held() == "no_backup");
    }
    SECTION("without one the archive is not spoken of") {
        p.armed = false;
        p.down().say(planned{some_plan()});
        CHECK(p.saved().held->text == "observe mode: would restart it in place, then restore to n2");
    }
    SECTION("an order that takes too long to plan is planned again") {
        p.say(ordered{}).wait(30s);
        REQUIRE(p.at() == phase::suspect);
        CHECK(p.down().at() == phase::confirming);
    }
    SECTION("from a hold: only where its node can be asked") {
        p.down().ends(outcome::blocked, "locked").down().wait(31s);
        REQUIRE(p.last_run == operation::preflight);
        SECTION("it can") { CHECK(p.say(planned{some_plan()}).at() == phase::restarting); }
        SECTION("it is gone") { CHECK(p.say(planned{from_dead_node()}).at() == phase::claimed); }
        SECTION("it is paused meanwhile") {
            p.paused = because("maintenance");
            CHECK(p.say(planned{some_plan()}).held() == "maintenance");
        }
    }
}

TEST_CASE("a restart in place is given its time, and shows its effect after its end") {
    player p;
    p.down();
    REQUIRE(p.at() == phase::restarting);
    CHECK(p.limit() == 300s);
    SECTION("what the checks say before is not its effect") {
        CHECK(p.up().at() == phase::restarting);
        CHECK(p.down().at() == phase::restarting);
    }
    SECTION("it does not end") { CHECK(p.wait(300s).held() == "unknown"); }
    SECTION("nobody knows how it ended: nothing is used up") {
        p.ends(outcome::unknown);
        CHECK(p.held() == "unknown");
        CHECK(p.saved().restarts.empty());
    }
    SECTION("it failed: that was the try") {
        p.ends(outcome::failed);
        CHECK(p.at() == phase::confirming);
        CHECK(p.saved().reason == "some reason");
    }
    SECTION("it ended, and the checks have not made up their mind") {
        p.ends(outcome::ok);
        CHECK(p.saved().reason == "some reason");
        CHECK(p.is_written);
        CHECK(p.limit() == 60s);
        suspect(p).wait(60s);
        CHECK(p.at() == phase::restarting);
        CHECK(p.limit() == 60s);
    }
}

TEST_CASE("a preflight is waited for; only a guest that is well, and not ordered, needs none") {
    player p;
    SECTION("for a fault") {
        p.fail();
        CHECK(p.limit() == 30s);
        CHECK(p.down().at() == phase::confirming);
        CHECK(p.wait(20s).at() == phase::confirming);
        CHECK(p.pass(20s).down().at() == phase::confirming);
        CHECK(p.wait(1s).at() == phase::suspect);
        // What was down is down: it is looked at again.
        CHECK(p.wait(120s).at() == phase::confirming);
        CHECK(p.last_run == operation::preflight);
    }
    SECTION("by order") {
        p.say(ordered{});
        CHECK(p.up().at() == phase::confirming);
    }
    SECTION("an order is obeyed at once, also by a guest whose node goes down") {
        p.leaving = leave_notice{lease::departure::reboot, 0s};
        CHECK(p.say(ordered{}).at() == phase::confirming);
    }
}

TEST_CASE("a restore finds its turn: two at once, one for each target, and none apart from where it belongs") {
    struct row {
        const char* name;
        int under_way;
        int ahead;
        std::set<node_name> busy;
        bool has_companion;
        std::string target;  ///< empty: it waits
    };
    const node_name n2("n2");
    const node_name n3("n3");
    const row rows[] = {
        {"nothing is under way", 0, 0, {}, false, "n2"},
        {"one is, elsewhere", 1, 0, {node_name("n9")}, false, "n2"},
        {"one is, on the first target", 1, 0, {n2}, false, "n3"},
        {"both targets are taken", 1, 0, {n2, n3}, false, ""},
        {"two are", 2, 0, {}, false, ""},
        {"one is, and another comes first", 1, 1, {}, false, ""},
        {"it belongs to another guest, and nothing is under way there", 1, 0, {n3}, true, "n2"},
        {"it belongs to another guest that is being restored there: it waits for the same node", 1, 0, {n2}, true, ""},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            player p;
            p.others.under_way = r.under_way;
            p.others.ahead = r.ahead;
            p.others.targets = r.busy;
            if (r.has_companion) p.rules.together = {guest_id(guest_type::ct, vmid(102))};
            p.fail().say(planned{some_plan()});
            CHECK(p.held() == (r.target.empty() ? "queue" : ""));
            CHECK(p.saved().target.str() == r.target);
        }
    }
}

TEST_CASE("what forbids a hand-over when it is planned") {
    player p;
    SECTION("a pause that has begun meanwhile") {
        p.fail();
        p.paused = because("maintenance");
        CHECK(p.say(planned{some_plan()}).held() == "maintenance");
    }
    SECTION("too many in a day, until one of them is a day old, or a person orders it") {
        record often;
        often.guest = ct101;
        often.seen_up = true;
        for (const auto ago : {24h, 2h, 1h}) often.failovers.push_back(p.wall() - ago);
        CHECK(player(often).fail().say(planned{some_plan()}).at() == phase::claimed);
        often.failovers.front() += 60s;
        CHECK(player(often).fail().say(planned{some_plan()}).held() == "too_many_failovers");
        CHECK(player(often).say(ordered{}).say(planned{some_plan()}).at() == phase::claimed);
        CHECK(player(often).pass(60s).fail().say(planned{some_plan()}).at() == phase::claimed);
    }
    SECTION("what was being created needs a person, who is told once") {
        refusal no = because("locked_create");
        no.also = "manual_cleanup";
        p.fail().say(planned{no});
        CHECK(p.alerts == std::vector<std::string>{"locked_create", "manual_cleanup"});
        no.is_untouchable = true;
        p.wait(31s).say(planned{no});
        CHECK(p.alerts.size() == 2);
    }
    SECTION("any other reason is told once as well, and asks for no cleaning up") {
        p.fail().say(planned{because("no_backup")});
        CHECK(p.alerts == std::vector<std::string>{"no_backup"});
    }
}

TEST_CASE("a daemon that only observes goes on looking, and hears what has ended") {
    player p;
    p.armed = false;
    SECTION("a suspicion comes to its end") {
        suspect(p);
        blind(p);
        CHECK(p.wait(130s).held() == "unknown");
    }
    SECTION("a hand-over stands still, but what was begun may end") {
        player q;
        q.until(phase::restoring);
        q.armed = false;
        q.wait(3600s);
        CHECK(q.at() == phase::restoring);
        CHECK(q.limit() == 30s);
        CHECK(q.done().at() == phase::restored);
    }
}

TEST_CASE("a frozen guest and a held one are looked at again half a minute after the last look") {
    player p;
    SECTION("frozen") {
        p.leaving = leave_notice{lease::departure::reboot, 0s};
        p.say(reconsider{});
        REQUIRE(p.at() == phase::frozen);
    }
    SECTION("held") { p.fail().say(planned{because("no_backup")}); }
    p.pass(10s).say(reconsider{});
    CHECK(p.limit() == 30s);
}

TEST_CASE("a replacement that never passed its checks is handed over again only when a person wants it looked at") {
    player p;
    p.until(phase::verifying).down().wait(p.rules.verify_timeout);
    REQUIRE(is_unverified(p.saved()));
    SECTION("held, and looked at by order") {
        p.down().wait(p.rules.cooldown);
        REQUIRE(p.held() == "unverified");
        CHECK(p.say(retry{}).last_run == operation::preflight);
    }
    SECTION("it passes them after all") {
        CHECK(p.up().at() == phase::done);
        CHECK(p.wait(p.rules.cooldown).at() == phase::watching);
    }
}

TEST_CASE("how a guest rests decides what ends its rest") {
    player p;
    SECTION("given up for free: it is well, or its time is over") {
        p.until(phase::claimed).up();
        REQUIRE(p.at() == phase::aborted_safe);
        CHECK(p.down().at() == phase::aborted_safe);
        CHECK(p.wait(300s).at() == phase::aborted_safe);
        SECTION("well") { CHECK(p.up().at() == phase::watching); }
        SECTION("over") { CHECK(p.wait(300s).at() == phase::watching); }
    }
    SECTION("handed over: its time") {
        p.until(phase::verifying).up();
        CHECK(p.up().at() == phase::done);
        CHECK(p.down().at() == phase::done);
        CHECK(p.wait(300s).at() == phase::done);
        CHECK(p.up().wait(300s).at() == phase::watching);
    }
    SECTION("a person wants another try of what has failed: from the first target on") {
        p.until(phase::restoring).ends(outcome::failed).done();
        REQUIRE(p.saved().target.str() == "n3");
        p.done("").ends(outcome::failed).ends(outcome::failed);
        REQUIRE(p.at() == phase::failed_parked);
        p.pass(1000s).say(retry{});
        CHECK(p.at() == phase::parked);
        CHECK(p.saved().target.str() == "n2");
        CHECK(p.saved().tried.empty());
        CHECK(p.saved().attempt_since == p.wall());
    }
}

TEST_CASE("a failure that only this daemon sees is none: when nobody else can say it is held, after a minute") {
    player p;
    p.alone = "only n1 find it down; n2 is silent";
    suspect(p);
    CHECK(p.pass(57s).say(seen{standing::suspicious, "refused"}).at() == phase::suspect);
    CHECK(suspect(p).at() == phase::suspect);
    CHECK(suspect(p).held() == "no_second_opinion");
    CHECK(p.last_run == operation::none);
    CHECK(p.alerts == std::vector<std::string>{"no_second_opinion"});
    CHECK(p.told.back() == p.alone);
    SECTION("nothing happens by itself") { CHECK(p.wait(1h).last_run == operation::none); }
    SECTION("it is well again") { CHECK(p.up().at() == phase::watching); }
    SECTION("others see it too: what is planned is planned then") {
        p.alone.clear();
        p.down();
        CHECK(p.wait(31s).last_run == operation::preflight);
    }
}

TEST_CASE("a failure that another daemon contradicts is told once, and nothing is done") {
    player p;
    p.alone = "only n1 find it down; n2 finds it up";
    p.is_contradicted = true;
    for (int i = 0; i < 300; ++i) suspect(p);
    CHECK(p.at() == phase::suspect);
    CHECK(p.last_run == operation::none);
    CHECK(p.alerts == std::vector<std::string>{"no_second_opinion"});
    SECTION("the next time it is told again, and its minute begins anew") {
        p.alone.clear();
        p.up();
        p.alone = "only n1 find it down; n2 finds it up";
        for (int i = 0; i < 60; ++i) suspect(p);
        CHECK(p.alerts.size() == 1);
        suspect(p);
        CHECK(p.alerts.size() == 2);
    }
    SECTION("others agree") {
        p.alone.clear();
        p.rules.restart_attempts = 0;
        CHECK(p.down().at() == phase::confirming);
    }
}

TEST_CASE("a guest that PVE works on is held until it has finished, when its checks fail meanwhile") {
    player p;
    p.lock = "backup";
    SECTION("from watching") { blind(p); }
    SECTION("from a suspicion") { blind(suspect(p)); }
    CHECK(p.held() == "locked");
    CHECK(p.saved().held->text == "ct/101 is locked by PVE (backup)");
    CHECK(p.last_run == operation::none);
    p.lock.clear();
    CHECK(blind(p).held() == "locked");
    CHECK(p.up().at() == phase::watching);
}

TEST_CASE("a lock alone holds nothing") {
    player p;
    p.lock = "backup";
    p.up();
    CHECK(p.at() == phase::watching);
    suspect(p);
    CHECK(p.at() == phase::suspect);
    p.lock.clear();
    blind(p);
    CHECK(p.at() == phase::suspect);
}
