#include "support/machine_player.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::failover;
using namespace std::chrono_literals;

/// What the next daemon, or the next leader, does with a record that it finds.
namespace {

record found_at(phase at) {
    record r;
    r.guest = ct101;
    r.at = at;
    r.chosen = some_plan();
    r.target = node_name("n2");
    r.operation_done = true;
    return r;
}

}  // namespace

TEST_CASE("a record that is found goes on where it stands, with a limit of its own") {
    struct row {
        phase at;
        std::optional<duration> limit;
        operation runs;
    };
    const row rows[] = {
        {phase::watching, std::nullopt, operation::none},
        {phase::frozen, 30s, operation::none},
        {phase::held, 30s, operation::none},
        {phase::claimed, 60s, operation::claim},
        {phase::stopping, 180s, operation::stop},
        {phase::fencing, std::nullopt, operation::fence},
        {phase::isolating, 60s, operation::isolate},
        {phase::parked, 30s, operation::look_at_target},
        {phase::restored, 30s, operation::look_at_target},
        {phase::cleaning, 300s, operation::clean},
        {phase::starting, 120s, operation::start},
        {phase::verifying, 300s, operation::none},
        {phase::evacuating, 1800s, operation::migrate},
        {phase::failing_back, 1800s, operation::migrate},
        {phase::rolling_back, 240s, operation::roll_back},
        {phase::done, 600s, operation::none},
        {phase::aborted_safe, 600s, operation::none},
        {phase::operator_moved, 600s, operation::none},
        {phase::rolled_back, std::nullopt, operation::none},
        {phase::failed_parked, std::nullopt, operation::none},
        {phase::disabled, std::nullopt, operation::none},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(name_of(r.at)) {
            player p(found_at(r.at));
            p.pass(1000s).say(resumed{});
            CHECK(p.at() == r.at);
            CHECK(p.limit() == r.limit);
            CHECK(p.last_run == r.runs);
            CHECK_FALSE(p.saved().operation_done);
            CHECK(p.now().entered == p.time());
            CHECK(p.now().unknown_since == p.time());
        }
    }
}

TEST_CASE("a restart in place that is found is done again, unless it is over already") {
    player over(found_at(phase::restarting));
    over.say(resumed{});
    CHECK(over.last_run == operation::none);
    CHECK(over.limit() == over.rules.restart_settle);
    CHECK(over.up().at() == phase::watching);

    record half = found_at(phase::restarting);
    half.operation_done = false;
    player p(half);
    p.say(resumed{});
    CHECK(p.last_run == operation::restart);
    CHECK(p.limit() == 300s);
    CHECK(p.up().at() == phase::restarting);
}

TEST_CASE("a fault that was looked into is looked into again; an order stands") {
    for (const phase at : {phase::suspect, phase::confirming}) {
        DYNAMIC_SECTION(name_of(at)) {
            player p(found_at(at));
            p.say(resumed{});
            CHECK(p.at() == phase::watching);
            CHECK(p.last_run == operation::none);
            record ordered = found_at(at);
            ordered.ordered = true;
            player q(ordered);
            q.say(resumed{});
            CHECK(q.at() == phase::confirming);
            CHECK(q.last_run == operation::preflight);
            CHECK(q.limit() == 30s);
        }
    }
}

TEST_CASE("a restore that is found is followed when its task is known, and looked for when it is not") {
    player unknown(found_at(phase::restoring));
    CHECK(unknown.say(resumed{}).at() == phase::parked);
    CHECK(unknown.last_run == operation::look_at_target);
    CHECK(unknown.limit() == 30s);
    record with_task = found_at(phase::restoring);
    with_task.task = "UPID:x";
    player known(with_task);
    CHECK(known.say(resumed{}).at() == phase::restoring);
    CHECK(known.last_run == operation::restore);
    CHECK(known.saved().task == "UPID:x");
}
