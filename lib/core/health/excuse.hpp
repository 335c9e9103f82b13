#pragma once
#include "base/time.hpp"

#include <optional>
#include <string>

/// Why a guest that does not answer may still be well (reliability I9).
namespace steward::health {

/// What PVE last said of a guest and its node. Nothing: it did not say.
class circumstances {
  public:
    bool is_known = false;  ///< it was in the list of guests a moment ago
    bool is_node_online = false;
    std::optional<bool> is_running;
    std::string lock;                  ///< that PVE holds on it: "backup", "migrate", …
    std::optional<duration> guest_up;  ///< for how long it has been running; nothing as well when it does not
    std::optional<duration> node_up;   ///< for how long its node has

    /// The lock, while its node is there: on a dead one nobody removes it, and it excuses nothing.
    [[nodiscard]] std::string lock_that_excuses() const { return is_node_online ? lock : std::string(); }
};

/// Why its bad answers say nothing; empty: they count. `start_period`: what a check grants it after its start, or after
/// its node's.
[[nodiscard]] std::string excuse(const circumstances& seen, duration start_period);

}  // namespace steward::health
