#pragma once
#include <string>
#include <vector>

namespace steward::cli {

/// `steward simulate serve|fault|run …`, without the first word. Returns the exit code.
int simulate_main(std::vector<std::string> args);

}  // namespace steward::cli
