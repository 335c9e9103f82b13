#pragma once
#include "base/time.hpp"
#include "core/health/health.hpp"

#include <deque>
#include <optional>

namespace steward::health {

/// How one guest was, as far back as anybody asks: its archives appear some time after they were taken.
class history {
  public:
    void note(standing now, wall_time at);
    /// From then on nothing is known, until the next note.
    void forget(wall_time at) { note(standing::unknown, at); }
    /// The standing that it had all the time; nothing: it changed, or that is longer ago than is remembered.
    [[nodiscard]] std::optional<standing> throughout(wall_time from, wall_time to) const;

  private:
    struct change {
        wall_time at{};
        standing now = standing::unknown;
    };
    std::deque<change> changes_;  ///< oldest first
};

}  // namespace steward::health
