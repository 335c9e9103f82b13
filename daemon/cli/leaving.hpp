#pragma once
#include "arguments.hpp"

namespace steward::cli {

/// `steward leaving shutdown|reboot|none`: tells this node's guard what steward-leaving.service knows, and waits
/// until the guests that are moved away before (`failover.shutdown: evacuate`) have gone. Exit code 0 when the guard
/// took it, 1 when not, 2 for a wrong command line.
[[nodiscard]] int tell_leaving(const arguments& given);

}  // namespace steward::cli
