#pragma once
#include "base/time.hpp"

#include <functional>

namespace steward::guard {

/// The two clocks of a node; tests bring their own.
class clocks {
  public:
    /// CLOCK_BOOTTIME: runs on in a suspend and cannot be set. All decisions are made by it (reliability E6).
    std::function<time_point()> boottime;
    std::function<wall_time()> wall;
};

}  // namespace steward::guard
