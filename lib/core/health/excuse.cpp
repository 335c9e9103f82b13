#include "core/health/excuse.hpp"

#include <fmt/core.h>

namespace steward::health {

std::string excuse(const circumstances& seen, duration start_period) {
    if (const std::string lock = seen.lock_that_excuses(); !lock.empty())
        return fmt::format("PVE holds the lock \"{}\" on it", lock);
    const std::string limit = format_duration(start_period);
    if (seen.guest_up && *seen.guest_up < start_period) return fmt::format("it was started less than {} ago", limit);
    if (seen.is_node_online && seen.node_up && *seen.node_up < start_period)
        return fmt::format("its node was started less than {} ago", limit);
    return {};
}

}  // namespace steward::health
