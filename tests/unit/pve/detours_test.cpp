#include "pve/detours.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace std::chrono_literals;
using pve::detours;

using endpoints = std::vector<std::size_t>;

TEST_CASE("detours: a call is about the node that its path names, or about none") {
    CHECK(detours::node_of("/nodes/n2/lxc/102/status/current") == "n2");
    CHECK(detours::node_of("/nodes/n2") == "n2");
    CHECK(detours::node_of("/nodes/").empty());
    CHECK(detours::node_of("/nodes").empty());
    CHECK(detours::node_of("/cluster/nodes/n2").empty());
    CHECK(detours::node_of("").empty());
}

TEST_CASE("detours: a call is tried elsewhere when it found no way, and never twice when it may have been done") {
    struct row {
        const char* name;
        int status;
        bool is_repeatable;
        bool may_repeat;
    };
    const row rows[] = {
        {"a read that found no way", 595, true, true},
        {"a write that found no way was not done", 595, false, true},
        {"a read whose answer was lost", 596, true, true},
        {"a write whose answer was lost may be done", 596, false, false},
        {"the last of these", 599, true, true},
        {"and no write", 599, false, false},
        {"an error of the endpoint's own", 594, true, false},
        {"an error of nobody's", 600, true, false},
        {"an answer", 200, true, false},
    };
    for (const row& r : rows) DYNAMIC_SECTION(r.name) {
            CHECK(detours::may_repeat(r.status, r.is_repeatable) == r.may_repeat);
        }
}

TEST_CASE("detours: a closed way is known for a minute or until it is open, for that node and endpoint only") {
    detours known;
    const time_point now(1h);
    known.note(0, "n2", false, now);
    CHECK(known.is_closed(0, "n2", now));
    CHECK(known.is_closed(0, "n2", now + detours::kept - 1ms));
    CHECK_FALSE(known.is_closed(0, "n2", now + detours::kept));
    CHECK_FALSE(known.is_closed(1, "n2", now));
    CHECK_FALSE(known.is_closed(0, "n3", now));
    known.note(0, "n2", false, now + 30s);
    CHECK(known.is_closed(0, "n2", now + detours::kept));
    known.note(0, "n2", true, now + 31s);
    CHECK_FALSE(known.is_closed(0, "n2", now + 31s));
    known.note(0, "", false, now);
    CHECK_FALSE(known.is_closed(0, "", now));
}

TEST_CASE("detours: endpoints without a way come last, the others keep their order") {
    detours known;
    const time_point now(1h);
    const endpoints order{2, 0, 1};
    CHECK(known.sorted(order, "n2", now) == order);
    known.note(2, "n2", false, now);
    CHECK(known.sorted(order, "n2", now) == endpoints{0, 1, 2});
    CHECK(known.sorted(order, "n3", now) == order);
    CHECK(known.sorted(order, "", now) == order);
    known.note(0, "n2", false, now);
    CHECK(known.sorted(order, "n2", now) == endpoints{1, 2, 0});
    known.note(1, "n2", false, now);
    CHECK(known.sorted(order, "n2", now) == order);
}
