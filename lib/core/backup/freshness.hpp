#pragma once
#include "base/time.hpp"
#include "model/snapshot.hpp"

#include <optional>
#include <string>

/// Whether a guest's newest good archive is as young as somebody wants it to be. Pure.
namespace steward::backup {

enum class freshness {
    fresh,
    stale,    ///< there is one, and it is too old
    missing,  ///< there is none that is good
    unknown,  ///< none is young enough of those that can be seen; others may be hidden
};
[[nodiscard]] const char* name_of(freshness f) noexcept;

/// What was seen of one guest's archives, and what could hide others.
class archive_sight {
  public:
    std::optional<model::backup> newest;  ///< the newest good one
    std::string blind;                    ///< why there may be others; empty: all were seen
};

class freshness_report {
  public:
    freshness state = freshness::unknown;
    std::string text;  ///< for people; empty when it is fresh
};
[[nodiscard]] freshness_report judge_freshness(const archive_sight& seen, duration max_age, wall_time now);

}  // namespace steward::backup
