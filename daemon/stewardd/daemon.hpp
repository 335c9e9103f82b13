#pragma once
#include "config/load.hpp"

#include <string>
#include <vector>

namespace steward {

/// Binds every seam to the OS, the guard and HTTPS, and runs until SIGTERM or SIGINT. Returns the exit status.
[[nodiscard]] int run_daemon(const std::string& config_file, config::loaded config);

}  // namespace steward
