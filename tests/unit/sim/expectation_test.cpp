#include "sim/scenario/expectation.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::sim::scenario;
using namespace std::chrono_literals;

namespace {

happening at(duration when, sight kind, const char* guest, const char* node, const char* name = "") {
    happening h(when, kind);
    h.guest = guest;
    h.node = node;
    h.name = name;
    return h;
}

/// ct102 fails at 110, is held, handed over from n2 to n1; n3 is fenced; n1 leads until 500, n2 from 620.
timeline story() {
    timeline t;
    t.all = {at(0s, sight::run, "ct102", "n2"),
             at(0s, sight::leader, "", "n1", "leads"),
             at(110s, sight::state, "ct102", "", "suspect"),
             at(130s, sight::state, "ct102", "", "held"),
             at(130s, sight::held, "ct102", "", "locked"),
             at(130s, sight::alert, "ct102", "", "locked"),
             at(160s, sight::state, "ct102", "n1", "claimed"),
             at(160s, sight::claim, "ct102", "n1", "g2"),
             at(165s, sight::stop, "ct102", "n2"),
             at(166s, sight::park, "ct102", "n2"),
             at(167s, sight::write, "ct102", "n1", "POST /nodes/n1/lxc"),
             at(168s, sight::restore, "ct102", "n1"),
             at(230s, sight::run, "ct102", "n1"),
             at(240s, sight::claim, "ct101", "n1", "g2"),
             at(241s, sight::abort, "ct101", ""),
             at(270s, sight::fence, "vm103", "n3", "waitout"),
             at(280s, sight::reset, "", "n3"),
             at(500s, sight::leader, "", "none"),
             at(620s, sight::leader, "", "n2", "leads")};
    t.all[17].text = "was n1";
    t.all.push_back(at(0s, sight::alert, "", "n1", "two_node_unsafe"));
    t.all.back().stands = true;
    t.peaks["api-rate"] = 12;
    t.peaks["counter loop_stalls"] = 3;
    t.guests["ct102"].runs_on = "n1";
    t.guests["ct102"].phase = "watching";
    t.guests["ct102"].is_healthy = true;
    t.guests["ct102"].generation = 2;
    t.guests["ct102"].is_retained = true;
    t.guests["vm103"].phase = "held";
    t.guests["vm103"].held = "no_fence";
    t.guests["vm103"].remains_on = {"n3"};
    t.peaks["concurrency restores"] = 2;
    return t;
}

}  // namespace

TEST_CASE("what an expectation says is held against what was seen") {
    const timeline seen = story();
    struct row {
        const char* line;
        bool holds;
    };
    const row rows[] = {
        {"run ct102 @ n1|n3 in 205..340", true},
        {"run ct102 @ n3 in 205..340", false},
        {"run ct102 @ n1 in 231..340", false},
        {"run vm102 @ n1 in 205..340", true},  // the number decides
        {"stop ct102 @ n2 in 160..170", true},
        {"never run ct102 @ n1 before 230", false},
        {"never run ct102 @ n1 before 229", true},
        {"never reset n3", false},
        {"never reset n1..n2", true},
        {"held ct102 locked in 140..150", true},   // it is held all the time …
        {"held ct102 locked in 161..200", false},  // … until it is claimed
        {"held any locked in 118..200", true},
        {"state ct102 locked in 118..200", true},
        {"state ct102 suspect in 115..120", true},
        {"held none in 200..300", true},
        {"held none in 140..150", false},
        {"leader n1 in 300..400", true},
        {"leader none in 510..600", true},
        {"leader n2 in 300..600", false},
        {"leader-changes == 2", true},
        {"leader-changes after 600 == 1", true},
        {"fence n3 waitout in 260..290", true},
        {"fence n3 manual in 260..290", false},
        {"alert locked in 118..200", true},
        {"alert none", false},
        {"claims ct102 == 1", true},
        {"claims ct102 <= 1", true},
        {"claims ct102 >= 2", false},
        {"restores ct102 @ n1 == 1", true},
        {"failovers == 1", true},  // ct101's claim was given up
        {"failovers-committed == 1", true},
        {"failovers-before 150 == 0", true},
        {"actions-by n1 after 160 == 1", true},
        {"actions-by n1 after 200 == 0", true},
        {"untouched ct101", true},
        {"untouched ct102", false},
        {"untouched ct102 before 150", true},
        {"final ct102 @ n1|n3 running healthy gen 2", true},
        {"final ct102 @ n1 running healthy gen 1", false},
        {"final vm103 @ - stopped no_fence", true},
        {"final any @ n1|n2 running", false},
        {"retained ct102", true},
        {"retained vm103", false},
        {"cleaned vm103 @ n1", true},
        {"cleaned vm103 @ n3", false},
        {"double-run == 0", true},
        {"concurrency restores <= 2", true},
        {"concurrency restores <= 1", false},
        {"kill-or-reset vm103 @ n3 within 5 of 276", true},
        {"oneof run ct102 @ n3 in 0..900 | state ct102 claimed in 150..170", true},
        {"same-node ct102 vm103 at end", false},
        {"leader-stepdown n1 in 450..550", true},
        {"leader-stepdown n2 in 450..550", false},
        {"alert two_node_unsafe in 20..60", true},  // it was there before zero, and still is
        {"alert timing_infeasible in 20..60", false},
        {"terminal any by 700", true},
        {"api-rate <= 20/s per endpoint", true},
        {"api-rate <= 10/s per endpoint", false},
        {"counter loop_stalls >= 1", true},
        {"counter loop_stalls == 0", false},
        {"owner-of ct102 ha-manager after 330", true},
        {"owner-of ct102 ha-manager after 100", false},
        {"never crash any", true},
        {"state ct102 terminal in 100..500", false},
    };
    for (const row& r : rows) {
        INFO(r.line);
        const auto wanted = parse_expectation(r.line);
        if (!wanted) INFO(wanted.error().text());
        REQUIRE(wanted);
        CHECK(disagreement(*wanted, seen).empty() == r.holds);
    }
}

TEST_CASE("a line that cannot be judged is refused, with the reason") {
    for (const char* line :
         {"", "hope for the best", "run ct102 @ n1 in 5", "run ct102 @ n1 in 20..10", "run ct102 @ n1 in 1..2 3",
          "claims ct102", "claims ct102 == many", "final ct102 @ n1 flying", "never", "kill-or-reset vm103 @ n3",
          "failovers == ", "terminal any", "api-rate 20", "owner-of ct102 somebody", "loop-stall n1 <= 100s",
          "oneof run ct102 @ n1 | nothing"}) {
        INFO(line);
        const auto wanted = parse_expectation(line);
        REQUIRE_FALSE(wanted);
        CHECK(wanted.error().code == errc::invalid);
    }
}
