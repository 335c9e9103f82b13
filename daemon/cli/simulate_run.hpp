#pragma once
#include <string>
#include <vector>

namespace steward::cli {

/// `steward simulate run [-o json] [--timeline] FILE|DIRECTORY…`. Exit code 0 when everything holds, 1 when something
/// does not, 2 for a wrong command line.
int simulate_run(const std::vector<std::string>& args);

}  // namespace steward::cli
