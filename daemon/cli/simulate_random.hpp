#pragma once
#include <string>
#include <vector>

namespace steward::cli {

/// `steward simulate random …`: exit code 0 when every seed holds, 1 when one does not, 2 for a wrong command line.
[[nodiscard]] int simulate_random(const std::vector<std::string>& args);

}  // namespace steward::cli
