#pragma once
#include "sim/model/options.hpp"

#include <string>

namespace steward::sim::recorded {

/// The clusters that the exchanges were recorded on: "lone" (one node pve with CT 100 and 101), "machines" (the
/// same with VM 500), "bare" (without guests) and "three" (pve1 to pve3). Throws std::runtime_error for another name.
[[nodiscard]] options make_rig(const std::string& topology);

}  // namespace steward::sim::recorded
