#pragma once
#include "arguments.hpp"

namespace steward::cli {

/// `steward forecast [GUEST] [--node-down NODE]`: straight from PVE, without a daemon. Exit code 0 when every guest
/// that runs would come back, 1 when one would not, 2 for a mistake in the call, 3 when the cluster could not be read.
[[nodiscard]] int forecast_main(const arguments& given);

}  // namespace steward::cli
