#pragma once
#include "base/guard_frames.hpp"
#include "base/random.hpp"
#include "sim/model/archive.hpp"
#include "sim/model/backup.hpp"
#include "sim/model/broadcasts.hpp"
#include "sim/model/cluster_locks.hpp"
#include "sim/model/cluster_log.hpp"
#include "sim/model/config_files.hpp"
#include "sim/model/faults.hpp"
#include "sim/model/firewall_cache.hpp"
#include "sim/model/ha_manager.hpp"
#include "sim/model/host_files.hpp"
#include "sim/model/machine.hpp"
#include "sim/model/membership.hpp"
#include "sim/model/node_power.hpp"
#include "sim/model/options.hpp"
#include "sim/model/privileges.hpp"
#include "sim/model/restore.hpp"
#include "sim/model/storage_config.hpp"
#include "sim/model/stored_file.hpp"
#include "sim/model/tasks.hpp"
#include "sim/model/watchdog.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace steward::sim {

/// The web service inside a guest, apart from whether the guest runs.
enum class service_state {
    healthy,
    dead,      ///< nothing listens: connection refused
    refusing,  ///< answers 503
    hung,      ///< accepts and says nothing
};
[[nodiscard]] const char* name_of(service_state state) noexcept;

/// A guest that runs on a node. It may run where its configuration is not: that is how two copies come about.
class instance {
  public:
    instance(node_name where, guest_id what, time_point since) : node(std::move(where)), guest(what), started(since) {}
    node_name node;
    guest_id guest;
    time_point started;
    service_state service = service_state::healthy;
    bool paused = false;
    std::uint32_t pid = 0;
    std::vector<std::string> agent_commands;  ///< what was run in it, in order
};

/// A daemon of a node that can be out of order by itself.
enum class service { up, stopped, frozen };

class sim_node {
  public:
    sim_node(node_name n, std::size_t position) : name(std::move(n)), index(position) {}
    node_name name;
    std::size_t index;  ///< its nodeid is one more
    bool powered = true;
    bool frozen = false;          ///< the whole machine stands still, and knows nothing of it
    bool connected = true;        ///< its network, all of it
    bool cluster_network = true;  ///< corosync's own
    bool guest_network = true;    ///< what guests answer through
    std::uint64_t memory_bytes = machine::memory_bytes;
    service pveproxy = service::up;
    service pvedaemon = service::up;
    service pmxcfs = service::up;
    service pvestatd = service::up;  ///< without it nothing new is heard of the node and its guests

    node_set members = 0;         ///< of the membership it has agreed on; without quorum too
    time_point quorate_since{};   ///< in the quorate part since; meaningless while it is not
    std::uint64_t agreement = 0;  ///< counts the agreements that are being looked for
    node_set wanted = 0;          ///< the membership that is being agreed on
    bool is_agreeing = false;     ///< writes to its /etc/pve block
    bool waits_to_autostart = false;
    bool is_removed = false;            ///< pvecm delnode: no longer in corosync's list, though its files are there
    std::optional<duration> syncs_for;  ///< at its next boot, after it is in the quorate part

    time_point booted{};
    std::uint32_t next_pid = 1000;
    std::string fingerprint;  ///< of its certificate, once an HTTPS front made one
    watchdog_mux watchdog;
    duration clock_ahead{};  ///< of true time
    double clock_drift = 0;  ///< seconds per second
    time_point clock_set{};  ///< when clock_ahead was true

    [[nodiscard]] bool reachable() const { return powered && connected && !frozen; }
    /// Whether corosync runs and has a network.
    [[nodiscard]] bool takes_part() const {
        return powered && !frozen && connected && cluster_network && pmxcfs != service::stopped && !is_removed;
    }
};

class volume {
  public:
    volume() = default;
    volume(guest_id whose, std::uint64_t size) : owner(whose), bytes(size) {}
    guest_id owner;
    std::uint64_t bytes = 0;
    wall_time created{};
    bool spoiled = false;  ///< a service on it dies at every start: only a restore helps
    bool orphan = false;   ///< left behind by a worker that was killed: no configuration names it
};

class call_counters {
  public:
    std::map<std::string, std::uint64_t> by_verb;  ///< "GET" → 1234
    std::vector<std::string> writes;               ///< "POST /nodes/n1/lxc/101/status/stop 200 steward@pve!failover"
};

/// The name under which power operations and configuration changes of a guest queue on its node …
[[nodiscard]] std::string guest_lock_name(guest_id guest);
/// … and the file that PVE names when they waited too long.
[[nodiscard]] std::string guest_lock_path(guest_id guest);

/// A PVE cluster as a model: no I/O of its own (beyond the file tree it is given), no clock, no Asio. Whoever owns
/// it says how far time has come.
class cluster {
  public:
    explicit cluster(options o);

    // ---- time (cluster.cpp)
    [[nodiscard]] time_point now() const { return now_; }
    [[nodiscard]] wall_time wall_now() const { return wall_at(now_); }
    [[nodiscard]] wall_time wall_at(time_point t) const;
    /// Lets everything happen that is due until `t`, in order; going back is ignored.
    void advance_to(time_point t);
    [[nodiscard]] std::optional<time_point> next_event() const;
    std::pair<time_point, std::uint64_t> at(time_point when, std::function<void()> what);
    void forget(const std::pair<time_point, std::uint64_t>& event) { events_.erase(event); }
    /// Called when something changed or a nearer event was planned; empty: nobody listens.
    std::function<void()> on_change;

    // ---- nodes, their network and what they agree on (nodes.cpp, agreement.cpp)
    [[nodiscard]] const options& configured() const { return options_; }
    [[nodiscard]] pve::schema::version version() const { return options_.version; }
    [[nodiscard]] const std::vector<sim_node>& nodes() const { return nodes_; }
    [[nodiscard]] sim_node* find_node(const node_name& name);
    [[nodiscard]] const sim_node* find_node(const node_name& name) const;
    /// As that node sees it. Quorum goes and comes when a membership has been agreed on, seconds after the cause.
    [[nodiscard]] bool is_quorate(const node_name& seen_from) const;
    /// Whether `seen_from` counts `other` to its membership.
    [[nodiscard]] bool is_member(const node_name& seen_from, const node_name& other) const;
    /// Whether writes to /etc/pve on that node neither succeed nor fail for now: its membership is changing.
    [[nodiscard]] bool is_blocked(const node_name& node) const;
    /// TCP from one node to another's API port.
    [[nodiscard]] bool can_reach(const node_name& from, const node_name& to) const;
    /// The node's own clock.
    [[nodiscard]] wall_time wall_now(const node_name& node) const;

    void power(const node_name& node, bool on);
    /// What a watchdog does: off at once, and on again after the boot time if options::boots_after_reset.
    void reset(const node_name& node);
    /// `pvecm delnode` of a node that is off, and `pvecm addnode` of one with its name, which is then switched on.
    void remove_node(const node_name& node);
    void add_node_again(const node_name& node);
    /// From now on what is read from /etc/pve on that node does not change any more, whatever is written: until told
    /// otherwise.
    void stop_updates(const node_name& node, bool stop);
    /// Switches it on; once it is quorate its /etc/pve is as old as when it went down for so long, and takes no writes.
    void boot_stale(const node_name& node, duration lasts);
    /// What pve-guests.service waits for after a boot, beside quorum; empty: nothing.
    std::function<bool(const node_name&)> may_autostart;
    /// `pvecm expected` on that node.
    void expect_votes(const node_name& node, int votes);
    void connect(const node_name& node, bool on);
    void connect_cluster_network(const node_name& node, bool on);
    void cut(const node_name& from, const node_name& to);
    void mend_network();
    /// The whole machine stands still for so long.
    void freeze(const node_name& node, duration time);
    void set_clock(const node_name& node, duration ahead, double drift);
    void set_service(const node_name& node, service sim_node::*which, service state);
    /// Runs it once the node's pveproxy goes on: requests that wait in its sockets.
    void when_thawed(const node_name& node, std::function<void()> what);
    /// Called after a change of a watchdog: the node is reset when nobody feeds it in time.
    void watch_watchdog(const node_name& node);

    // ---- priv/lock (agreement.cpp); errors as pmxcfs has them: no_quorum, exists, forbidden, not_found
    result<void> acquire_lock(const node_name& node, const std::string& name);
    result<void> refresh_lock(const node_name& node, const std::string& name);
    /// True when the lock is gone.
    result<bool> request_unlock(const node_name& node, const std::string& name);
    result<void> release_lock(const node_name& node, const std::string& name);
    [[nodiscard]] bool is_cluster_lock_held(const std::string& name) const { return cluster_locks_.is_held(name); }

    // ---- guests (guests.cpp)
    [[nodiscard]] config_files& files() { return files_; }
    [[nodiscard]] const config_files& files() const { return files_; }
    /// /etc/pve as that node sees it.
    [[nodiscard]] const config_files& files(const node_name& node) const;
    [[nodiscard]] std::optional<guest_config> config(const node_name& node, guest_id guest) const;
    [[nodiscard]] const guest_options* declared(guest_id guest) const;
    /// One more while the cluster runs. Errors: `exists`, `not_found` (its node).
    result<void> add_guest(guest_options g);
    [[nodiscard]] const std::map<std::pair<node_name, guest_id>, instance>& instances() const { return instances_; }
    /// Another number whenever something has begun or ceased to run somewhere.
    [[nodiscard]] std::uint64_t instance_changes() const { return instance_changes_; }
    [[nodiscard]] instance* find_instance(const node_name& node, guest_id guest);
    [[nodiscard]] bool is_running(const node_name& node, guest_id guest) const;
    /// Bytes that the node itself and the guests that run on it take.
    [[nodiscard]] std::uint64_t used_memory(const node_name& node) const;
    /// So much memory that this is free beside what runs there now.
    void set_free_memory(const node_name& node, std::uint64_t bytes);
    /// Every place where it runs: more than one is the disaster that all of this is about.
    [[nodiscard]] std::vector<node_name> running_on(guest_id guest) const;
    /// Healthy when a running instance with a network has a healthy service.
    [[nodiscard]] std::optional<service_state> service_of(guest_id guest) const;
    void set_service(guest_id guest, service_state state);
    void run(const node_name& node, guest_id guest);
    void halt(const node_name& node, guest_id guest);
    /// Starts that nobody waits for: HA's, and autostart after a boot.
    std::string begin_start(const node_name& node, guest_id guest, const std::string& user);
    std::string begin_stop(const node_name& node, guest_id guest, const std::string& user);
    std::string begin_shutdown(const node_name& node, guest_id guest, const std::string& user, duration limit,
                               bool force);
    std::string begin_reboot(const node_name& node, guest_id guest, const std::string& user);
    std::string begin_destroy(const node_name& node, guest_id guest, const std::string& user);
    [[nodiscard]] ha_manager& ha() { return *ha_; }
    [[nodiscard]] const ha_manager& ha() const { return *ha_; }
    [[nodiscard]] node_power& node_switch() { return node_power_; }
    [[nodiscard]] host_files& hosts() { return host_files_; }
    [[nodiscard]] cluster_log& journal() { return cluster_log_; }
    [[nodiscard]] const broadcasts& heard() const { return heard_; }
    /// Another value whenever a node was reset.
    [[nodiscard]] std::uint64_t reset_changes() const { return reset_changes_; }
    [[nodiscard]] int resets(const node_name& node) const { return resets_.count(node) != 0 ? resets_.at(node) : 0; }

    // ---- tasks (tasks.cpp)
    std::string start_task(const node_name& node, const std::string& user, task_work work);
    void stop_task(const std::string& upid);
    /// SIGKILL: no clean-up, no last line.
    void kill_worker(const std::string& upid);
    /// Ends a task that is open-ended.
    void finish_task(const std::string& upid, const std::string& exit_text) { end_task(upid, exit_text); }
    [[nodiscard]] const std::map<std::string, task>& tasks() const { return tasks_; }
    [[nodiscard]] const std::deque<std::string>& task_order() const { return task_order_; }
    [[nodiscard]] bool is_lock_held(const node_name& node, const std::string& lock) const;
    void log_line(const std::string& upid, std::string line);
    /// What the worker of an open-ended task does after `pause`, unless the task has ended by then.
    void then(const std::string& upid, duration pause, std::function<void()> what);

    // ---- storage, backup, restore (storage.cpp, stored_file.cpp, backup.cpp, restore.cpp)
    /// The storages of storage.cfg as that node sees the file, without a node as it is. Good until the file changes.
    [[nodiscard]] const std::vector<storage_entry>& storages(const node_name& seen_from = {}) const;
    [[nodiscard]] const storage_entry* storage(const storage_id& id, const node_name& seen_from = {}) const;
    /// How much would fit on it in all.
    [[nodiscard]] std::uint64_t capacity(const storage_id& id) const;
    [[nodiscard]] bool is_active(const storage_id& id, const node_name& node) const;
    /// Whether a fault says so, whatever is on it.
    [[nodiscard]] bool is_full(const storage_id& id, const node_name& node) const;
    [[nodiscard]] std::uint64_t used(const storage_id& id, const node_name& node) const;
    [[nodiscard]] std::uint64_t available(const storage_id& id, const node_name& node) const;
    [[nodiscard]] bool has_volume(const volid& id, const node_name& node) const;
    [[nodiscard]] std::map<volid, volume>& volumes(const storage_id& id, const node_name& node);
    /// Another number whenever volumes may have changed.
    [[nodiscard]] std::uint64_t volume_changes() const { return volume_changes_; }
    [[nodiscard]] const std::map<std::pair<storage_id, node_name>, std::map<volid, volume>>& all_volumes() const {
        return volumes_;
    }
    /// A new volume with the next free name; not_found/refused as PVE's sentence. Without a format that of the storage.
    result<volid> allocate(const storage_id& id, const node_name& node, guest_id owner, std::uint64_t bytes,
                           const std::string& format = {});
    void release(const volid& id, const node_name& node);
    /// Templates, images, snippets: what is there, by name.
    [[nodiscard]] std::vector<stored_file> stored_files(const storage_id& id, const node_name& node) const;
    [[nodiscard]] const stored_file* find_stored(const volid& id, const node_name& node) const;
    /// Replaces one of the same name.
    void store(const node_name& node, stored_file file);
    void remove_stored(const volid& id, const node_name& node);
    [[nodiscard]] std::vector<archive> archives(const storage_id& id, const node_name& node) const;
    [[nodiscard]] const archive* find_archive(const volid& id, const node_name& node) const;
    void add_archive(const storage_id& id, const node_name& node, archive a);
    void remove_archive(const volid& id, const node_name& node);
    void drop_archives_of(guest_id guest);
    /// Notes and protection; false when it is gone.
    bool change_archive(const volid& id, const node_name& node, const std::function<void(archive&)>& change);
    /// When it was made as that node sees it: from the name, in its own time zone (pve-facts G.3).
    [[nodiscard]] wall_time ctime_of(const archive& a, const node_name& node) const;
    /// How far the node's local time is ahead of UTC.
    [[nodiscard]] std::chrono::seconds local_offset(const node_name& node) const;
    /// Whether whoever touches the storage there sleeps until it answers again.
    [[nodiscard]] bool is_hung(const storage_id& id, const node_name& node) const;
    /// The backups of a storage, marked as pruning with `keep` would.
    [[nodiscard]] std::vector<prune_row> prune_rows(const storage_id& id, const node_name& node, const retention& keep,
                                                    const std::string& type, std::optional<vmid> guest) const;
    /// Lets the worker wait for the lock of a shared storage before it begins (pve-facts E.4).
    void add_storage_lock(task_work& work, const storage_id& id) const;
    std::string begin_backup(const node_name& node, const std::string& user, backup_order order);
    std::string begin_restore(const node_name& node, const std::string& user, restore_order order);
    /// Whether HA wants it to run.
    [[nodiscard]] bool is_ha_started(guest_id guest) const;

    // ---- handing a configuration over (handover.cpp): what the guard does on a real node
    result<std::string> park(const guard::request& what);
    result<void> unpark(const guard::request& what);
    result<void> relocate(const guard::request& what);
    result<void> unlock(const guard::request& what);
    /// All four. `writer` is the node whose quorum counts; empty: that of another node, which has it.
    result<std::string> hand_over(guard::verb verb, const guard::request& asked, const node_name& writer);

    // ---- the rest
    [[nodiscard]] access_control& access() { return access_; }
    [[nodiscard]] const access_control& access() const { return access_; }
    [[nodiscard]] firewall_cache& firewalls() { return firewalls_; }
    [[nodiscard]] fault_plan& faults() { return faults_; }
    [[nodiscard]] const fault_plan& faults() const { return faults_; }
    [[nodiscard]] call_counters& calls() { return calls_; }
    [[nodiscard]] const call_counters& calls() const { return calls_; }
    [[nodiscard]] random_source& chance() { return chance_; }
    [[nodiscard]] std::string new_mac();

  private:
    friend class state_access;  // saves and loads all of it
    using event_key = std::pair<time_point, std::uint64_t>;
    using store_key = std::pair<storage_id, node_name>;  // node is empty for a shared storage

    void changed();
    void create_storages();
    void schedule_jobs();
    void create_guest(guest_options& g);
    void publish(std::size_t sender);  // pvestatd
    [[nodiscard]] node_set up_nodes() const;
    [[nodiscard]] bool is_majority(node_set members) const;
    void seek_agreement();
    void agree(std::size_t node);
    void keep_old_view(const node_name& node);
    [[nodiscard]] std::shared_ptr<const config_files> present_view();
    [[nodiscard]] std::size_t node_count() const;
    void begin_sync(const node_name& node);
    void start_onboot(const node_name& node, time_point booted);
    [[nodiscard]] bool has_majority(const node_name& seen_from) const;
    void go_down(sim_node& node);
    void delay_tasks_on(const node_name& node, duration time);
    void autostart(const node_name& node);
    [[nodiscard]] std::string start_obstacle(const node_name& node, guest_id guest);
    [[nodiscard]] store_key key_of(const storage_id& id, const node_name& node) const;
    void begin_task(const std::string& upid);
    void end_task(const std::string& upid, std::string exit_text);
    void abort_task(const std::string& upid, const std::string& exit_text);
    void add_task_event(task& t, time_point when, std::function<void()> what);
    void kill_tasks_on(const node_name& node);
    void mark_orphans(const task& killed);

    options options_;
    time_point now_;
    std::uint64_t sequence_ = 0;
    std::map<event_key, std::function<void()>> events_;
    random_source chance_;
    std::vector<sim_node> nodes_;
    config_files files_;
    access_control access_;
    firewall_cache firewalls_;
    fault_plan faults_;
    call_counters calls_;
    std::map<std::pair<node_name, guest_id>, instance> instances_;
    std::uint64_t instance_changes_ = 1;
    network network_;
    broadcasts heard_;
    cluster_locks cluster_locks_;
    std::map<node_name, std::shared_ptr<const config_files>> old_views_;    // of nodes without quorum
    std::map<node_name, std::shared_ptr<const config_files>> stale_views_;  // of nodes with it
    std::set<node_name> syncing_;
    std::shared_ptr<const config_files> newest_view_;
    time_point newest_view_taken_{};
    std::map<node_name, int> resets_;
    std::uint64_t reset_changes_ = 0;
    std::map<node_name, std::vector<std::function<void()>>> frozen_requests_;
    std::map<std::string, task> tasks_;
    std::deque<std::string> task_order_;                                          // oldest first
    std::map<std::pair<node_name, std::string>, std::deque<std::string>> locks_;  // holder first, then who waits
    std::map<store_key, std::map<volid, volume>> volumes_;
    std::uint64_t volume_changes_ = 1;
    std::map<store_key, std::map<volid, archive>> archives_;
    std::map<store_key, std::map<volid, stored_file>> stored_files_;
    std::unique_ptr<ha_manager> ha_;
    node_power node_power_{*this};
    host_files host_files_;
    cluster_log cluster_log_;
    mutable std::map<node_name, std::pair<std::string, storage_config>> storage_configs_;  // with the text they are of
};

}  // namespace steward::sim
