#pragma once
#include "arguments.hpp"

namespace steward::cli {

/// `steward api …`: PVE's API directly, without a daemon. Exit 0 done, 1 PVE said no, 2 refused here, 3 nobody was
/// reached or the outcome is not known.
[[nodiscard]] int api_main(const arguments& given);

}  // namespace steward::cli
