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
