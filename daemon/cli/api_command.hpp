#pragma once
#include "arguments.hpp"

#include <string>
#include <vector>

namespace steward::cli {

/// `steward api …`: PVE's API directly, without a daemon. Exit 0 done, 1 PVE said no, 2 refused here, 3 nobody was
/// reached or the outcome is not known.
[[nodiscard]] int api_main(const arguments& given);
/// `steward __complete WORDS…`, which the completion scripts call: one suggestion per line, never an error.
[[nodiscard]] int complete_main(const std::vector<std::string>& words);

}  // namespace steward::cli
