#include "config/sim_script.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::config;
using namespace std::chrono_literals;

TEST_CASE("a scenario's script, in the order of time") {
    const auto script = read_sim_script(R"(sim: 1
id: A01
topology: c3
script:
- {at: 120, do: [net n3 off, guest ct101 crash]}
- {at: 2.5, do: power n1 off}
- {at: 2m, do: [net n3 on]}
until: 700
expect: [double-run == 0]
)",
                                        "a.yaml");
    REQUIRE(script.problems.empty());
    REQUIRE(script.steps.size() == 3);
    CHECK(script.steps[0].at == 2500ms);
    CHECK(script.steps[0].commands == std::vector<std::string>{"power n1 off"});
    CHECK(script.steps[1].at == 120s);
    CHECK(script.steps[1].commands == std::vector<std::string>{"net n3 off", "guest ct101 crash"});
    CHECK(script.steps[2].at == 120s);
    CHECK(script.steps[1].line == 5);
}

TEST_CASE("what is wrong with a script, with its place") {
    struct row {
        const char* name;
        const char* text;
        int line;
        const char* words;
    };
    const row rows[] = {
        {"no YAML", "script: [", 0, ""},
        {"a list", "- a\n", 1, "a map"},
        {"no version", "script: []\n", 1, "sim: 1"},
        {"another version", "sim: 2\nscript: []\n", 1, "sim: 1"},
        {"no script", "sim: 1\n", 1, "script:"},
        {"an unknown key", "sim: 1\nscripts: []\nscript: []\n", 2, "\"scripts\""},
        {"a step that is a text", "sim: 1\nscript:\n- net n3 off\n", 3, "a step is"},
        {"a step without a time", "sim: 1\nscript:\n- {do: [heal]}\n", 3, "at:"},
        {"a time that is none", "sim: 1\nscript:\n- {at: soon, do: [heal]}\n", 3, "at:"},
        {"a negative time", "sim: 1\nscript:\n- {at: -3, do: [heal]}\n", 3, "at:"},
        {"a step without commands", "sim: 1\nscript:\n- {at: 3}\n", 3, "do:"},
        {"an unknown key of a step", "sim: 1\nscript:\n- {at: 3, do: [heal], how: fast}\n", 3, "\"how\""},
        {"a command that is a map", "sim: 1\nscript:\n- {at: 3, do: [{net: n3}]}\n", 3, "a text"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            const auto script = read_sim_script(r.text, "a.yaml");
            REQUIRE_FALSE(script.problems.empty());
            CHECK(to_string(script.problems.front()).find(r.words) != std::string::npos);
            if (r.line != 0) CHECK(script.problems.front().line == r.line);
        }
    }
}
