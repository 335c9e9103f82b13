#include "core/failover/hooks.hpp"

#include "support/machine_player.hpp"

#include <catch2/catch.hpp>
#include <functional>

using namespace steward;
using namespace steward::failover;
using namespace std::chrono_literals;

/// When people's own programs are run, and what their refusal means.
namespace {

std::string words(const std::optional<hook_moment>& m) {
    if (!m) return "";
    return std::string(name_of(m->event)) + " " + name_of(m->point) + " " + m->result;
}

record at(phase p) {
    record r;
    r.guest = ct101;
    r.at = p;
    r.chosen = some_plan();
    return r;
}

record held_for(const std::string& code, bool is_parked = false) {
    record r = at(phase::held);
    r.held = hold{code, "text", "release", {}};
    if (!is_parked) return r;
    r.parked_path = "priv/steward/parked/101.n1.g2.conf";
    r.claim = 2;
    return r;
}

}  // namespace

TEST_CASE("hooks come before a restart and before a hand-over, and before nothing else") {
    for (int i = 0; i <= static_cast<int>(operation::roll_back); ++i) {
        const auto o = static_cast<operation>(i);
        const auto event = hooks_before(o);
        CHECK(event.has_value() == (o == operation::restart || o == operation::claim));
    }
    CHECK(hooks_before(operation::claim) == hook_event::handover);
}

TEST_CASE("the end of a hand-over or restart is told once, with how it ended") {
    struct row {
        const char* name;
        record before, after;
        const char* told;
    };
    record restarted = at(phase::restarting);
    restarted.operation_done = true;
    record again = at(phase::restarting);
    again.restarts = {wall_time(1s), wall_time(2s)};
    record unverified_end = at(phase::done);
    unverified_end.reason = std::string(unverified) + "its checks do not succeed";
    const row rows[] = {
        {"done", at(phase::verifying), at(phase::done), "handover post done"},
        {"done, but nobody has seen it healthy", at(phase::verifying), unverified_end, "handover post unverified"},
        {"given up before anything was moved", at(phase::stopping), at(phase::aborted_safe),
         "handover failed aborted_safe"},
        {"forbidden by a hook", at(phase::claimed), held_for(hook_failed), "handover failed hook_failed"},
        {"the source does not stop", at(phase::stopping), held_for("stop_unverified"),
         "handover failed stop_unverified"},
        {"home again", at(phase::rolling_back), at(phase::rolled_back), "handover failed rolled_back"},
        {"a person is needed", at(phase::restoring), at(phase::failed_parked), "handover failed failed_parked"},
        {"it goes on", at(phase::parked), at(phase::restoring), ""},
        {"it waits for its target while it is parked", at(phase::restoring), held_for("no_target", true), ""},
        {"and goes on from there", held_for("no_target", true), at(phase::restoring), ""},
        {"a migration is PVE's affair", at(phase::evacuating), at(phase::done), ""},
        {"home by migration", at(phase::failing_back), at(phase::watching), ""},
        {"nothing was under way", at(phase::watching), at(phase::suspect), ""},
        {"looked at again", held_for("no_backup"), held_for("no_backup"), ""},
        {"a restart helped", restarted, at(phase::watching), "restart post watching"},
        {"healthy before it was restarted", at(phase::restarting), at(phase::watching), "restart failed watching"},
        {"a restart did not help", restarted, at(phase::confirming), "restart failed confirming"},
        {"a restart that may not be", at(phase::restarting), held_for("locked"), "restart failed locked"},
        {"once more", at(phase::restarting), again, "restart failed restarting"},
        {"it takes its time", at(phase::restarting), restarted, ""},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) { CHECK(words(hooks_after(r.before, r.after)) == r.told); }
    }
}

TEST_CASE("a hook that says no before a hand-over holds the guest for a while, and nothing was begun") {
    player p;
    p.until(phase::claimed);
    p.ends(outcome::blocked, hook_failed);
    CHECK(p.held() == hook_failed);
    CHECK(p.alerts.back() == hook_failed);
    CHECK(p.last_run == operation::none);
    CHECK(p.saved().generation == 1);
    p.wait(60s);
    CHECK(p.last_run == operation::none);  // not every half a minute
    p.wait(240s);
    CHECK(p.last_run == operation::preflight);
    p.say(planned{some_plan()});
    REQUIRE(p.at() == phase::claimed);
    CHECK(p.saved().claim == 3);  // another attempt has another number
    p.ends(outcome::blocked, hook_failed);
    CHECK(p.say(retry{}).last_run == operation::preflight);
}

TEST_CASE("a hook that says no before a restart uses up no attempt") {
    player p;
    p.rules.restart_attempts = 1;
    p.say(seen{standing::suspicious, "refused"}).down();
    REQUIRE(p.at() == phase::restarting);
    p.ends(outcome::blocked, hook_failed);
    CHECK(p.held() == hook_failed);
    CHECK(p.saved().restarts.empty());
}

TEST_CASE("limits leave the hooks their time") {
    player p;
    p.rules.handover_hooks = 10min;
    p.until(phase::claimed);
    p.wait(9min);
    CHECK(p.at() == phase::claimed);
    p.wait(3min);
    CHECK(p.at() == phase::aborted_safe);
    player q;
    q.rules.restart_attempts = 1;
    q.rules.restart_hooks = 30min;
    q.say(seen{standing::suspicious, "refused"}).down();
    q.wait(25min);
    CHECK(q.at() == phase::restarting);
}

TEST_CASE("an attempt has one name, whoever tells it") {
    record r = at(phase::claimed);
    r.claim = 7;
    CHECK(hook_id(hook_event::handover, r) == "handover.ct-101.g7");
    r.restarts = {wall_time(1s), wall_time(1'800'000'000s)};
    CHECK(hook_id(hook_event::restart, r) == "restart.ct-101.1800000000");
}
