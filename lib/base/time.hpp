#pragma once
#include "base/result.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace steward {

using duration = std::chrono::nanoseconds;
/// Monotonic. Only lib/runtime reads the clock behind it; everybody else gets it from a time_source or as an argument.
using time_point = std::chrono::time_point<std::chrono::steady_clock, duration>;
/// Calendar time, seconds since 1970 UTC: for records, backup ages and people, never for waiting.
using wall_time = std::chrono::sys_seconds;

/// "10s", "250ms", "5m", "1h30m", "2d", "0s". A bare number, a negative one or an unknown unit is `errc::invalid`
/// with a suggestion in `detail`.
[[nodiscard]] result<duration> parse_duration(std::string_view text);

/// The shortest exact form that parse_duration reads back, at most two units: "1m30s", "250ms".
[[nodiscard]] std::string format_duration(duration d);

/// For people watching: "0.42 s", "12.3 s", "4 min 05 s", "3 h 20 min".
[[nodiscard]] std::string describe_duration(duration d);

/// "2026-11-20T19:55:43Z".
[[nodiscard]] std::string format_utc(wall_time t);

}  // namespace steward
