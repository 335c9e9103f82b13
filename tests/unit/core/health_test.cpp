#include "core/health/health.hpp"

#include "core/health/excuse.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::health;
using namespace std::chrono_literals;

TEST_CASE("answers in a row decide what a check is") {
    struct row {
        const char* name;
        const char* answers;  // + healthy, - unhealthy, ? unknown
        const char* states;   // u up, s suspicious, d down, . unknown; one per answer
    };
    const row rows[] = {
        {"rise answers make it up", "++", ".u"},
        {"one bad answer is suspicious, one good answer clears it", "++-+", ".usu"},
        {"fall bad answers are down, rise good ones up again", "++---+++", ".ussdduu"},
        {"a new check that only fails is down after fall", "---", "..d"},
        {"a failure between good ones starts the count again", "++--+--+", ".ussussu"},
        {"a blank answer neither helps nor hurts", "++-?--", ".usssd"},
        {"fall blanks are unknown", "++???", ".uuu."},
        {"down stays down while blind for a moment", "++---??", ".ussddd"},
        {"unknown needs rise again", "++???++", ".uuu..u"},
        {"blanks between good answers are no row", "++??+?", ".uuuuu"},
        {"blanks between bad answers are no row",
         "++?"
         "?-??",
         ".uuusss"},
        {"unknown needs fall again",
         "++--??"
         "?--",
         ".ussss..."},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            check_state s;
            std::string seen;
            for (const char c : std::string(r.answers)) {
                const verdict v = c == '+' ? verdict::healthy : c == '-' ? verdict::unhealthy : verdict::unknown;
                s = after_probe(s, v, "", {2, 3});
                seen += s.now == standing::up           ? 'u'
                        : s.now == standing::down       ? 'd'
                        : s.now == standing::suspicious ? 's'
                                                        : '.';
            }
            CHECK(seen == r.states);
        }
    }
}

TEST_CASE("what is counted is counted as far as it matters, and the last reason is kept") {
    for (const verdict v : {verdict::healthy, verdict::unhealthy, verdict::unknown}) {
        check_state s;
        for (int i = 0; i < 5; ++i) s = after_probe(s, v, "answer " + std::to_string(i), {2, 3});
        CHECK(s.good_in_row == (v == verdict::healthy ? 2 : 0));
        CHECK(s.bad_in_row == (v == verdict::unhealthy ? 3 : 0));
        CHECK(s.blank_in_row == (v == verdict::unknown ? 3 : 0));
        CHECK(s.reason == "answer 4");
    }
}

TEST_CASE("the worst check speaks for the guest") {
    const auto check = [](const char* name, standing s) {
        named_check c;
        c.name = name;
        c.state.now = s;
        c.state.reason = std::string("because of ") + name;
        return c;
    };
    CHECK(summarise({}).now == standing::unknown);
    CHECK(summarise({}).reason == "no checks are configured");
    CHECK(summarise({check("a", standing::up), check("b", standing::up)}).reason == "a: because of a");
    CHECK(summarise({check("a", standing::up), check("b", standing::up)}).now == standing::up);
    CHECK(summarise({check("a", standing::up), check("b", standing::unknown)}).now == standing::unknown);
    CHECK(summarise({check("a", standing::unknown), check("b", standing::suspicious)}).now == standing::suspicious);
    const summary s =
        summarise({check("a", standing::up), check("b", standing::down), check("c", standing::suspicious)});
    CHECK(s.now == standing::down);
    CHECK(s.reason == "b: because of b");
}

TEST_CASE("how many checks have to be up decides, and what is unknown never counts as down") {
    struct row {
        const char* name;
        const char* checks;  // u up, s suspicious, d down, . unknown
        int required;        // 0: all
        standing guest;
    };
    const row rows[] = {
        {"none at all", "", 0, standing::unknown},
        {"all: every one is up", "uuu", 0, standing::up},
        {"all: one down is down", "uud", 0, standing::down},
        {"all: one down is down, whatever is not known", "..d", 0, standing::down},
        {"all: one unknown is unknown", "uu.", 0, standing::unknown},
        {"all: one suspicious is suspicious", "us.", 0, standing::suspicious},
        {"any: one up is up", "dsu", 1, standing::up},
        {"any: one up is up, whatever is not known", "..u", 1, standing::up},
        {"any: all down is down", "ddd", 1, standing::down},
        {"any: all unknown is unknown", "...", 1, standing::unknown},
        {"any: one unknown may be the one that is up", "dd.", 1, standing::unknown},
        {"any: the last one is suspicious", "dds", 1, standing::suspicious},
        {"any: one suspicious and one unknown", "s.", 1, standing::unknown},
        {"2 of 3: two are up", "uud", 2, standing::up},
        {"2 of 3: two are down", "udd", 2, standing::down},
        {"2 of 3: the unknown one decides", "ud.", 2, standing::unknown},
        {"2 of 3: the suspicious one decides", "uds", 2, standing::suspicious},
        {"2 of 3: two unknown are not down", "d..", 2, standing::unknown},
        {"2 of 3: suspicious is not down", "ssd", 2, standing::suspicious},
        {"more than there are is all of them", "uu", 5, standing::up},
    };
    const auto meaning = [](char c) {
        return c == 'u'   ? standing::up
               : c == 's' ? standing::suspicious
               : c == 'd' ? standing::down
                          : standing::unknown;
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            tally counts;
            std::vector<named_check> all;
            for (const char c : std::string(r.checks)) {
                counts.add(meaning(c));
                all.push_back({std::string(1, c), {}});
                all.back().state.now = meaning(c);
            }
            CHECK(counts.of(r.required) == r.guest);
            CHECK(summarise(all, r.required).now == r.guest);
        }
    }
}

TEST_CASE("no mixture of checks is down that could be up if what is unknown were") {
    for (int up = 0; up <= 3; ++up)
        for (int down = 0; down <= 3; ++down)
            for (int open = 0; open <= 3; ++open)
                for (int required = 0; required <= 4; ++required) {
                    if (up + down + open == 0) continue;
                    tally counts;
                    tally best;
                    tally worst;
                    for (int i = 0; i < up; ++i)
                        counts.add(standing::up), best.add(standing::up), worst.add(standing::up);
                    for (int i = 0; i < down; ++i)
                        counts.add(standing::down), best.add(standing::down), worst.add(standing::down);
                    for (int i = 0; i < open; ++i)
                        counts.add(standing::unknown), best.add(standing::up), worst.add(standing::down);
                    CAPTURE(up, down, open, required);
                    CHECK((counts.of(required) == standing::down) == (best.of(required) == standing::down));
                    CHECK((counts.of(required) == standing::up) == (worst.of(required) == standing::up));
                }
}

TEST_CASE("of some of many checks the reason says how many are up") {
    std::vector<named_check> two{{"a", {}}, {"b", {}}};
    two[0].state.now = standing::down;
    two[0].state.reason = "connection refused";
    two[1].state.now = standing::down;
    CHECK(summarise(two, 1).reason == "0 of 2 checks are up, 1 must be; a: connection refused");
    two[1].state.now = standing::up;
    two[1].state.reason = "connected";
    CHECK(summarise(two, 1).reason == "b: connected");
}

TEST_CASE("a check behind a parent is known while that is up, and down only when it was well after the failure began") {
    struct row {
        const char* name;
        standing own;
        standing parent;
        std::int64_t good_at;  // the check fails since 10
        standing counts;
    };
    const row rows[] = {
        {"both up", standing::up, standing::up, 5, standing::up},
        {"the parent is suspicious", standing::down, standing::suspicious, 20, standing::unknown},
        {"the parent is down", standing::down, standing::down, 5, standing::unknown},
        {"the parent was never seen", standing::down, standing::unknown, 0, standing::unknown},
        {"an answer behind a parent that is down", standing::up, standing::down, 5, standing::unknown},
        {"nobody has looked at the parent since", standing::down, standing::up, 9, standing::suspicious},
        {"the parent was found well in the same moment", standing::down, standing::up, 10, standing::down},
        {"the parent was found well since", standing::down, standing::up, 11, standing::down},
        {"suspicious stays suspicious", standing::suspicious, standing::up, 5, standing::suspicious},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            const witness on{r.parent, time_point(std::chrono::seconds(r.good_at))};
            CHECK(behind(r.own, time_point(10s), on) == r.counts);
        }
    }
}

TEST_CASE("when a check began to fail, and when it was last well") {
    check_state s;
    const rules limits{1, 3};
    s = after_probe(s, verdict::healthy, "", limits, time_point(1s));
    s = after_probe(s, verdict::unhealthy, "", limits, time_point(2s));
    s = after_probe(s, verdict::unknown, "", limits, time_point(3s));
    s = after_probe(s, verdict::unhealthy, "", limits, time_point(4s));
    CHECK(s.good_at == time_point(1s));
    CHECK(s.bad_since == time_point(2s));
    s = after_probe(s, verdict::healthy, "", limits, time_point(5s));
    s = after_probe(s, verdict::unhealthy, "", limits, time_point(6s));
    CHECK(s.good_at == time_point(5s));
    CHECK(s.bad_since == time_point(6s));
}

TEST_CASE("a guest that is locked, or was started a moment ago, is excused") {
    struct row {
        const char* name;
        void (*change)(circumstances&);
        duration start_period;
        const char* excuse;
    };
    const row rows[] = {
        {"nothing is known", [](circumstances& c) { c = {}; }, 2min, ""},
        {"runs for long", [](circumstances&) {}, 2min, ""},
        {"locked", [](circumstances& c) { c.lock = "backup"; }, 0s, "PVE holds the lock \"backup\" on it"},
        {"locked on a node that is away",
         [](circumstances& c) {
             c.lock = "backup";
             c.is_node_online = false;
         },
         0s, ""},
        {"just started", [](circumstances& c) { c.guest_up = 119s; }, 2min, "it was started less than 2m ago"},
        {"started long enough ago", [](circumstances& c) { c.guest_up = 120s; }, 2min, ""},
        {"not granted any time", [](circumstances& c) { c.guest_up = 0s; }, 0s, ""},
        {"does not run, on a node that was just started",
         [](circumstances& c) {
             c.guest_up.reset();
             c.node_up = 10s;
         },
         2min, "its node was started less than 2m ago"},
        {"does not run, on a node that was started long ago", [](circumstances& c) { c.guest_up.reset(); }, 2min, ""},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            circumstances seen;
            seen.is_node_online = true;
            seen.guest_up = 1h;
            seen.node_up = 24h;
            r.change(seen);
            CHECK(excuse(seen, r.start_period) == r.excuse);
        }
    }
}
