#pragma once
#include "arguments.hpp"

namespace steward::cli {

/// `steward backup list|create|restore|delete|prune`: straight to PVE, without a daemon. Exit code 0 when all went
/// well, 1 when PVE said no or something stands in the way, 2 for a mistake in the call, 3 when nobody was reached.
[[nodiscard]] int backup_main(const arguments& given);

}  // namespace steward::cli
