#include "config/sim_scenario.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::config;
using namespace std::chrono_literals;

TEST_CASE("a scenario file is read whole") {
    const sim_scenario s = read_sim_scenario(R"(sim: 1
id: A01
name: net-off
group: A Node loss
topology: "c5 leader=n2 vm105.targets=[n3,n1] off record={ct101:fencing n1 epoch 7}"
params: {T_take: 150}
script:
  - {at: 120, do: ["net n3 off", "probe ct101 fail"]}
until: 700
expect:
  - "reset n3 in 165..195"
invariants: all
)",
                                             "a.yaml");
    for (const diagnostic& d : s.problems) INFO(to_string(d));
    REQUIRE(s.problems.empty());
    CHECK(s.id == "A01");
    CHECK(s.topology == "c5");
    REQUIRE(s.settings.size() == 4);
    CHECK(s.settings[0].key == "leader");
    CHECK(s.settings[0].value == "n2");
    CHECK(s.settings[1].key == "vm105.targets");
    CHECK(s.settings[1].value == "n3,n1");
    CHECK(s.settings[2].key == "off");
    CHECK(s.settings[2].value.empty());
    CHECK(s.settings[3].value == "ct101:fencing n1 epoch 7");
    CHECK(s.params.at(0).key == "T_take");
    CHECK(s.until == 700s);
    REQUIRE(s.script.steps.size() == 1);
    CHECK(s.script.steps[0].commands.size() == 2);
    REQUIRE(s.expect.size() == 1);
    CHECK(s.expect[0].line == 11);
}

TEST_CASE("a topology as a map is the same as one in words") {
    const sim_scenario s = read_sim_scenario(R"(sim: 1
id: A01
topology: {name: c3, nodes: 3, guests: {ct101: {node: n1, type: ct}}, qdevice: false}
script: []
expect: ["alert none"]
)",
                                             "a.yaml");
    REQUIRE(s.problems.empty());
    CHECK(s.topology == "c3");
    REQUIRE(s.settings.size() == 4);
    CHECK(s.settings[1].key == "guests.ct101.node");
    CHECK(s.settings[1].value == "n1");
}

TEST_CASE("what is wrong with a scenario file is said with its line, all of it at once") {
    const sim_scenario s = read_sim_scenario(R"(sim: 1
topology: [c3]
until: soon
expect: {a: b}
invariants: some
colour: blue
script: []
)",
                                             "a.yaml");
    std::string all;
    for (const diagnostic& d : s.problems) all += to_string(d) + "\n";
    for (const char* wanted :
         {"id: names the scenario", "a.yaml:2:", "a.yaml:3:", "a.yaml:4:", "a.yaml:5:", "\"colour\""})
        CHECK_THAT(all, Catch::Contains(wanted));
}

TEST_CASE("bytes that are no scenario never crash the reader") {
    for (const char* text : {"", "[]", "sim: 2", "{", "sim: 1\nexpect: [[a]]\nscript: [1]", "\x00\xff"})
        CHECK_FALSE(read_sim_scenario(text, "x").problems.empty());
}
