#pragma once
#include "base/time.hpp"

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace steward::sim::scenario {

/// A line of `expect:`, or an invariant, that did not hold.
class violation {
  public:
    violation(int l, std::string w, std::string s) : line(l), wanted(std::move(w)), seen(std::move(s)) {}
    int line = 0;        ///< in the file; 0 for an invariant
    std::string wanted;  ///< the line, or "I1"
    std::string seen;
    std::vector<std::string> around;  ///< the timeline near it
};

class scenario_report {
  public:
    std::string id;
    std::string name;
    std::string file;
    duration virtual_time{};
    std::vector<std::string> problems;  ///< why it could not be run at all
    std::vector<violation> violations;
    std::vector<std::string> timeline;  ///< everything that was seen
    std::size_t points = 0;             ///< at which the leader could have died during a hand-over (lab::crash_at)
    [[nodiscard]] bool holds() const { return problems.empty() && violations.empty(); }
};

/// Runs one SIM/1 file (reliability §4.1) with the real engine on the model in virtual time, and judges it.
/// The leader dies at each of `crashes`.
[[nodiscard]] scenario_report run_scenario(std::string_view text, const std::string& file,
                                           std::set<std::size_t> crashes = {});

}  // namespace steward::sim::scenario
