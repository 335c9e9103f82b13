#pragma once
#include <string>
#include <vector>

namespace steward::cli {

/// `steward simulate crashes [--every N] [--at N[,N]] FILE…`: each scenario again and again, the leader dying at
/// another of its points each time, once and then twice in a row. Exit code 0 when everything holds.
int simulate_crashes(const std::vector<std::string>& args);

}  // namespace steward::cli
