#pragma once
#include "sim/model/guest_work.hpp"

#include <string>

/// Snapshots as sections of a guest's configuration (pve-facts F.8). What goes wrong goes wrong in the task.
namespace steward::sim {

class snapshot_order {
  public:
    std::string name;
    std::string description;
    bool with_memory = false;  ///< a VM's state too
};

std::string begin_snapshot(cluster& model, const node_name& node, guest_id guest, const std::string& user,
                           snapshot_order order);
/// `force`: out of the configuration even when its volumes cannot be had.
std::string begin_snapshot_removal(cluster& model, const node_name& node, guest_id guest, const std::string& user,
                                   const std::string& name, bool force);
/// `start` afterwards; a VM whose memory was saved runs again in any case.
std::string begin_rollback(cluster& model, const node_name& node, guest_id guest, const std::string& user,
                           const std::string& name, bool start);

/// Whether every volume of the guest can have a snapshot.
[[nodiscard]] bool has_snapshot_feature(const cluster& model, const guest_config& config);

}  // namespace steward::sim
