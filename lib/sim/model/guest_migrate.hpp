#pragma once
#include "sim/model/guest_work.hpp"

#include <string>

/// Moving a guest to another node (pve-facts F.8).
namespace steward::sim {

class migrate_order {
  public:
    guest_id guest;
    node_name target;
    bool online = false;            ///< a running VM goes on on the target
    bool restart = false;           ///< a running CT is shut down and started there
    bool with_local_disks = false;  ///< of a running VM
    duration patience = std::chrono::seconds(180);
    std::string storages;  ///< "a:b,c:d", or one storage for all that is local
};

/// The worker "vzmigrate" or "qmigrate" on the node that has the guest. Local volumes are copied, and the
/// configuration is renamed at the end; until then nothing is lost when it fails.
std::string begin_migration(cluster& model, const node_name& node, const std::string& user, migrate_order order);

/// Where a volume of that storage goes: as the mapping says, else to the storage of the same name.
[[nodiscard]] storage_id target_storage(const std::string& mapping, const storage_id& from);

/// Whether that storage is the same one on every node.
[[nodiscard]] bool is_shared(const cluster& model, const storage_id& id);

}  // namespace steward::sim
