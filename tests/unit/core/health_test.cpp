#include "core/health/health.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::health;

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

TEST_CASE("the worst check speaks for the guest") {
    const auto check = [](const char* name, standing s) {
        named_check c;
        c.name = name;
        c.state.now = s;
        c.state.reason = std::string("because of ") + name;
        return c;
    };
    CHECK(summarise({}).now == standing::unknown);
    CHECK(summarise({check("a", standing::up), check("b", standing::up)}).now == standing::up);
    CHECK(summarise({check("a", standing::up), check("b", standing::unknown)}).now == standing::unknown);
    CHECK(summarise({check("a", standing::unknown), check("b", standing::suspicious)}).now == standing::suspicious);
    const summary s =
        summarise({check("a", standing::up), check("b", standing::down), check("c", standing::suspicious)});
    CHECK(s.now == standing::down);
    CHECK(s.reason == "b: because of b");
}
