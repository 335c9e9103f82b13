#pragma once
#include "arguments.hpp"

namespace steward::cli {

/// Runs the command once, or with --watch again and again until it is interrupted, its output is closed or the call is
/// wrong. A terminal is cleared before each answer; anything else gets one answer after the other.
[[nodiscard]] int run_or_watch(const arguments& given);

}  // namespace steward::cli
