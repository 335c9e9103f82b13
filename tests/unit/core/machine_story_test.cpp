#include "support/machine_player.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::failover;
using namespace std::chrono_literals;

/// What a record tells, and when it is written.
namespace {

std::vector<phase> phases(const player& p) {
    std::vector<phase> all;
    for (const story_line& line : p.saved().story) all.push_back(line.at);
    return all;
}

refusal because(std::string code, std::string text) {
    return refusal{std::move(code), std::move(text), "it goes away", {}, true, {}};
}

/// Held by a preflight that was refused.
player held_player() {
    player p;
    p.fail().say(planned{because("no_backup", "there is none")});
    REQUIRE(p.held() == "no_backup");
    return p;
}

}  // namespace

TEST_CASE("a story begins with a fault, and tells how long each part of it took") {
    player p;
    p.rules.restart_attempts = 0;
    p.say(seen{standing::suspicious, "refused"});
    CHECK(p.saved().story.front().note == "refused");
    CHECK(p.saved().story.front().when == p.wall());
    p.wait(9s).down().say(planned{some_plan()});
    CHECK(phases(p) == std::vector{phase::suspect, phase::confirming, phase::claimed});
    CHECK(p.saved().story[0].took == 11s);
    CHECK(p.saved().story[1].took == 1s);
    CHECK(p.saved().story[2].took == 0s);
    p.until(phase::verifying).up();
    const std::size_t lines = 11;
    REQUIRE(p.saved().story.size() == lines);
    // How well it is afterwards is no part of it; that a person disables it is.
    p.wait(p.rules.cooldown);
    REQUIRE(p.at() == phase::watching);
    const duration rested = p.saved().story.back().took;
    CHECK(rested == p.rules.cooldown + 1s);
    p.wait(100s).say(disable{"root"});
    REQUIRE(p.saved().story.size() == lines + 1);
    CHECK(p.saved().story[lines - 1].took == rested);
    p.say(retry{}).say(seen{standing::suspicious, "refused"});
    CHECK(phases(p) == std::vector{phase::suspect});
}

TEST_CASE("a story of its own begins with an order, and with a guest that is down at once") {
    player p;
    p.until(phase::verifying).up().say(ordered{});
    CHECK(phases(p) == std::vector{phase::confirming});
    player q;
    q.down();
    CHECK(phases(q) == std::vector{phase::suspect, phase::restarting});
}

TEST_CASE("of a story that is too long the beginning is forgotten") {
    player p = held_player();
    for (int i = 0; i < 50; ++i)
        for (const char* code : {"no_target", "no_backup"}) p.wait(31s).say(planned{because(code, "so it is")});
    CHECK(p.saved().story.size() == 64);
    CHECK(p.saved().story.front().at == phase::held);
    CHECK(p.saved().story.back().note == "no_backup: so it is");
}

TEST_CASE("what belongs to a phase ends with it") {
    SECTION("its hold, its limit and what ran for it") {
        player p = held_player();
        p.up();
        CHECK(p.at() == phase::watching);
        CHECK_FALSE(p.saved().held);
        CHECK_FALSE(p.limit());
        CHECK(p.saved().since == p.wall());
        CHECK(p.is_written);
        CHECK(p.is_cancelled);
    }
    SECTION("its task") {
        player p;
        p.until(phase::restoring).say(task_started{"UPID:x"});
        CHECK(p.saved().task == "UPID:x");
        CHECK(p.is_written);
        CHECK(p.done().saved().task.empty());
    }
    SECTION("that its operation is over") {
        player p;
        p.down().done();
        REQUIRE(p.saved().operation_done);
        CHECK(p.is_written);
        p.up();
        CHECK_FALSE(p.saved().operation_done);
    }
}

TEST_CASE("a hold is written when it says something new, and ends what ran for it in any case") {
    player p = held_player();
    CHECK(p.limit() == 30s);
    CHECK(p.saved().held->until == wall_time{});
    p.wait(31s).say(planned{because("no_backup", "there is none")});
    CHECK_FALSE(p.is_written);
    CHECK(p.is_cancelled);
    CHECK(p.limit() == 30s);
    p.wait(31s).say(planned{because("no_backup", "there is one, and it is empty")});
    CHECK(p.is_written);
    CHECK(p.saved().held->text == "there is one, and it is empty");
    CHECK(p.alerts == std::vector<std::string>{"no_backup"});
    p.wait(31s).say(planned{because("no_target", "there is one, and it is empty")});
    CHECK(p.held() == "no_target");
    CHECK(p.alerts.back() == "no_target");
}

TEST_CASE("a hold until a time of day lasts until then, also when the clock is set back") {
    player p;
    p.rules.before = fresh_backup::require;
    p.until(phase::stopping).ends(outcome::blocked, "fresh_backup_failed");
    CHECK(p.saved().held->until == p.wall() + 300s);
    CHECK(p.limit() == 300s);
    SECTION("its checks do not end it") { CHECK(p.up().at() == phase::held); }
    SECTION("what they said counts when it is over") {
        p.up().wait(300s);
        CHECK(p.at() == phase::watching);
    }
    SECTION("looked at again only when the clock is there again") {
        p.down();
        p.wall_step = -100s;
        p.wait(300s);
        CHECK(p.held() == "fresh_backup_failed");
        CHECK(p.last_run == operation::none);
        CHECK(p.limit() == 30s);
        CHECK(p.wait(100s).last_run == operation::preflight);
    }
    SECTION("a person may have it looked at before") { CHECK(p.down().say(retry{}).last_run == operation::preflight); }
}

TEST_CASE("that a guest was healthy once is written once") {
    player p(first_state(ct101, time_point(1h), wall_time(1'800'000'000s)).saved);
    CHECK_FALSE(p.say(seen{standing::unknown, "not probed yet"}).is_written);
    CHECK_FALSE(p.saved().seen_up);
    CHECK(p.up().is_written);
    CHECK(p.saved().seen_up);
    CHECK_FALSE(p.up().is_written);
}

TEST_CASE("a guest without a record begins now") {
    const state s = first_state(ct101, time_point(2h), wall_time(7s));
    CHECK(s.saved.guest == ct101);
    CHECK(s.saved.since == wall_time(7s));
    CHECK(s.entered == time_point(2h));
    CHECK(s.unknown_since == time_point(2h));
}

TEST_CASE("a guest is bound for the target of its hand-over, or for its home") {
    struct row {
        phase at;
        const char* bound;
    };
    for (const row& r : {row{phase::watching, ""}, row{phase::claimed, "n2"}, row{phase::starting, "n2"},
                         row{phase::done, "n2"}, row{phase::failing_back, "n1"}, row{phase::failed_parked, ""}}) {
        INFO(name_of(r.at));
        record found;
        found.at = r.at;
        found.target = node_name("n2");
        CHECK(bound_for(found).empty());
        found.chosen = some_plan();
        CHECK(bound_for(found).str() == r.bound);
    }
}

TEST_CASE("only what can be news to a phase is news to it") {
    player p;
    p.until(phase::restoring);
    CHECK(is_news(p.now(), target_gone{}));
    CHECK_FALSE(is_news(p.now(), tick{}));
    CHECK_FALSE(is_news(p.now(), home_gone{node_name("n1")}));
    CHECK_FALSE(is_news(player().now(), target_gone{}));
}
