#include "support/machine_player.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::failover;

/// Away from a node before it goes down (machine_evacuation.cpp).
namespace {

planned a_move() { return planned{some_plan(strategy::migrate), true}; }

planned no_move(std::string code) {
    refusal no;
    no.code = std::move(code);
    no.text = "some reason";
    no.release = "it goes away";
    no.rejections = {{"n2", "is full"}};
    return planned{std::move(no), true};
}

/// Its node says that it reboots, and its policy is to be moved away.
player leaving() {
    player p;
    p.rules.shutdown = shutdown_policy::evacuate;
    p.up();
    p.leaving = leave_notice{lease::departure::reboot, 0s};
    return p;
}

}  // namespace

TEST_CASE("a guest is migrated away before its node goes down, and has that node as its home") {
    player p = leaving();
    CHECK(p.say(reconsider{}).last_run == operation::plan_move);
    CHECK(p.at() == phase::watching);
    CHECK(p.say(a_move()).at() == phase::evacuating);
    CHECK(p.last_run == operation::migrate);
    CHECK(p.is_written);
    CHECK(is_in_flight(p.at()));
    CHECK(is_traffic(p.saved()));
    CHECK(bound_for(p.saved()) == node_name("n2"));
    const auto generation = p.saved().generation;
    CHECK(p.done().at() == phase::watching);
    CHECK(p.saved().generation == generation + 1);
    CHECK(p.alerts == std::vector<std::string>{"evacuated"});
    CHECK(p.saved().failovers.empty());
    CHECK(can_go_home(p.saved()));
    // The list may still show it where it was.
    CHECK(p.say(reconsider{}).last_run == operation::none);
    CHECK(p.at() == phase::watching);
    p.leaving.reset();
    CHECK(p.say(go_home{true}).at() == phase::failing_back);
}

TEST_CASE("nobody is moved away who does not have to be, or may not") {
    player p = leaving();
    SECTION("another policy") {
        p.rules.shutdown = shutdown_policy::conditional;
        CHECK(p.say(reconsider{}).at() == phase::frozen);
    }
    SECTION("only observed") {
        p.armed = false;
        CHECK(p.say(reconsider{}).at() == phase::frozen);
    }
    SECTION("paused") {
        p.paused = refusal{"operator_hold", "paused", "resume", {}, false, {}};
        CHECK(p.say(reconsider{}).at() == phase::frozen);
    }
    SECTION("its node has gone already") {
        p.is_home_gone = true;
        CHECK(p.say(reconsider{}).at() == phase::frozen);
    }
    SECTION("there is no time left") {
        p.rules.reboot_grace = 1h;
        p.leaving->ago = p.rules.evacuate_timeout;
        CHECK(p.say(reconsider{}).at() == phase::frozen);
        CHECK(p.wait(30s).last_run == operation::none);
    }
    SECTION("its node stays") {
        p.leaving.reset();
        CHECK(p.say(reconsider{}).at() == phase::watching);
        CHECK(p.last_run == operation::none);
    }
    SECTION("an order goes before") { CHECK(p.say(ordered{}).at() == phase::confirming); }
    SECTION("it goes down with its node by rights") {
        for (const char* code : {"not_running", "ha_managed", "disabled"}) {
            player one = leaving();
            one.say(reconsider{});
            CHECK(one.say(no_move(code)).at() == phase::frozen);
            CHECK(one.alerts.empty());
        }
    }
}

TEST_CASE("who cannot be moved is held and named, is looked at again, and waits once its node has gone") {
    player p = leaving();
    p.say(reconsider{});
    CHECK(p.say(no_move("not_movable")).held() == "not_movable");
    CHECK(p.alerts == std::vector<std::string>{"evacuation_blocked", "not_movable"});
    CHECK(p.told.front().find("is full") != std::string::npos);
    CHECK(p.up().held() == "not_movable");
    CHECK(p.wait(30s).last_run == operation::plan_move);
    CHECK(p.at() == phase::held);
    CHECK(p.say(no_move("not_movable")).held() == "not_movable");
    CHECK(p.alerts.size() == 2);
    SECTION("its node goes") {
        p.is_home_gone = true;
        CHECK(p.say(tick{}).at() == phase::frozen);
    }
    SECTION("the shutdown was called off") {
        p.leaving.reset();
        CHECK(p.up().at() == phase::watching);
    }
    SECTION("it can be moved after all") { CHECK(p.say(a_move()).at() == phase::evacuating); }
}

TEST_CASE("what could not be learned is asked again, not told") {
    player p = leaving();
    p.say(reconsider{});
    for (const char* code : {"unknown", "quorum", "node_away", "not_leaving"}) {
        CHECK(p.say(no_move(code)).at() == phase::watching);
        CHECK(p.say(reconsider{}).last_run == operation::none);
    }
    CHECK(p.alerts.empty());
    p.pass(30s);
    CHECK(p.say(reconsider{}).last_run == operation::plan_move);
}

TEST_CASE("only so many are moved at once, and whose turn it is, is looked at again") {
    player p = leaving();
    p.others.under_way = traffic::most;
    p.say(reconsider{});
    CHECK(p.say(a_move()).held() == "queue");
    CHECK(p.alerts.empty());
    p.others = {};
    CHECK(p.say(reconsider{}).last_run == operation::plan_move);
    p.others.under_way = 1;
    p.others.targets = {node_name("n2")};
    CHECK(p.say(a_move()).at() == phase::evacuating);
    CHECK(p.saved().target == node_name("n3"));
}

TEST_CASE("a migration that fails goes to the next target while there is time, and then leaves the guest where it is") {
    player p = leaving();
    p.say(reconsider{}).say(a_move());
    SECTION("to the next one") {
        CHECK(p.ends(outcome::failed).at() == phase::evacuating);
        CHECK(p.last_run == operation::migrate);
        CHECK(p.saved().target == node_name("n3"));
        CHECK(p.ends(outcome::failed).held() == "no_target");
        CHECK(p.alerts == std::vector<std::string>{"evacuation_blocked", "no_target"});
        CHECK(p.saved().target == node_name("n1"));
        CHECK_FALSE(can_go_home(p.saved()));
    }
    SECTION("no time is left") {
        p.leaving->ago = p.rules.evacuate_timeout;
        CHECK(p.ends(outcome::failed).held() == "no_target");
    }
    SECTION("its node dies on the way") {
        p.ends(outcome::unknown);
        p.is_home_gone = true;
        CHECK(p.wait(5s).at() == phase::watching);
        CHECK(p.say(tick{}).at() == phase::frozen);
    }
    SECTION("what is not known is looked at again, also by the next leader") {
        p.ends(outcome::unknown);
        CHECK(p.at() == phase::evacuating);
        CHECK(p.wait(5s).last_run == operation::migrate);
        CHECK(p.say(resumed{}).last_run == operation::migrate);
    }
}
