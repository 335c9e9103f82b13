#include "core/backup/freshness.hpp"

#include <fmt/core.h>

namespace steward::backup {

const char* name_of(freshness f) noexcept {
    switch (f) {
        case freshness::fresh: return "fresh";
        case freshness::stale: return "stale";
        case freshness::missing: return "missing";
        case freshness::unknown: break;
    }
    return "unknown";
}

freshness_report judge_freshness(const archive_sight& seen, duration max_age, wall_time now) {
    freshness_report out;
    const duration age = seen.newest ? now - seen.newest->created : duration::zero();
    if (seen.newest && age <= max_age) {
        out.state = freshness::fresh;
        return out;
    }
    if (!seen.blind.empty()) {
        out.text = "how old its newest backup is cannot be told: " + seen.blind;
        return out;
    }
    out.state = seen.newest ? freshness::stale : freshness::missing;
    out.text = seen.newest ? fmt::format("its newest good backup is {} old, more than backup.max_age {}",
                                         describe_duration(age), format_duration(max_age))
                           : "it has no good backup";
    return out;
}

}  // namespace steward::backup
