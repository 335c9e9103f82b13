#include "base/time.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace std::chrono_literals;

TEST_CASE("durations are read with units and refused without") {
    struct row {
        const char* text;
        duration value;
    };
    const row good[] = {{"10s", 10s}, {"250ms", 250ms}, {"5m", 5min}, {"1h30m", 90min}, {"2d", 48h}, {"0s", 0s}};
    for (const row& r : good) {
        DYNAMIC_SECTION(r.text) {
            const auto parsed = parse_duration(r.text);
            REQUIRE(parsed);
            CHECK(*parsed == r.value);
        }
    }
    for (const char* bad :
         {"", "10", "5x", "s", "-1s", "1.5h", "10 s", "99999999999999999999s", "200000d", "9223372036854775807s"}) {
        DYNAMIC_SECTION("refused: \"" << bad << '"') { CHECK_FALSE(parse_duration(bad)); }
    }
}

TEST_CASE("a wrong duration comes with a suggestion") {
    CHECK(parse_duration("5x").error().detail == "\"5x\" is not a duration (try 5s; units are ms, s, m, h, d)");
    CHECK(parse_duration("30").error().detail == "\"30\" is not a duration (a unit is missing, try 30s)");
}

TEST_CASE("a formatted duration reads back as the same") {
    for (const duration d : {duration(1ms), duration(90s), duration(26h), duration(0s), duration(1h + 1ms)}) {
        const auto back = parse_duration(format_duration(d));
        REQUIRE(back);
        CHECK(*back == d);
    }
}

TEST_CASE("calendar times print as UTC") {
    CHECK(format_utc(wall_time(std::chrono::seconds(1'795'204'543))) == "2026-11-20T19:55:43Z");
}
