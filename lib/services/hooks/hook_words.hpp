#pragma once
#include "core/failover/hooks.hpp"

#include <string>
#include <vector>

namespace steward {

/// What a hook is told.
class hook_facts {
  public:
    hook_facts(failover::hook_moment m, failover::record r) : moment(std::move(m)), saved(std::move(r)) {}
    failover::hook_moment moment;
    failover::record saved;
    std::string name;    ///< the guest's, as somebody has typed it into PVE: anything can be in it
    node_name home;      ///< where its configuration is
    std::string daemon;  ///< node of the daemon that runs the hook; "" in a daemon that is alone
};

/// STEWARD_EVENT, STEWARD_HOOK, STEWARD_ID, STEWARD_GUEST … (docs/hooks.md): values in one line, without control
/// characters, at most 1 KiB.
[[nodiscard]] std::vector<std::string> hook_environment(const hook_facts& about);
/// The same and more as one JSON object: valid UTF-8 whatever came in.
[[nodiscard]] std::string hook_input(const hook_facts& about);

}  // namespace steward
