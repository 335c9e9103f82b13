#pragma once
#include "base/result.hpp"

#include <string>

/// How `steward api` ends, and what it says then on standard error.
namespace steward::cli {

/// 1 when PVE said no; 2 when the call was refused here; 3 when nobody was reached or the outcome is not known.
[[nodiscard]] int complain(const fault& why);
/// 2, whatever kind the fault is of: nothing was sent.
[[nodiscard]] int refuse(const fault& why);
/// 2, with a hint at --help.
[[nodiscard]] int refuse_usage(const std::string& why);

}  // namespace steward::cli
