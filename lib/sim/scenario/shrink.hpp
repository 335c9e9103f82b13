#pragma once
#include "sim/scenario/random_scenario.hpp"
#include "sim/scenario/run.hpp"

#include <functional>

namespace steward::sim::scenario {

/// What a run is remembered by: equal for two runs in which the same was seen at the same times.
[[nodiscard]] std::uint64_t fingerprint(const scenario_report& report);

/// What did not hold, without numbers that differ from run to run: "I1", "terminal any by 7140".
[[nodiscard]] std::string first_violation(const scenario_report& report);

/// Leaves out whatever the same violation does without, one half, quarter, … of the script after the other; at most
/// `most_runs` runs.
[[nodiscard]] draft shrink(draft failing, const std::string& violation,
                           const std::function<scenario_report(const draft&)>& run, int most_runs);

}  // namespace steward::sim::scenario
