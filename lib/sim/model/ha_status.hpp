#pragma once
#include "base/ids.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace steward::sim {

/// "ct:101": how HA names a guest.
[[nodiscard]] std::string sid_of(guest_id guest);
/// Also takes a bare vmid, whose type is then a container's; nothing for what is none.
[[nodiscard]] std::optional<guest_id> parse_sid(std::string_view sid);

/// A service as the CRM keeps it in ha/manager_status.
class ha_service {
  public:
    std::string state;  ///< "started", "request_stop", "fence", … (pve-facts I.2)
    node_name node;
    std::string uid;  ///< new with every state: the LRM's results name it
    bool running = false;
    node_name target;                     ///< of a migration
    std::string command;                  ///< a wish that waits for the next round: "migrate", "relocate"
    node_name wanted;                     ///< its target
    std::optional<std::int64_t> timeout;  ///< of a stop; 0: at once
    std::vector<node_name> failed_nodes;
    node_name maintenance_node;  ///< where it returns to when that node's maintenance ends
};

class ha_manager_status {
  public:
    [[nodiscard]] static ha_manager_status parse(std::string_view text);
    [[nodiscard]] std::string text() const;

    node_name master;
    std::map<node_name, std::string> nodes;  ///< "online", "unknown", "fence", "maintenance"
    std::map<std::string, ha_service> services;
    std::map<std::string, int> relocate_trial;
    std::string disarmed;             ///< "freeze" after crm-command disarm-ha; empty: HA works
    std::set<node_name> maintenance;  ///< asked for by crm-command node-maintenance
    std::int64_t timestamp = 0;

    [[nodiscard]] std::string node_state(const node_name& node) const;
};

/// nodes/N/lrm_status
class ha_lrm_status {
  public:
    class outcome {
      public:
        std::string sid;
        int exit_code = 0;
        std::string state;
    };
    [[nodiscard]] static ha_lrm_status parse(std::string_view text);
    [[nodiscard]] std::string text() const;
    [[nodiscard]] static std::string path(const node_name& node) { return "nodes/" + node.str() + "/lrm_status"; }

    std::string state = "wait_for_agent_lock";
    std::string mode = "active";
    std::map<std::string, outcome> results;  ///< by uid
    std::int64_t timestamp = 0;
};

}  // namespace steward::sim
