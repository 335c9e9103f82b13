#pragma once
#include "core/health/history.hpp"
#include "model/archive_stamp.hpp"

namespace steward::backup {

/// How the guest was when an archive of that time was taken: unhealthy when it was down right before; healthy when it
/// was up then and stayed so. Anything else is not known, and neither is what has happened since a moment ago: a
/// failure is noticed some probes after it has happened.
[[nodiscard]] model::guest_health health_when_taken(const health::history& past, wall_time created, wall_time now);

}  // namespace steward::backup
