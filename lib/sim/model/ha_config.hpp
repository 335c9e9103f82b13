#pragma once
#include "sim/model/ha_status.hpp"
#include "sim/model/section_config.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace steward::sim {

class file_tree;

/// One entry of ha/resources.cfg.
class ha_resource {
  public:
    explicit ha_resource(const config_section& from, guest_id who);
    guest_id guest;
    std::string state;  ///< requested: "started", "stopped", "disabled", "ignored"
    std::string group;  ///< up to PVE 8
    int max_restart = 1;
    int max_relocate = 1;
    bool failback = true;  ///< since 9.0
    [[nodiscard]] bool wants_to_run() const { return state == "started"; }
};

/// Where a resource may run and where it would rather: a group (≤ 8) or a node-affinity rule (9).
class ha_affinity {
  public:
    std::map<node_name, int> priorities;
    bool strict = false;
    bool failback = true;
};

/// resources.cfg, groups.cfg and rules.cfg below ha/, as they are now.
class ha_config {
  public:
    [[nodiscard]] static ha_config read(const file_tree& tree);
    [[nodiscard]] const ha_resource* find(guest_id guest) const;
    [[nodiscard]] const ha_resource* find(const std::string& sid) const;
    [[nodiscard]] ha_affinity affinity_of(const ha_resource& resource) const;

    class wish {
      public:
        std::string sid;
        node_name current;
        bool elsewhere = false;            ///< the present node has failed it
        std::vector<node_name> not_there;  ///< neither have these
    };
    /// The best of the `online` nodes: highest priority, then the present one, then the one with the fewest services,
    /// then the first by name. Nothing when there is none.
    [[nodiscard]] std::optional<node_name> choose(const wish& w, const std::vector<node_name>& online,
                                                  const std::map<std::string, ha_service>& services) const;

    std::vector<ha_resource> resources;
    section_config groups;
    section_config rules;

  private:
    [[nodiscard]] std::vector<node_name> without_conflicts(const wish& w, std::vector<node_name> candidates,
                                                           const std::map<std::string, ha_service>& services) const;
};

/// "pve1:2,pve2" → {pve1: 2, pve2: 0}
[[nodiscard]] std::map<node_name, int> parse_ha_nodes(const std::string& list);

}  // namespace steward::sim
