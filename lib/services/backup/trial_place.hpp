#pragma once
#include "model/snapshot.hpp"
#include "services/backup/trial.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

/// Where an archive can be tried, and what that takes. Pure.
namespace steward::backup {

class trial_place {
  public:
    node_name node;      ///< empty: nowhere
    storage_id storage;  ///< where its disks go
    std::string why;     ///< why nowhere
};
[[nodiscard]] trial_place place_for(const model::cluster_view& view, const trial_wish& asked,
                                    const model::backup& archive, const model::guest_config& inside);

/// What in a guest's configuration would do something outside the copy; empty: nothing.
[[nodiscard]] std::string reaches_outside(guest_id guest, const model::guest_config& inside);

/// Any one of the privileges on that ACL path.
class needed_right {
  public:
    std::string path;
    std::vector<std::string> any_of;
};
[[nodiscard]] std::vector<needed_right> rights_for(guest_id guest, vmid copy, const trial_place& where,
                                                   const model::backup& archive, const model::guest_config& inside);

/// Whether the links of all its network devices are down.
[[nodiscard]] bool is_cut_off(const model::guest_config& config);
/// Whether a virtual machine is configured to have an agent.
[[nodiscard]] bool has_agent(const model::guest_config& config);

}  // namespace steward::backup
