#include "core/backup/health_stamp.hpp"

namespace steward::backup {
namespace {

using namespace std::chrono_literals;

/// Clocks of two nodes differ by that much at most, where they are kept at all.
constexpr std::chrono::seconds clock_slack = 10s;
/// Within it a failure that was in the archive already is noticed.
constexpr std::chrono::seconds until_noticed = 60s;

}  // namespace

model::guest_health health_when_taken(const health::history& past, wall_time created, wall_time now) {
    if (now < created + until_noticed) return model::guest_health::unknown;
    // What comes after the archive was begun may be its own doing: stop mode shuts the guest down.
    const auto before = past.throughout(created - clock_slack, created);
    if (before == health::standing::down) return model::guest_health::unhealthy;
    const auto around = past.throughout(created - clock_slack, created + until_noticed);
    return around == health::standing::up ? model::guest_health::healthy : model::guest_health::unknown;
}

}  // namespace steward::backup
