#pragma once
#include "arguments.hpp"

namespace steward::cli {

/// `steward probe URL|HOST:PORT|HOST|GUEST [CHECK] [--debug]`: runs checks once, with the daemon's code and without the
/// daemon. Exit code 0 when all are healthy, 2 when one is unhealthy, else 3: unknown, or a mistake in the call.
[[nodiscard]] int probe_main(const arguments& given);

}  // namespace steward::cli
