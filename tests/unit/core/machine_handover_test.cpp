#include "support/machine_player.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::failover;
using namespace std::chrono_literals;

/// From the claim to the end, step by step.
namespace {

plan with_a_warning() {
    plan p = from_dead_node();
    p.warnings = {{"stale_lock_ignored", "it was locked"}};
    return p;
}

player fencing_source() {
    player p;
    p.fail().say(planned{with_a_warning()}).done();
    REQUIRE(p.at() == phase::fencing);
    return p;
}

player rolling_back() {
    player p;
    p.until(phase::isolating).ends(outcome::failed);
    REQUIRE(p.at() == phase::rolling_back);
    return p;
}

player cleaning() {
    player p;
    p.until(phase::restoring).ends(outcome::failed);
    REQUIRE(p.at() == phase::cleaning);
    return p;
}

bool has_told(const player& p, const std::string& part) {
    for (const std::string& text : p.told)
        if (text.find(part) != std::string::npos) return true;
    return false;
}

}  // namespace

TEST_CASE("what the checks say stops no hand-over that has begun to stop the guest, and starts nothing") {
    std::vector<player> all{fencing_source(), cleaning(), rolling_back()};
    for (const phase at : {phase::stopping, phase::isolating, phase::parked, phase::restoring, phase::restored,
                           phase::starting, phase::verifying}) {
        player p;
        all.push_back(p.until(at));
    }
    for (player& p : all) {
        const phase before = p.at();
        INFO(name_of(before));
        const auto alerts = p.alerts.size();
        CHECK(p.down().at() == before);
        CHECK(p.say(seen{standing::unknown, "cannot look"}).at() == before);
        CHECK(p.last_run == operation::none);
        CHECK(p.alerts.size() == alerts);
    }
}

TEST_CASE("an operation that takes too long is begun again, with a fresh limit: it looks before it acts") {
    struct row {
        player p;
        duration limit;
        operation runs;
    };
    player parked;
    player restored;
    player starting;
    std::vector<row> rows{{parked.until(phase::parked), 30s, operation::look_at_target},
                          {restored.until(phase::restored), 30s, operation::look_at_target},
                          {starting.until(phase::starting), 120s, operation::start},
                          {cleaning(), 300s, operation::clean}};
    for (row& r : rows) {
        const phase before = r.p.at();
        INFO(name_of(before));
        CHECK(r.p.limit() == r.limit);
        CHECK(r.p.wait(r.limit - 2s).last_run == operation::none);
        CHECK(r.p.wait(1s).last_run == r.runs);
        CHECK(r.p.at() == before);
        CHECK(r.p.limit() == r.limit);
    }
}

TEST_CASE("an unknown outcome is written down, and looked at again in five seconds") {
    struct row {
        player p;
        operation runs;
    };
    player isolating;
    player parked;
    player restored;
    player starting;
    std::vector<row> rows{{fencing_source(), operation::fence},
                          {isolating.until(phase::isolating), operation::isolate},
                          {parked.until(phase::parked), operation::look_at_target},
                          {restored.until(phase::restored), operation::look_at_target},
                          {starting.until(phase::starting), operation::start},
                          {cleaning(), operation::clean},
                          {rolling_back(), operation::roll_back}};
    for (row& r : rows) {
        const phase before = r.p.at();
        INFO(name_of(before));
        r.p.ends(outcome::unknown);
        CHECK(r.p.at() == before);
        CHECK(r.p.is_written);
        CHECK(r.p.saved().reason == "some reason");
        CHECK(r.p.limit() == 5s);
        CHECK(r.p.wait(3s).last_run == operation::none);
        CHECK(r.p.wait(1s).last_run == r.runs);
        CHECK(r.p.at() == before);
        CHECK_FALSE(r.p.saved().operation_done);
        CHECK(r.p.limit() > 4s);
    }
}

TEST_CASE("a claim that fails or takes too long costs nothing") {
    player p;
    p.until(phase::claimed);
    CHECK(p.limit() == 60s);
    SECTION("it fails") { p.ends(outcome::failed); }
    SECTION("it takes too long") {
        CHECK(p.wait(50s).at() == phase::claimed);
        p.wait(10s);
    }
    CHECK(p.at() == phase::aborted_safe);
    CHECK(p.alerts == std::vector<std::string>{"aborted_safe"});
}

TEST_CASE("why a hand-over was claimed says what is restored and what was passed over; the plan keeps what is needed") {
    player p;
    plan chosen = some_plan();
    chosen.archive.emplace();
    chosen.archive->volume = volid("backup:backup/new");
    chosen.archive->created = p.wall() - 2h;
    chosen.rejections = {{"n4", "is offline"}};
    chosen.warnings = {{"backup_time_skew", "a clock is wrong"}};
    p.fail().say(planned{chosen});
    REQUIRE(p.at() == phase::claimed);
    CHECK(p.saved().reason.find("backup backup:backup/new (2 h 00 min old)") != std::string::npos);
    CHECK(p.saved().reason.find("; not n4: is offline") != std::string::npos);
    CHECK(p.saved().chosen->rejections.empty());
    // Its node is there: what a person should know is told at once.
    CHECK(p.alerts == std::vector<std::string>{"backup_time_skew"});
    CHECK(p.saved().chosen->warnings.empty());
}

TEST_CASE("a guest that is well again before it is stopped stays where it is, unless it was ordered away") {
    player p;
    SECTION("for a fault") {
        CHECK(p.until(phase::claimed).up().at() == phase::aborted_safe);
        CHECK(p.saved().reason == "it is healthy again");
    }
    SECTION("by order") {
        p.say(ordered{}).say(planned{some_plan()});
        REQUIRE(p.at() == phase::claimed);
        CHECK(p.up().at() == phase::claimed);
    }
}

TEST_CASE("every hand-over begins without what is left of the one before") {
    player p;
    p.until(phase::restoring).ends(outcome::failed).done();
    p.until(phase::verifying).up();
    REQUIRE(p.at() == phase::done);
    REQUIRE(p.saved().tried.size() == 1);
    REQUIRE_FALSE(p.saved().parked_path.empty());
    CHECK(p.saved().generation == 2);
    CHECK(p.saved().failovers == std::vector{p.wall()});
    p.say(ordered{}).say(planned{some_plan()});
    REQUIRE(p.at() == phase::claimed);
    CHECK(p.saved().tried.empty());
    CHECK(p.saved().parked_path.empty());
    CHECK(p.saved().claim == 3);
}

TEST_CASE("what a hand-over has used up is there again after it: the order, and the restarts in place") {
    player p;
    p.down().done().wait(61s);
    p.down();
    REQUIRE(p.saved().restarts.size() == 1);
    p.say(ordered{}).say(planned{some_plan()});
    p.until(phase::verifying).up();
    REQUIRE(p.at() == phase::done);
    CHECK(p.saved().restarts.empty());
    CHECK_FALSE(p.saved().ordered);
}

TEST_CASE("a guest that is proven stopped is isolated; anything else is held") {
    player p;
    p.until(phase::stopping);
    SECTION("stopped: nobody needs to be told") {
        p.done();
        CHECK(p.at() == phase::isolating);
        CHECK(p.saved().proof == "stopped");
        CHECK(p.alerts.empty());
    }
    SECTION("it takes too long") {
        CHECK(p.wait(170s).at() == phase::stopping);
        CHECK(p.wait(10s).held() == "stop_unverified");
        CHECK(p.saved().held->text.find("it did not stop in time") != std::string::npos);
    }
    SECTION("something else was in the way than its backup") {
        CHECK(p.ends(outcome::blocked, "locked").held() == "stop_unverified");
    }
    SECTION("it was not stopped after its backup had failed") {
        CHECK(p.ends(outcome::failed, "fresh_backup_failed").held() == "stop_unverified");
    }
}

TEST_CASE("what a fence agent could not do is told; that it only takes time is not") {
    player p = fencing_source();
    SECTION("it failed") {
        p.ends(outcome::blocked, "fence_failed");
        CHECK(p.held() == "no_fence");
        CHECK(p.alerts == std::vector<std::string>{"fence_failed", "no_fence"});
    }
    SECTION("nothing proves it") {
        p.ends(outcome::blocked, "life_evidence");
        CHECK(p.held() == "life_evidence");
        CHECK(p.alerts == std::vector<std::string>{"life_evidence"});
    }
    SECTION("proven: what a person should know is told once") {
        p.done("waitout");
        CHECK(p.alerts == std::vector<std::string>{"stale_lock_ignored"});
        CHECK(p.saved().chosen->warnings.empty());
    }
}

TEST_CASE("moving a configuration takes as long as it takes; once it is late it is told") {
    player p;
    p.until(phase::isolating);
    SECTION("late") {
        p.wait(60s);
        CHECK(p.last_run == operation::isolate);
        CHECK(p.alerts == std::vector<std::string>{"isolating"});
        CHECK(p.limit() == 60s);
    }
    SECTION("unknown: asked again, and only what is late then is told") {
        p.ends(outcome::unknown).wait(5s);
        CHECK(p.last_run == operation::isolate);
        CHECK(p.alerts.empty());
        CHECK(p.limit() == 60s);
        p.wait(60s);
        CHECK(p.alerts == std::vector<std::string>{"isolating"});
    }
    SECTION("moved") {
        finished f;
        f.parked_path = "priv/steward/parked/101.n1.g2.conf";
        p.pass(30s).say(f);
        CHECK(p.at() == phase::parked);
        CHECK(p.saved().parked_path == f.parked_path);
        CHECK(p.saved().attempt_since == p.wall());
    }
    SECTION("refused: what it goes home for is written") {
        p.ends(outcome::failed);
        CHECK(p.done().saved().reason == "started again at home after: some reason");
    }
}

TEST_CASE("what is found on the target decides how it goes on") {
    player p;
    p.until(phase::parked);
    SECTION("nothing: restored") { CHECK(p.done("").at() == phase::restoring); }
    SECTION("a restore of ours: followed") {
        p.done("UPID:x");
        CHECK(p.at() == phase::restoring);
        CHECK(p.saved().task == "UPID:x");
    }
    SECTION("ours, whole") {
        p.done("present");
        CHECK(p.at() == phase::restored);
        CHECK(p.last_run == operation::look_at_target);
        CHECK(p.limit() == 30s);
    }
    SECTION("it is at home again: a person has brought it back") {
        p.done("home");
        CHECK(p.at() == phase::watching);
        CHECK(p.alerts == std::vector<std::string>{"operator_moved"});
        CHECK(p.saved().parked_path.empty());
    }
    SECTION("it cannot be used: cleaned") {
        CHECK(p.ends(outcome::failed, "no_space").at() == phase::cleaning);
        CHECK(p.saved().tried == std::vector<std::string>{"n2: some reason"});
    }
    SECTION("it is gone, and there is no other: back home, which is there") {
        player only;
        only.rules.attempts = 1;
        only.until(phase::parked).ends(outcome::failed, "target_gone");
        CHECK(only.at() == phase::rolling_back);
    }
    SECTION("it is gone: nothing can be cleaned there") {
        CHECK(p.pass(40s).ends(outcome::failed, "target_gone").at() == phase::parked);
        CHECK(p.saved().target.str() == "n3");
        CHECK(p.saved().attempt_since == p.wall());
        CHECK(p.limit() == 20s);
    }
}

TEST_CASE("only a replacement that is whole is started") {
    player p;
    p.until(phase::restored);
    SECTION("whole") { CHECK(p.done("present").at() == phase::starting); }
    SECTION("still being restored") {
        CHECK(p.done("UPID:x").at() == phase::restored);
        CHECK(p.limit() == 5s);
    }
    SECTION("nothing is there") {
        CHECK(p.done("").at() == phase::cleaning);
        CHECK(p.saved().tried == std::vector<std::string>{"n2: the restore left nothing behind"});
    }
    SECTION("what is there cannot be used") {
        CHECK(p.ends(outcome::failed, "present").at() == phase::cleaning);
        CHECK(p.saved().tried == std::vector<std::string>{"n2: some reason"});
    }
    SECTION("somebody else's") {
        CHECK(p.ends(outcome::blocked).at() == phase::failed_parked);
        CHECK(p.alerts == std::vector<std::string>{"vmid_conflict"});
    }
}

TEST_CASE("a target that fails is passed over, as often as the policy allows") {
    SECTION("once, although there is another") {
        player p;
        p.rules.attempts = 1;
        p.until(phase::restoring).ends(outcome::failed).done();
        CHECK(p.at() == phase::rolling_back);
    }
    SECTION("one that does not start is cleaned") {
        player p;
        p.until(phase::starting).ends(outcome::failed);
        CHECK(p.at() == phase::cleaning);
        CHECK(p.saved().tried == std::vector<std::string>{"n2: start failed: some reason"});
    }
    SECTION("one that runs after all is kept") {
        player p = cleaning();
        CHECK(p.done("running").at() == phase::verifying);
    }
}

TEST_CASE("whoever has to help is told what is kept, and where") {
    SECTION("of a restore") {
        player p = cleaning();
        p.ends(outcome::failed);
        CHECK(has_told(p, "Its configuration is kept in priv/parked and its volumes are untouched on n1"));
    }
    SECTION("of a move") {
        player p;
        p.how = strategy::relocate;
        p.until(phase::starting).ends(outcome::failed).ends(outcome::failed);
        CHECK(has_told(p, "Its configuration is on n2 or n1, and its disks are where they were"));
    }
}

TEST_CASE("a replacement is given time to pass its checks; when it does not, it stays, and that is told") {
    player p;
    p.until(phase::verifying);
    CHECK(p.limit() == 300s);
    CHECK(p.down().wait(290s).at() == phase::verifying);
    CHECK(p.alerts.empty());
    CHECK(p.wait(10s).at() == phase::done);
    CHECK(p.alerts == std::vector<std::string>{"verify_failed"});
}

TEST_CASE("on its way home") {
    player p;
    SECTION("it runs already") { CHECK(rolling_back().done("running").at() == phase::verifying); }
    SECTION("nothing was committed: given up for free") {
        CHECK(rolling_back().done("elsewhere").at() == phase::aborted_safe);
    }
    SECTION("it was: the original runs again, and nothing is parked any more") {
        p.rules.attempts = 1;
        p.until(phase::restoring).ends(outcome::failed).done();
        REQUIRE(p.at() == phase::rolling_back);
        CHECK(p.limit() == 240s);
        CHECK(p.done().at() == phase::rolled_back);
        CHECK(p.saved().parked_path.empty());
    }
    SECTION("somebody has taken it away meanwhile: left to them") {
        player gone = rolling_back();
        CHECK(gone.done("gone").at() == phase::aborted_safe);
        CHECK(has_told(gone, "while it was handed over, and is left to them"));
        CHECK(rolling_back().ends(outcome::failed, "gone").at() == phase::failed_parked);
    }
    SECTION("that fails, or takes too long: a person has to help") {
        CHECK(rolling_back().ends(outcome::failed, "running").at() == phase::failed_parked);
        p = rolling_back();
        CHECK(p.wait(230s).at() == phase::rolling_back);
        CHECK(p.wait(10s).at() == phase::failed_parked);
        CHECK(has_told(p, "bringing the original back took too long"));
    }
    SECTION("unknown: asked again, with a fresh limit") {
        p = rolling_back();
        p.ends(outcome::unknown).pass(5s).down();
        CHECK(p.last_run == operation::none);
        p.say(tick{});
        CHECK(p.last_run == operation::roll_back);
        CHECK(p.limit() == 120s);
        CHECK_FALSE(p.saved().operation_done);
        CHECK(p.wait(120s).at() == phase::failed_parked);
    }
}

TEST_CASE("an order that is given up is forgotten") {
    player p;
    p.say(ordered{}).say(planned{some_plan()}).say(abort_order{"root"});
    CHECK(p.at() == phase::aborted_safe);
    CHECK_FALSE(p.saved().ordered);
}
