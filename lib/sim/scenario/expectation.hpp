#pragma once
#include "base/result.hpp"
#include "sim/scenario/timeline.hpp"

#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace steward::sim::scenario {

/// Seconds since the scenario's zero, both ends included.
class window {
  public:
    double from = -std::numeric_limits<double>::infinity();
    double to = std::numeric_limits<double>::infinity();
    [[nodiscard]] bool holds(duration at) const;
};

/// Which happenings are meant. Empty: any.
class pattern {
  public:
    sight kind = sight::run;
    std::string guest;
    std::vector<std::string> nodes;
    std::vector<std::string> names;  ///< exactly one of them
    std::string name_has;            ///< … or this somewhere inside
    [[nodiscard]] bool matches(const happening& h) const;
};

enum class compare { equal, at_least, at_most };

/// One line of `expect:`. What it says is in the catalogue's words (reliability §4.1).
class expectation {
  public:
    enum class form {
        happens,      ///< `what` at least once in `when`
        count,        ///< `what` in `when`, counted; `never` is zero
        failovers,    ///< hand-overs in `when`; claims that were given up for free do not count
        final_state,  ///< how `guest` stands in the end
        retained,     ///< the original configuration and volumes of `guest` exist
        cleaned,      ///< nothing of `guest` is left on `nodes`
        same_node,    ///< `guest` and `other` run on one node in the end, or not, as `number` says
        peak,         ///< `names` at once
        at_rest,      ///< no hand-over is under way in the end
        always,       ///< `what`, and nothing else of that kind and guest
        everywhere,   ///< `what` at least once in `when` on each node
        by_priority,  ///< hand-overs begin with the most important guest
        either,       ///< one of `choices`
    };
    form how = form::happens;
    pattern what;
    window when;
    compare comparison = compare::equal;
    int number = 0;
    // final_state
    std::string guest;
    std::vector<std::string> nodes;  ///< empty: on none
    bool is_running = false;
    std::string state;
    int generation = 0;  ///< 0: whichever
    std::string other;   ///< same_node
    std::vector<expectation> choices;
};

/// Errors: `invalid`, with what is wrong with the line.
[[nodiscard]] result<expectation> parse_expectation(std::string_view line);

/// Empty when it holds; else what was seen instead.
[[nodiscard]] std::string disagreement(const expectation& wanted, const timeline& seen);

/// The latest time that the line speaks about; zero when it speaks of the end only.
[[nodiscard]] double last_moment(const expectation& wanted);

}  // namespace steward::sim::scenario
