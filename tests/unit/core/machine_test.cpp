#include "support/machine_player.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::failover;
using health::standing;
using namespace std::chrono_literals;

namespace {

constexpr phase in_flight[] = {phase::claimed,   phase::stopping, phase::isolating, phase::parked,
                               phase::restoring, phase::restored, phase::starting,  phase::verifying};

}  // namespace

TEST_CASE("each phase of a hand-over starts its operation, and a restart of the daemon starts it again") {
    struct row {
        phase at;
        operation runs;
        operation resumes;
    };
    const row rows[] = {
        {phase::claimed, operation::claim, operation::claim},
        {phase::stopping, operation::stop, operation::stop},
        {phase::isolating, operation::isolate, operation::isolate},
        {phase::parked, operation::look_at_target, operation::look_at_target},
        {phase::restoring, operation::restore, operation::look_at_target},  // the request may not have left
        {phase::restored, operation::look_at_target, operation::look_at_target},
        {phase::starting, operation::start, operation::start},
        {phase::verifying, operation::none, operation::none},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(name_of(r.at)) {
            player p;
            p.until(r.at);
            REQUIRE(p.at() == r.at);
            CHECK(p.last_run == r.runs);
            p.say(resumed{});
            CHECK(p.last_run == r.resumes);
        }
    }
    player p;
    p.until(phase::restoring).say(task_started{"UPID:x"}).say(resumed{});
    CHECK(p.last_run == operation::restore);
    CHECK(p.at() == phase::restoring);
}

TEST_CASE("no phase is without an exit: an operation runs, or a deadline is set") {
    for (const phase at : in_flight) {
        DYNAMIC_SECTION(name_of(at)) {
            player p;
            p.until(at);
            REQUIRE(p.at() == at);
            CHECK((p.last_run != operation::none || p.now().deadline.has_value()));
            p.ends(outcome::unknown);
            CHECK((p.last_run != operation::none || p.now().deadline.has_value()));
        }
    }
}

TEST_CASE("before the commit everything ends at home, after it never with two copies") {
    SECTION("healthy again after the claim: nothing was touched") {
        player p;
        CHECK(p.until(phase::claimed).up().at() == phase::aborted_safe);
    }
    SECTION("stop not proven: held, nothing parked") {
        player p;
        CHECK(p.until(phase::stopping).ends(outcome::failed).at() == phase::held);
        CHECK(p.held() == "stop_unverified");
    }
    SECTION("a stop whose outcome is unknown is not a stop") {
        player p;
        CHECK(p.until(phase::stopping).ends(outcome::unknown).at() == phase::held);
    }
    SECTION("configuration changed: the original is started again") {
        player p;
        p.until(phase::isolating).ends(outcome::failed);
        CHECK(p.at() == phase::rolling_back);
        CHECK(p.last_run == operation::roll_back);
        CHECK(p.done().at() == phase::aborted_safe);
    }
    SECTION("somebody has destroyed or moved it meanwhile: it is left to them") {
        player p;
        p.until(phase::isolating).ends(outcome::failed);
        CHECK(p.done("gone").at() == phase::aborted_safe);
        CHECK(p.alerts.back() == "aborted_safe");
    }
    SECTION("somebody still works on it: waited for") {
        player p;
        p.until(phase::isolating).ends(outcome::failed).ends(outcome::unknown);
        CHECK(p.at() == phase::rolling_back);
        p.wait(5s);
        CHECK(p.last_run == operation::roll_back);
    }
    SECTION("unknown outcome of the rename: the same question again, no step forward") {
        player p;
        p.until(phase::isolating).ends(outcome::unknown);
        CHECK(p.at() == phase::isolating);
        CHECK(p.last_run == operation::none);
        p.wait(5s);
        CHECK(p.last_run == operation::isolate);
    }
    SECTION("vmid taken by somebody else: a person has to look, everything is kept") {
        player p;
        CHECK(p.until(phase::parked).ends(outcome::blocked, "vmid_conflict").at() == phase::failed_parked);
        CHECK(p.alerts.back() == "vmid_conflict");
    }
    SECTION("unknown outcome of a restore: look, do not post again") {
        player p;
        p.until(phase::restoring).ends(outcome::unknown);
        CHECK(p.at() == phase::parked);
        CHECK(p.last_run == operation::look_at_target);
    }
}

TEST_CASE("whoever waits for nothing but time comes before less important guests") {
    player p;
    p.fail();
    CHECK(is_waiting(p.saved()));  // for its plan
    for (const char* code : {"node_away", "queue", "settling"}) {
        p.say(planned{refusal{code, "not yet", "time passes", {}, false, {}}});
        CHECK(is_waiting(p.saved()));
    }
    p.say(planned{refusal{"no_backup", "there is none", "there is one", {}, false, {}}});
    CHECK_FALSE(is_waiting(p.saved()));
    CHECK_FALSE(is_waiting(player().until(phase::claimed).saved()));
}

TEST_CASE("what a hold also calls a person for is said once, when it is new") {
    player p;
    p.fail().say(planned{refusal{"locked_create", "it was being created", "a person looks", {}, true, {}}});
    CHECK(p.alerts == std::vector<std::string>{"locked_create"});
    const refusal proven{"locked_create", "it was being created; its node is down", "a person looks", {}, true,
                         "manual_cleanup"};
    p.wait(31s).say(planned{proven});
    p.wait(31s).say(planned{proven});
    CHECK(p.alerts == std::vector<std::string>{"locked_create", "manual_cleanup"});
}

TEST_CASE("a failed target is cleaned before the next one, and attempts are limited") {
    player p;
    p.rules.attempts = 2;
    p.until(phase::restoring).ends(outcome::failed);
    CHECK(p.at() == phase::cleaning);
    CHECK(p.done().at() == phase::parked);
    CHECK(p.saved().target.str() == "n3");
    p.done("").ends(outcome::failed).done();
    CHECK(p.at() == phase::rolling_back);
    CHECK(p.done().at() == phase::rolled_back);
    p.say(tick{});
    CHECK(p.held() == "rolled_back");
    // The hold lasts as long as the cool-down, whatever the probes say meanwhile.
    p.down().wait(300s);
    CHECK(p.held() == "rolled_back");
    p.wait(400s);
    CHECK(p.last_run == operation::preflight);
    CHECK(p.say(planned{some_plan()}).at() == phase::claimed);
}

TEST_CASE("what cannot be cleaned stops the hand-over") {
    player p;
    CHECK(p.until(phase::restoring).ends(outcome::failed).ends(outcome::failed).at() == phase::failed_parked);
    CHECK(p.down().at() == phase::failed_parked);
    CHECK(p.say(retry{}).at() == phase::parked);
}

TEST_CASE("a relocated guest that does not start goes back") {
    player p;
    p.how = strategy::relocate;
    p.until(phase::starting).ends(outcome::failed);
    CHECK(p.at() == phase::rolling_back);
    CHECK(p.done().at() == phase::rolled_back);
}

TEST_CASE("restarts in place are limited within their window, and not used up by refusals") {
    player p;
    p.rules.restart_attempts = 2;
    p.rules.restart_window = 10min;
    p.down();
    CHECK(p.last_run == operation::restart);
    CHECK(p.done().up().at() == phase::watching);
    p.down();
    CHECK(p.last_run == operation::restart);
    p.ends(outcome::blocked, "locked");
    CHECK(p.held() == "locked");
    CHECK(p.saved().restarts.size() == 1);
    CHECK(p.wait(31s).last_run == operation::preflight);
    refusal still;
    still.code = "locked";
    still.is_untouchable = true;
    p.alerts.clear();
    const std::size_t told = p.saved().story.size();
    CHECK(p.say(planned{still}).held() == "locked");
    CHECK(p.alerts.empty());  // the same reason is not news, and no new line of the story
    CHECK(p.saved().story.size() == told);
    refusal unmovable;
    unmovable.code = "no_backup";
    CHECK(p.wait(31s).say(planned{unmovable}).at() == phase::restarting);
    p.done().wait(61s);
    CHECK(p.at() == phase::confirming);
    CHECK(p.up().at() == phase::watching);
    p.wait(11min).down();
    CHECK(p.last_run == operation::restart);
}

TEST_CASE("absence of answers never acts") {
    player p;
    p.say(seen{standing::suspicious, "refused"});
    CHECK(p.at() == phase::suspect);
    p.say(seen{standing::unknown, "cannot look"});
    for (int i = 0; i < 10; ++i) {
        p.wait(60s);
        CHECK(p.last_run == operation::none);
    }
    CHECK(p.held() == "unknown");
    CHECK(p.up().at() == phase::watching);
}

TEST_CASE("an order that is refused is forgotten") {
    player p;
    p.up().say(ordered{});
    CHECK(p.at() == phase::confirming);
    refusal no;
    no.code = "no_target";
    p.say(planned{no});
    CHECK(p.held() == "no_target");
    CHECK_FALSE(p.saved().ordered);
    CHECK(p.up().at() == phase::watching);
}

namespace {

/// A hand-over from a node that cannot be reached, waiting for a proof.
player fencing_player() {
    player p;
    p.rules.restart_attempts = 0;
    plan gone = some_plan(strategy::restore);
    gone.is_source_gone = true;
    gone.warnings = {{"stale_lock_ignored", "it was locked"}};
    p.say(seen{standing::suspicious, "silent"}).down().say(planned{gone}).done();
    REQUIRE(p.at() == phase::fencing);
    REQUIRE(p.last_run == operation::fence);
    return p;
}

}  // namespace

TEST_CASE("a source that cannot be reached is fenced, never stopped, and nothing is begun without a proof") {
    SECTION("a proof leads on, and is written down") {
        player p = fencing_player();
        p.done("waitout");
        CHECK(p.at() == phase::isolating);
        CHECK(p.saved().proof == "waitout");
        CHECK(p.alerts.back() == "stale_lock_ignored");
    }
    SECTION("the node is back: given up for free") {
        player p = fencing_player();
        p.ends(outcome::failed);
        CHECK(p.at() == phase::aborted_safe);
    }
    SECTION("there will be no proof") {
        player p = fencing_player();
        p.ends(outcome::blocked, "life_evidence");
        CHECK(p.held() == "life_evidence");
    }
    SECTION("nothing could be learned: looked at again, as long as it takes") {
        player p = fencing_player();
        p.ends(outcome::unknown).wait(6s);
        CHECK(p.at() == phase::fencing);
        CHECK(p.last_run == operation::fence);
    }
    SECTION("another daemon goes on from there") {
        player p = fencing_player();
        p.say(resumed{});
        CHECK(p.last_run == operation::fence);
    }
    SECTION("before the commit a refusal costs nothing, and there is no home to bring it up at") {
        player p = fencing_player();
        p.done("waitout").ends(outcome::failed);
        CHECK(p.at() == phase::aborted_safe);
    }
}

TEST_CASE("a target that dies on the way is waited for, and then passed over without cleaning") {
    player p;
    p.until(phase::restoring).say(target_gone{});
    REQUIRE(p.at() == phase::parked);
    CHECK(p.last_run == operation::look_at_target);
    const node_name first = p.saved().target;
    p.ends(outcome::failed, "target_gone");
    CHECK(p.at() == phase::parked);
    CHECK(p.saved().target != first);
}

TEST_CASE("when the only target dies and there is no home to go back to, the guest waits for that target") {
    player p = fencing_player();
    p.done("waitout");
    finished isolated;
    isolated.parked_path = "priv/parked";
    p.say(isolated).done("").say(target_gone{});
    REQUIRE(p.at() == phase::parked);
    // There is another one first.
    while (p.at() == phase::parked && p.saved().tried.empty()) p.ends(outcome::failed, "target_gone");
    REQUIRE(p.at() == phase::parked);
    p.wait(60s).ends(outcome::failed, "target_gone");
    CHECK(p.at() == phase::held);
    CHECK(p.held() == "no_target");
    CHECK(p.alerts.back() == "no_target");
    const std::size_t told = p.alerts.size();
    SECTION("it stays away: asked again, told once") {
        for (int i = 0; i < 3; ++i) {
            p.wait(31s);
            CHECK(p.last_run == operation::look_at_target);
            CHECK(p.limit() == 30s);
            p.ends(outcome::failed, "target_gone");
            p.pass(10s).say(reconsider{});
            CHECK(p.limit() == 30s);
        }
        CHECK(p.at() == phase::held);
        CHECK(p.alerts.size() == told);
    }
    SECTION("it comes back: restored there") {
        p.up();  // whatever answers there, it is not this guest
        CHECK(p.at() == phase::held);
        CHECK(p.last_run == operation::none);
        p.wait(31s).done("");
        CHECK(p.at() == phase::restoring);
        CHECK(p.saved().target == p.saved().chosen->targets.back());
    }
    SECTION("an operator does not hand it over a second time") {
        p.say(ordered{}).say(retry{});
        CHECK(p.at() == phase::held);
        CHECK(p.last_run == operation::look_at_target);
    }
    SECTION("another leader goes on waiting") {
        p.say(resumed{}).wait(31s);
        CHECK(p.last_run == operation::look_at_target);
    }
}

TEST_CASE("Proxmox HA is never fought: a guest that it manages is held until it no longer does") {
    for (const phase at : {phase::watching, phase::stopping, phase::restoring, phase::starting}) {
        INFO(name_of(at));
        player p;
        if (at != phase::watching) p.until(at);
        p.say(ha_seen{true});
        CHECK(p.held() == "ha_managed");
        CHECK(p.last_run == operation::none);
        p.up().down().wait(100s);
        CHECK(p.held() == "ha_managed");
        CHECK(p.last_run == operation::none);
        CHECK(p.now().deadline > time_point(1h));
        p.say(ha_seen{false});
        CHECK(p.at() == phase::watching);
    }
}

TEST_CASE(
    "a guest that may run elsewhere than where its configuration is stays held until it is seen where it belongs") {
    const placement_seen doubt{refusal{placement_mismatch, "it may run on n1", "it is found", {}, false, {}}};
    player p;
    CHECK_FALSE(is_news(p.now(), placement_seen{}));
    REQUIRE(is_news(p.now(), doubt));
    p.say(doubt);
    CHECK(p.held() == "placement_mismatch");
    CHECK_FALSE(is_news(p.now(), doubt));
    p.up().down().wait(100s);
    CHECK(p.held() == "placement_mismatch");
    CHECK(p.last_run == operation::none);
    REQUIRE(is_news(p.now(), placement_seen{}));
    CHECK(p.say(placement_seen{}).at() == phase::watching);
    CHECK_FALSE(is_news(player().until(phase::restoring).now(), doubt));
}

TEST_CASE("a backup that is made before a hand-over is the one that is restored; without it, as the policy says") {
    SECTION("it takes its time, and is taken") {
        player p;
        p.rules.before = fresh_backup::attempt;
        p.until(phase::stopping).wait(50min);
        REQUIRE(p.at() == phase::stopping);
        finished stopped;
        stopped.fresh.emplace();
        stopped.fresh->volume = volid("backup:backup/fresh");
        p.say(stopped);
        CHECK(p.at() == phase::isolating);
        CHECK(p.saved().chosen->archive->volume.str() == "backup:backup/fresh");
    }
    SECTION("it failed, and an older one will do") {
        player p;
        p.rules.before = fresh_backup::attempt;
        p.until(phase::stopping);
        finished stopped;
        stopped.warning = "no room";
        p.say(stopped);
        CHECK(p.at() == phase::isolating);
        CHECK(p.alerts.back() == "fresh_backup_failed");
    }
    SECTION("it failed, and nothing was stopped") {
        player p;
        p.rules.before = fresh_backup::require;
        p.until(phase::stopping).ends(outcome::blocked, "fresh_backup_failed");
        CHECK(p.held() == "fresh_backup_failed");
        p.down().wait(60s);
        CHECK(p.last_run == operation::none);
        p.wait(300s);
        CHECK(p.last_run == operation::preflight);
    }
}

TEST_CASE("a leader that has only just begun claims nothing, unless a person orders it") {
    state s = first_state(ct101, time_point(1h), wall_time(1'800'000'000s));
    s.saved.seen_up = true;
    policy rules;
    rules.restart_attempts = 0;
    const surroundings settling{rules, true, "new here", time_point(1h), wall_time(1'800'000'000s)};
    s = advance(s, seen{standing::suspicious, "x"}, settling).now;
    s = advance(s, seen{standing::down, "x"}, settling).now;
    REQUIRE(s.saved.at == phase::confirming);
    const state held = advance(s, planned{some_plan(strategy::restore)}, settling).now;
    CHECK(held.saved.held->code == "settling");
    s.saved.ordered = true;
    CHECK(advance(s, planned{some_plan(strategy::restore)}, settling).now.saved.at == phase::claimed);
}

TEST_CASE("a guest that was moved has no archive: nothing that happens to it later restores one") {
    SECTION("its target dies: its configuration is there, so that is where it lives now") {
        player p;
        p.how = strategy::relocate;
        p.until(phase::starting).say(target_gone{});
        CHECK(p.at() == phase::done);
        CHECK(p.last_run == operation::none);
        CHECK(p.saved().generation == 2);
    }
    SECTION("a person wants another try: it is started where its configuration is") {
        player p;
        p.how = strategy::relocate;
        p.until(phase::starting).ends(outcome::failed).ends(outcome::failed);
        REQUIRE(p.at() == phase::failed_parked);
        p.say(retry{});
        CHECK(p.at() == phase::starting);
        CHECK(p.last_run == operation::start);
    }
    SECTION("from a dead node, it does not start: committed, and there is no home to call it safe") {
        player p;
        p.rules.restart_attempts = 0;
        plan gone = some_plan(strategy::relocate);
        gone.is_source_gone = true;
        p.say(seen{standing::suspicious, "silent"}).down().say(planned{gone}).done().done("waitout").done();
        REQUIRE(p.at() == phase::starting);
        p.ends(outcome::failed);
        CHECK(p.at() == phase::failed_parked);
    }
}

TEST_CASE("a target counts once as tried, however often it fails on the way out") {
    player p;
    p.until(phase::restoring).ends(outcome::failed);
    REQUIRE(p.at() == phase::cleaning);
    p.say(target_gone{}).ends(outcome::failed, "target_gone");
    CHECK(p.saved().tried.size() == 1);
    CHECK(p.saved().target.str() == "n3");
}

TEST_CASE("a guest of a node that goes down on purpose waits for it, as its policy says") {
    player p;
    p.leaving = leave_notice{lease::departure::reboot, 0s};
    SECTION("a healthy one is frozen before its checks fail, and watched again when the node is back") {
        CHECK(p.say(reconsider{}).at() == phase::frozen);
        CHECK(p.down().at() == phase::frozen);
        CHECK(p.say(planned{some_plan()}).at() == phase::frozen);
        p.leaving.reset();
        CHECK(p.up().at() == phase::watching);
    }
    SECTION("one that was about to be restarted is left alone") {
        p.leaving.reset();
        p.say(seen{standing::suspicious, "refused"}).down();
        REQUIRE(p.at() == phase::restarting);
        p.leaving = leave_notice{lease::departure::reboot, 0s};
        CHECK(p.wait(1s).at() == phase::frozen);
    }
    SECTION("a reboot that takes longer than its grace is a fault") {
        p.say(reconsider{}).down();
        p.leaving->ago = p.rules.reboot_grace;
        CHECK(p.wait(30s).at() == phase::confirming);
        CHECK(p.last_run == operation::preflight);
    }
    SECTION("after a shutdown it waits for as long as it takes") {
        p.leaving = leave_notice{lease::departure::shutdown, 48h};
        p.say(reconsider{}).down();
        CHECK(p.wait(30s).at() == phase::frozen);
    }
    SECTION("freeze: after a reboot too") {
        p.rules.shutdown = shutdown_policy::freeze;
        p.leaving->ago = 48h;
        CHECK(p.say(reconsider{}).wait(30s).at() == phase::frozen);
    }
    SECTION("failover: it is handed over like any other") {
        p.rules.shutdown = shutdown_policy::failover;
        CHECK(p.say(reconsider{}).at() == phase::watching);
        CHECK(p.fail().at() == phase::confirming);
    }
    SECTION("an order stands above it") {
        p.say(reconsider{}).down();
        CHECK(p.say(ordered{}).at() == phase::confirming);
        CHECK(p.say(planned{some_plan()}).at() == phase::claimed);
    }
    SECTION("what Proxmox HA manages stays held for that, and is not told again and again") {
        player q;
        q.leaving = p.leaving;
        q.say(ha_seen{true});
        const auto told = q.alerts.size();
        for (int i = 0; i < 3; ++i) q.wait(30s).say(ha_seen{true});
        CHECK(q.held() == "ha_managed");
        CHECK(q.alerts.size() == told);
    }
    SECTION("a hand-over that is under way goes on") {
        player q;
        q.until(phase::restoring);
        q.leaving = leave_notice{lease::departure::shutdown, 0s};
        CHECK(q.wait(1s).at() == phase::restoring);
    }
}

TEST_CASE("a limit that passes for nothing is looked at again later, not at once") {
    player p;
    p.until(phase::isolating).ends(outcome::failed);
    REQUIRE(p.at() == phase::rolling_back);
    p.done("");
    for (int i = 0; i < 3; ++i) {
        p.wait(700s);
        const bool is_overdue = p.now().deadline && *p.now().deadline <= p.time();
        CHECK_FALSE(is_overdue);
    }
}

TEST_CASE("a replacement that never passed its checks is held, not handed over again, until it does") {
    player p;
    p.until(phase::verifying).down().wait(p.rules.verify_timeout);
    REQUIRE(p.at() == phase::done);
    CHECK(is_unverified(p.saved()));
    p.down().wait(p.rules.cooldown);
    CHECK(p.held() == "unverified");
    CHECK(p.down().wait(30s).at() == phase::held);
    CHECK(p.last_run == operation::none);
    CHECK(p.up().at() == phase::watching);
}

TEST_CASE("what was down before a guest came to rest is heard again afterwards") {
    player p;
    p.until(phase::verifying).up();
    REQUIRE(p.at() == phase::done);
    p.down().wait(p.rules.cooldown);
    REQUIRE(p.at() == phase::watching);
    CHECK(p.down().at() == phase::confirming);
}

TEST_CASE("a guest goes home by migration: generation by generation, and a failed one leaves it where it is") {
    player p;
    p.until(phase::verifying).up();
    REQUIRE(p.at() == phase::done);
    SECTION("by order at once") {
        CHECK(p.say(go_home{true}).at() == phase::failing_back);
        CHECK(p.last_run == operation::migrate);
        CHECK_FALSE(is_traffic(p.saved()));
        const auto generation = p.saved().generation;
        CHECK(p.done().at() == phase::watching);
        CHECK(p.saved().generation == generation + 1);
        CHECK(p.saved().target == node_name("n1"));
        CHECK(p.alerts.back() == "failed_back");
        CHECK(p.say(go_home{true}).at() == phase::watching);  // it is there
    }
    SECTION("by itself only from rest, while it is well, and not again at once after a failure") {
        CHECK(p.say(go_home{}).at() == phase::done);
        p.wait(p.rules.cooldown);
        REQUIRE(p.at() == phase::watching);
        CHECK(p.say(go_home{}).at() == phase::failing_back);
        CHECK(p.ends(outcome::failed).at() == phase::watching);
        CHECK(p.saved().target == node_name("n2"));
        CHECK(p.alerts.back() == "failback_failed");
        CHECK(p.up().say(go_home{}).at() == phase::watching);
        p.wait(3600s);
        CHECK(p.up().say(go_home{}).at() == phase::failing_back);
    }
    SECTION("a daemon that only observes moves nothing, and neither does one whose guest's node goes down") {
        p.armed = false;
        CHECK(p.say(go_home{true}).at() == phase::done);
        p.armed = true;
        p.leaving = leave_notice{lease::departure::reboot, 0s};
        CHECK(p.say(go_home{true}).at() == phase::done);
    }
    SECTION("its node dies on the way: a fault like any other, not a question asked for ever") {
        p.say(go_home{true}).ends(outcome::unknown);
        p.is_home_gone = true;
        CHECK(p.wait(5s).at() == phase::watching);
        CHECK(p.down().at() == phase::confirming);
    }
    SECTION("what its checks say meanwhile changes nothing") {
        CHECK(p.say(go_home{true}).down().at() == phase::failing_back);
        CHECK(p.last_run == operation::none);
    }
    SECTION("what is not known is looked at again, also by the next leader") {
        p.say(go_home{true}).ends(outcome::unknown);
        CHECK(p.at() == phase::failing_back);
        CHECK(p.wait(5s).last_run == operation::migrate);
        CHECK(p.say(resumed{}).last_run == operation::migrate);
    }
}

TEST_CASE("a guest that still answers from a node that has left the cluster is held until one of the two changes") {
    player p;
    p.up().say(home_gone{node_name("n1")});
    p.is_home_gone = true;
    CHECK(p.held() == "life_evidence");
    CHECK(p.up().wait(30s).held() == "life_evidence");
    SECTION("the node comes back") {
        p.is_home_gone = false;
        CHECK(p.up().at() == phase::watching);
    }
    SECTION("the guest falls silent") {
        p.down().wait(30s);
        CHECK(p.last_run == operation::preflight);
    }
}
