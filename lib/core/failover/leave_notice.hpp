#pragma once
#include "base/time.hpp"
#include "core/lease/node_lease.hpp"

namespace steward::failover {

/// A node says that it goes down on purpose.
class leave_notice {
  public:
    lease::departure what = lease::departure::none;
    duration ago{};  ///< since we know of it
};

/// What becomes of the guests of a node that goes down on purpose.
enum class shutdown_policy {
    conditional,  ///< they wait for it: after a shutdown for ever, after a reboot for `reboot_grace`
    freeze,       ///< they wait for it
    failover,     ///< they are handed over as soon as it has gone
    evacuate,     ///< they are moved away before it goes; what cannot be waits as with `conditional`
};

}  // namespace steward::failover
