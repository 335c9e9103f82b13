#pragma once
#include "sim/model/guest_work.hpp"

#include <map>
#include <string>

/// Copies of guests, and templates to make them from.
namespace steward::sim {

class clone_order {
  public:
    guest_id from;
    guest_id to;
    node_name target;      ///< where the copy's configuration goes
    std::string snapshot;  ///< empty: as it is now
    bool full = true;      ///< else linked to the volumes of a template
    storage_id storage;    ///< empty: each volume stays on its own
    std::string format;
    std::string name;
    std::string description;
    bool has_description = false;
};

/// The worker. The copy's configuration with its lock was written before, by the API call; it goes when this fails.
std::string begin_clone(cluster& model, const node_name& node, const std::string& user, clone_order order);

/// Renames the volumes to base-… and sets `template: 1`.
std::string begin_template(cluster& model, const node_name& node, guest_id guest, const std::string& user);

/// Whether a linked clone can be made of the guest.
[[nodiscard]] bool has_clone_feature(const cluster& model, const guest_config& config);

}  // namespace steward::sim
