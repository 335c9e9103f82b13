#pragma once
#include "base/result.hpp"
#include "config/settings.hpp"
#include "config/sim_scenario.hpp"
#include "core/lease/node_lease.hpp"
#include "sim/model/options.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace steward::sim::scenario {

/// A scenario's cluster and how Steward is configured on it.
class topology {
  public:
    sim::options cluster;
    config::settings steward;
    node_name leader;                                     ///< where the daemon that acts runs
    lease::contract promise = lease::contract::watchdog;  ///< what guards are set up to promise
    bool has_agents = false;                              ///< each node can be switched off from outside
    bool is_off = false;                                  ///< all nodes are powered off at zero
    int leaders = 1;                                      ///< so many daemons believe that they lead
    bool restarts_daemons = true;                         ///< a killed one comes back
    bool has_no_daemons = false;                          ///< until the script starts one
    bool guards_fail = false;  ///< a drill: they do not keep their promise, so that two copies may run
    std::string no_promise;    ///< why no guard may promise anything: an alert's code
    std::vector<guest_id> ha_managed;
    std::vector<guest_id> ha_failed;                 ///< of these, those whose service is in error
    std::vector<node_name> off;                      ///< nodes that are powered off at zero
    std::map<guest_id, node_name> moved;             ///< whose configurations lie elsewhere than they run
    std::vector<std::string> records;                ///< left by an earlier life: "ct101:fencing n1 epoch 7"
    std::vector<std::string> faults;                 ///< said before zero
    std::map<node_name, std::uint64_t> free_memory;  ///< in bytes, where it matters
    std::set<guest_id> named_checks;                 ///< whose checks need a name to be resolved
};

/// The named topologies of the catalogue (c3, c5 …, reliability §4.2) with the scenario's own settings over them.
/// Errors: `invalid`, with the setting that this version does not know and its line.
[[nodiscard]] result<topology> make_topology(const config::sim_scenario& scenario);

/// Of root@pam with all privileges: what a script's operator calls PVE with.
inline constexpr const char* operator_token = "root@pam!operator";
inline constexpr const char* operator_secret = "09e4a704-0000-4000-8000-000000000001";

/// Who Steward is when it logs in with a password instead of showing a token.
inline constexpr const char* failover_user = "steward@pve";

/// ct/101 → "ct101"
[[nodiscard]] std::string short_name(guest_id guest);

}  // namespace steward::sim::scenario
