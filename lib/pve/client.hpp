#pragma once
#include "base/ids.hpp"
#include "model/snapshot.hpp"
#include "pve/api/session.hpp"
#include "pve/task.hpp"
#include "pve/transport.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/awaitable.hpp>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace steward::pve {

/// Restore of an archive under the guest's own vmid. There is no `force`: it destroys old volumes before unpacking
/// (pve-facts G.6); the caller parks the old configuration first.
class restore_order {
  public:
    guest_id guest;
    node_name target;
    volid archive;
    storage_id storage;  ///< empty: VM disks go where they were; a container needs one
    std::vector<std::string> tags;
    bool is_copy = false;  ///< of a guest that is still there: new MAC addresses
};

/// A backup by hand: nothing is pruned for it, whatever the storage's own retention says.
class backup_order {
  public:
    guest_id guest;
    node_name node;
    storage_id storage;
    std::string mode = "snapshot";  ///< or suspend, stop
    std::string notes;
    bool is_protected = false;
};

/// An address inside a guest, as it says itself.
class interface_address {
  public:
    std::string interface;
    std::string address;  ///< without a prefix length
};

/// All that our token may do, read at once.
class held_rights {
  public:
    /// What is held there: as listed, else what the nearest listed path above hands down (pve-facts A.8).
    [[nodiscard]] std::set<std::string> on(const std::string& acl_path) const;

    std::map<std::string, std::map<std::string, bool>> listed;  ///< by path: privilege, and whether it is handed down
};

/// The calls that the product makes, through the typed API, with what they mean for the rest of the program. Every call
/// has the client's time limit; errors are those of api::session. Writes are never repeated by this class.
class client {
  public:
    client(transport& wire, time_source& time, duration request_limit);

    [[nodiscard]] time_source& time() const { return session_.time(); }
    [[nodiscard]] api::session& session() { return session_; }
    /// A cluster with another name is refused by `look`; an empty name accepts any.
    void expect_cluster(std::string name) { expected_cluster_ = std::move(name); }
    /// Whether the last `look` was refused for that: asking again will not help.
    [[nodiscard]] bool is_elsewhere() const { return is_elsewhere_; }

    enum class scope {
        everything,
        guests,  ///< which nodes there are and where the guests are: what changes from one moment to the next
    };
    /// cluster/status and cluster/resources as one snapshot, as the contacted node sees it.
    [[nodiscard]] boost::asio::awaitable<result<model::cluster_view>> look(scope of = scope::everything);
    /// For how long each node that is online has been up.
    [[nodiscard]] boost::asio::awaitable<result<std::map<node_name, duration>>> node_uptimes();
    [[nodiscard]] boost::asio::awaitable<result<model::guest_status>> guest_status(node_name node, guest_id guest);
    /// Whether the agent in a VM answers. Error: what PVE says, "QEMU guest agent is not running".
    [[nodiscard]] boost::asio::awaitable<result<void>> ask_agent(node_name node, guest_id vm);
    /// Of its interfaces: a container's node knows them, a VM's agent is asked.
    [[nodiscard]] boost::asio::awaitable<result<std::vector<interface_address>>> guest_addresses(node_name node,
                                                                                                 guest_id guest);
    /// The same fact from the node's list: a second source.
    [[nodiscard]] boost::asio::awaitable<result<model::run_state>> listed_state(node_name node, guest_id guest);
    [[nodiscard]] boost::asio::awaitable<result<model::guest_config>> guest_config(node_name node, guest_id guest);
    /// Our own privileges on one ACL path.
    [[nodiscard]] boost::asio::awaitable<result<std::set<std::string>>> privileges(std::string acl_path);
    /// On all of them. One call; for surveys. What decides about a hand-over asks for the path itself.
    [[nodiscard]] boost::asio::awaitable<result<held_rights>> all_privileges();
    [[nodiscard]] boost::asio::awaitable<result<std::vector<model::backup>>> backups(node_name node, storage_id storage,
                                                                                     guest_id guest);
    /// Of all guests.
    [[nodiscard]] boost::asio::awaitable<result<std::vector<model::backup>>> all_backups(node_name node,
                                                                                         storage_id storage);
    /// The guest configuration inside an archive.
    [[nodiscard]] boost::asio::awaitable<result<model::guest_config>> archived_config(node_name node, volid archive);

    [[nodiscard]] boost::asio::awaitable<result<upid>> start(node_name node, guest_id guest);
    /// Hard stop.
    [[nodiscard]] boost::asio::awaitable<result<upid>> stop(node_name node, guest_id guest);
    /// Asks nicely; after `limit` the guest is stopped hard.
    [[nodiscard]] boost::asio::awaitable<result<upid>> shutdown(node_name node, guest_id guest, duration limit);
    /// With its local disks: a VM as it runs, a container shut down and started again.
    [[nodiscard]] boost::asio::awaitable<result<upid>> migrate(node_name node, guest_id guest, node_name target);
    [[nodiscard]] boost::asio::awaitable<result<upid>> restore(restore_order order);
    /// A backup as it runs (mode snapshot), compressed with zstd.
    [[nodiscard]] boost::asio::awaitable<result<upid>> back_up(node_name node, guest_id guest, storage_id storage);
    [[nodiscard]] boost::asio::awaitable<result<upid>> back_up(backup_order order);
    /// Writes into the notes of an archive what is known of it; the rest of them stays.
    [[nodiscard]] boost::asio::awaitable<result<void>> stamp_archive(node_name node, volid archive,
                                                                     model::archive_stamp stamp);
    /// Nothing: PVE was done before it answered.
    [[nodiscard]] boost::asio::awaitable<result<std::optional<upid>>> delete_archive(node_name node, volid archive);
    [[nodiscard]] boost::asio::awaitable<result<vmid>> free_vmid();
    /// Removes a guest with its volumes. Only ever called for a half-made replacement that carries our own tag.
    [[nodiscard]] boost::asio::awaitable<result<upid>> destroy(node_name node, guest_id guest);
    /// Disks of that vmid as one node sees them; without Datastore.Allocate or VM.Config.Disk PVE shows none.
    [[nodiscard]] boost::asio::awaitable<result<std::vector<model::disk>>> disks(node_name node, storage_id storage,
                                                                                 guest_id guest);
    /// Removes one of them; it takes Datastore.Allocate.
    [[nodiscard]] boost::asio::awaitable<result<upid>> free_disk(node_name node, volid disk);

    /// Of a guest that does not run: the links of all its network devices are taken down; it is not protected, and not
    /// started with its node.
    [[nodiscard]] boost::asio::awaitable<result<void>> cut_off(node_name node, guest_id guest);
    /// Whether something in the guest answers: the agent of a virtual machine, the network namespace of a container.
    /// Errors: unsupported where that release cannot be asked.
    [[nodiscard]] boost::asio::awaitable<result<void>> ask_inside(node_name node, guest_id guest);

    [[nodiscard]] boost::asio::awaitable<result<task_state>> task_status(upid task);
    [[nodiscard]] boost::asio::awaitable<result<void>> stop_task(upid task);
    /// Newest first: running and finished tasks about one vmid on one node.
    [[nodiscard]] boost::asio::awaitable<result<std::vector<task_row>>> tasks_of(node_name node, vmid id);
    /// Restores that ended well on one node, newest first.
    [[nodiscard]] boost::asio::awaitable<result<std::vector<task_row>>> restores_on(node_name node);

  private:
    api::session session_;
    std::string expected_cluster_;
    bool is_elsewhere_ = false;
};

}  // namespace steward::pve
