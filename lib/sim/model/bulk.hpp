#pragma once
#include "base/ids.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace steward::sim {

class cluster;

/// `startup` of a guest: "order=2,up=30,down=60", or "2" for the order alone.
class startup_order {
  public:
    [[nodiscard]] static startup_order parse(std::string_view text);
    std::optional<std::int64_t> order;  ///< none: started last, stopped first
    std::optional<duration> up;         ///< pause after its start
    std::optional<duration> down;       ///< patience at its shutdown
};

/// One worker that does something with many guests of a node (pve-facts D.8).
class bulk_order {
  public:
    bulk_order(node_name where, std::string who) : node(std::move(where)), user(std::move(who)) {}
    node_name node;
    std::string user;
    std::set<vmid> only;  ///< empty: all that the operation concerns
    /// Called when the worker has ended, be it that it was stopped or that the node is off.
    std::function<void()> done;

    bool force = false;                            ///< startall: also guests without onboot
    bool force_stop = true;                        ///< stopall: kill those that do not end in time
    duration timeout = std::chrono::seconds(180);  ///< stopall, for guests without `down`
    node_name target;                              ///< migrateall
    std::size_t workers = 1;                       ///< migrateall
    bool with_local_disks = false;                 ///< migrateall, of running VMs
};

/// Each returns the UPID of the worker "startall", "stopall", …, which starts one task per guest: in ascending
/// `startup` order, the next order when the last one's starts have ended; stops in descending order.
std::string begin_start_all(cluster& model, bulk_order what);
std::string begin_stop_all(cluster& model, bulk_order what);
std::string begin_suspend_all(cluster& model, bulk_order what);
std::string begin_migrate_all(cluster& model, bulk_order what);

}  // namespace steward::sim
