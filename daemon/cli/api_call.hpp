#pragma once
#include "arguments.hpp"

#include <string>

namespace steward::cli {

/// Makes one call of PVE's API and prints the answer; with --wait follows the task that it began. The exit status is
/// that of `steward api`.
[[nodiscard]] int make_api_call(const arguments& given, const std::string& verb, const std::string& path);

}  // namespace steward::cli
