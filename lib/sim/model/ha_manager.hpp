#pragma once
#include "base/time.hpp"
#include "sim/model/ha_config.hpp"
#include "sim/model/ha_status.hpp"
#include "sim/model/parsed_file.hpp"
#include "sim/model/watchdog.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace steward::sim {

class cluster;
class ha_crm;
class ha_lrm;

/// What a node knows of HA at one moment: read once, asked for many guests.
class ha_view {
  public:
    ha_view(const cluster& model, const node_name& at);
    ha_config config;
    std::shared_ptr<const ha_manager_status> status;

    /// Listed with a state other than `ignored`.
    [[nodiscard]] bool is_managed(guest_id guest) const;
    /// For people: the CRM's state, or "queued", "starting", "disabled", "deleting", "ignored", … (pve-facts I.2);
    /// empty for a guest that HA knows nothing of.
    [[nodiscard]] std::string state_of(guest_id guest) const;
    /// `hastate` of a guest: the CRM's state, or the requested one while the CRM has not seen the resource.
    [[nodiscard]] std::string short_state_of(guest_id guest) const;
};

/// Proxmox HA: one CRM and one LRM per node over the files below ha/ (pve-facts I). They sleep until a resource is
/// added, so that a cluster without HA costs nothing.
class ha_manager {
  public:
    explicit ha_manager(cluster& model);
    ~ha_manager();
    ha_manager(const ha_manager&) = delete;
    ha_manager& operator=(const ha_manager&) = delete;

    [[nodiscard]] bool is_managed(const node_name& seen_from, guest_id guest) const;
    /// What the CRM has written, as a node sees it.
    [[nodiscard]] std::shared_ptr<const ha_manager_status> status(const node_name& seen_from) const;

    /// Adds the guest with `state started` if it is not there yet.
    void add(guest_id guest);
    /// Its service is in error from now on, as after too many failed starts: HA leaves it alone until a person has
    /// disabled it.
    void fail(guest_id guest);
    /// Whether it was there. `purge`: out of the rules too.
    bool remove(guest_id guest, bool purge = true);
    /// Changes the requested state in resources.cfg.
    void set_state(guest_id guest, const std::string& state);
    /// A line of ha/crm_commands, for the master's next round: "migrate ct:101 n2", "stop ct:101 0",
    /// "enable-node-maintenance n1", "disarm-ha freeze", "arm-ha".
    void command(const std::string& line);

    /// The tasks in which ordinary calls on a managed guest end (pve-facts I.4): they only store the wish. UPID.
    std::string begin_start(const node_name& node, guest_id guest, const std::string& user);
    /// `timeout` zero is a hard stop.
    std::string begin_stop(const node_name& node, guest_id guest, const std::string& user, duration timeout);
    std::string begin_migrate(const node_name& node, guest_id guest, const std::string& user, const node_name& target);

    /// The node's LRM on the way down: stops, freezes or moves away what it has, as datacenter.cfg's shutdown_policy
    /// wants it, and then calls `done`.
    void leave(const node_name& node, bool comes_back, std::function<void()> done);

    /// The configuration below ha/ has changed.
    void wake();

    // For the daemons.
    /// Takes, or keeps, priv/lock/`name`; false while somebody else has it or without quorum.
    bool hold(const node_name& by, const std::string& name);
    void drop(const node_name& by, const std::string& name);
    [[nodiscard]] static std::string agent_lock(const node_name& node) { return "ha_agent_" + node.str() + "_lock"; }
    /// A daemon that holds its lock keeps the node's watchdog quiet; silent for 70 s, and the node is reset.
    void feed(const node_name& node, const char* daemon);
    void disarm(const node_name& node, const char* daemon);
    void write(const std::string& path, const std::string& text);
    [[nodiscard]] std::string new_uid();
    /// The migration that an LRM carries out: offline, and live for a running VM. UPID.
    std::string begin_move(const node_name& node, guest_id guest, const node_name& target);

  private:
    class node_daemons;
    [[nodiscard]] bool has_work() const;
    [[nodiscard]] bool is_standing_still(const node_name& node) const;
    [[nodiscard]] bool is_working(node_daemons& d);
    void run_crm(std::size_t node, std::uint64_t generation);
    void run_lrm(std::size_t node, std::uint64_t generation);
    void sleep_if_idle();
    [[nodiscard]] std::string begin_request(const node_name& node, guest_id guest, const std::string& user,
                                            const char* type, const std::string& command, std::function<void()> wish);

    cluster& model_;
    mutable parsed_file<ha_manager_status> status_file_{"ha/manager_status", ha_manager_status::parse};
    std::vector<std::unique_ptr<node_daemons>> daemons_;
    std::map<std::pair<node_name, std::string>, watchdog_mux::client> watchdogs_;  // by node and daemon
    bool awake_ = false;
    std::uint64_t generation_ = 0;  // of the loops; those of an older one end
    std::uint64_t uids_ = 0;
};

}  // namespace steward::sim
