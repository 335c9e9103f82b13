#include "core/failover/pauses.hpp"

#include "support/machine_player.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::failover;
using namespace std::chrono_literals;

namespace {

const node_name n1("n1");
const wall_time noon{std::chrono::seconds(1'800'000'000)};

failover::pause one(std::string object, pause_kind kind = pause_kind::pause, wall_time until = {}) {
    failover::pause p;
    p.object = std::move(object);
    p.kind = kind;
    p.by = "root";
    p.reason = "new disks";
    p.since = noon;
    p.until = until;
    return p;
}

}  // namespace

TEST_CASE("the most particular pause speaks, and says how to end it") {
    pauses all;
    CHECK_FALSE(paused(all, ct101, n1));
    REQUIRE(all.add(one("cluster")));
    CHECK(paused(all, ct101, n1)->code == "paused");
    REQUIRE(all.add(one("node/n1", pause_kind::maintenance)));
    CHECK(paused(all, ct101, n1)->code == "maintenance");
    CHECK(paused(all, ct101, node_name("n2"))->code == "paused");
    REQUIRE(all.add(one("node/n1", pause_kind::planned_off)));
    CHECK(paused(all, ct101, n1)->code == "planned_off");
    REQUIRE(all.add(one("ct/101", pause_kind::pause, noon + 1h)));
    const auto no = paused(all, ct101, n1);
    CHECK(no->code == "operator_hold");
    CHECK(no->text == "ct/101 is paused by root (new disks)");
    CHECK(no->release.find("steward resume ct/101") != std::string::npos);
    CHECK(closed_nodes(all) == std::set<node_name>{n1});
    CHECK(all.all().size() == 3);  // the second one about n1 replaced the first
}

TEST_CASE("a pause is over when its time is, or when it is taken back") {
    pauses all;
    REQUIRE(all.add(one("node/n1", pause_kind::maintenance, noon + 1h)));
    REQUIRE(all.add(one("cluster")));
    CHECK(all.expire(noon + 59min).empty());
    const auto over = all.expire(noon + 1h);
    REQUIRE(over.size() == 1);
    CHECK(over.front().object == "node/n1");
    CHECK_FALSE(all.remove("node/n1"));
    CHECK(all.remove("cluster"));
    CHECK(all.all().empty());
}

TEST_CASE("pauses survive being written down, and hostile text is refused") {
    pauses all;
    REQUIRE(all.add(one("node/n1", pause_kind::maintenance, noon + 1h)));
    REQUIRE(all.add(one("vm/200")));
    const auto again = parse_pauses(to_json(all));
    REQUIRE(again);
    CHECK(to_json(*again) == to_json(all));
    for (const char* bad : {"", "[]", "{}", "{\"pauses\":1}", "{\"pauses\":[1]}", "{\"pauses\":[{}]}",
                            R"({"pauses":[{"object":"node/../x","kind":"pause"}]})",
                            R"({"pauses":[{"object":"cluster","kind":"forever"}]})"})
        CHECK_FALSE(parse_pauses(bad));
    failover::pause talkative = one("cluster");
    talkative.reason = std::string(201, 'x');
    CHECK_FALSE(all.add(std::move(talkative)));
    bool is_full = false;
    for (unsigned i = 100; i < 200 && !is_full; ++i) is_full = !all.add(one("ct/" + std::to_string(i)));
    CHECK(is_full);
    CHECK(to_json(all).size() <= 4096);
}

TEST_CASE("every kind of pause, of every kind of object, is read as it was written") {
    pauses all;
    REQUIRE(all.add(one("cluster", pause_kind::pause)));
    REQUIRE(all.add(one("node/n1", pause_kind::maintenance, noon + 1h)));
    REQUIRE(all.add(one("node/n2", pause_kind::planned_off)));
    REQUIRE(all.add(one("ct/101", pause_kind::pause)));
    const auto again = parse_pauses(to_json(all));
    REQUIRE(again);
    REQUIRE(again->all().size() == 4);
    CHECK(again->all()[0].kind == pause_kind::pause);
    CHECK(again->all()[1].kind == pause_kind::maintenance);
    CHECK(again->all()[2].kind == pause_kind::planned_off);
    CHECK(name_of(pause_kind::planned_off) == std::string("planned_off"));
    CHECK(paused(*again, ct101, n1)->release == "steward resume ct/101");
    CHECK(closed_nodes(*again) == std::set<node_name>{n1, node_name("n2")});
}

TEST_CASE("a pause says by whom it can be ended, and when it ends by itself") {
    pauses all;
    REQUIRE(all.add(one("ct/101", pause_kind::pause, noon + 1h)));
    CHECK(paused(all, ct101, n1)->release == "steward resume ct/101, or " + format_utc(noon + 1h) + " passes");
}

TEST_CASE("reasons and pauses fit exactly, and not a byte more") {
    failover::pause longest = one("cluster");
    longest.reason = std::string(200, 'x');
    pauses all;
    CHECK(all.add(longest));
    // Filled up with one whose name of who did it is as long as there is room.
    failover::pause rest = one("ct/101");
    rest.by.clear();
    pauses with_it = all;
    REQUIRE(with_it.add(rest));
    rest.by = std::string(4096 - to_json(with_it).size(), 'x');
    pauses full = all;
    REQUIRE(full.add(rest));
    CHECK(to_json(full).size() == 4096);
    rest.by += 'x';
    CHECK_FALSE(all.add(rest));
    // Whoever wrote more than that was no daemon of ours.
    std::string text = to_json(full);
    text.insert(text.find("new disks"), "x");
    CHECK_FALSE(parse_pauses(text));
}

TEST_CASE("nothing is begun for a paused guest, unless a person orders it") {
    player t;
    t.paused = refusal{"maintenance", "n1 is in maintenance", "steward resume node/n1", {}, true, {}};
    t.fail();
    CHECK(t.held() == "maintenance");
    CHECK(t.last_run == operation::none);
    t.say(retry{}).say(planned{some_plan()});
    CHECK(t.held() == "maintenance");
    t.say(ordered{}).say(planned{some_plan()});
    CHECK(t.at() == phase::claimed);
}

TEST_CASE("where every hand-over needs a person, it waits for one") {
    player t;
    t.rules.needs_approval = true;
    t.fail().say(planned{some_plan()});
    CHECK(t.held() == "approval");
    t.say(ordered{}).say(planned{some_plan()});
    CHECK(t.at() == phase::claimed);
}

TEST_CASE("two restores at once, one per target, and the others in turn") {
    player t;
    SECTION("a target that is busy is left out") {
        t.others.under_way = 1;
        t.others.targets = {node_name("n2")};
        t.fail().say(planned{some_plan()});
        CHECK(t.at() == phase::claimed);
        CHECK(t.saved().target.str() == "n3");
    }
    SECTION("two are enough") {
        t.others.under_way = 2;
        t.fail().say(planned{some_plan()});
        CHECK(t.held() == "queue");
        CHECK(t.alerts.empty());
    }
    SECTION("whoever comes first has the free place") {
        t.others.under_way = 1;
        t.others.ahead = 1;
        t.fail().say(planned{some_plan()});
        CHECK(t.held() == "queue");
    }
    SECTION("every target is busy") {
        t.others.under_way = 1;
        t.others.targets = {node_name("n2"), node_name("n3")};
        t.fail().say(planned{some_plan()});
        CHECK(t.held() == "queue");
    }
    SECTION("moving a configuration loads nobody") {
        t.others.under_way = 2;
        plan moves = some_plan();
        moves.how = strategy::relocate;
        t.fail().say(planned{moves});
        CHECK(t.at() == phase::claimed);
    }
}

TEST_CASE("a hand-over can be given up until its commit") {
    player t;
    t.fail();
    SECTION("before it is claimed") {
        t.say(abort_order{"root"});
        CHECK(t.at() == phase::aborted_safe);
    }
    SECTION("after the stop was ordered the guest is started again at home") {
        t.say(planned{some_plan()}).say(finished{});
        REQUIRE(t.at() == phase::stopping);
        t.say(abort_order{"root"});
        CHECK(t.at() == phase::rolling_back);
        CHECK(t.last_run == operation::roll_back);
    }
    SECTION("not after it") {
        t.say(planned{some_plan()}).say(finished{}).say(finished{});
        REQUIRE(t.at() == phase::isolating);
        CHECK_FALSE(can_abort(t.at()));
        t.say(abort_order{"root"});
        CHECK(t.at() == phase::isolating);
    }
    SECTION("of a guest that nobody looks after any more nobody is told") {
        t.say(planned{some_plan()}).say(abort_order{"the configuration", true});
        CHECK(t.at() == phase::aborted_safe);
        CHECK(t.alerts.empty());
    }
}

TEST_CASE("a disabled guest is left alone until it is looked at again") {
    player t;
    t.say(disable{"root"});
    CHECK(t.at() == phase::disabled);
    t.fail();
    CHECK(t.at() == phase::disabled);
    t.say(retry{});
    CHECK(t.at() == phase::watching);
    t.say(ordered{}).say(disable{"root"});
    CHECK(t.at() == phase::disabled);
    CHECK_FALSE(t.saved().ordered);
    t.say(retry{}).fail().say(planned{some_plan()}).say(disable{"root"});
    CHECK(t.at() == phase::claimed);  // what was begun is ended first
}

TEST_CASE("a configuration that a person moves from a dead node is left to that person for a while") {
    player t;
    const moved_by_hand news{n1, node_name("n2")};
    CHECK_FALSE(is_news(t.now(), news));
    t.fail().say(planned{refusal{"no_fence", "nothing proves it", "n1 comes back", {}, false, {}}});
    REQUIRE(t.held() == "no_fence");
    REQUIRE(is_news(t.now(), news));
    t.say(news);
    CHECK(t.at() == phase::operator_moved);
    CHECK(t.alerts == std::vector<std::string>{"no_fence", "operator_moved"});
}
