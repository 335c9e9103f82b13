#pragma once
#include "base/ids.hpp"
#include "base/time.hpp"
#include "sim/model/archive.hpp"
#include "sim/model/config_files.hpp"
#include "sim/model/retention.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace steward::sim {

class cluster;
class instance;

/// What a vzdump call asks for, after its checks (pve-facts G.1).
class backup_order {
  public:
    std::vector<vmid> guests;
    storage_id to;
    std::string mode = "snapshot";  ///< "suspend", "stop"; a guest that does not run is always backed up as with "stop"
    std::string compress = "0";
    std::string notes_template;
    bool is_protected = false;
    bool removes = true;            ///< prune afterwards
    std::optional<retention> keep;  ///< empty: what the storage says
    long protected_limit = -1;      ///< how many protected backups a guest may have there; negative: any number
    duration lock_wait = std::chrono::minutes(180);
    std::string command_line;  ///< "100 --compress zstd …" for the log
};

/// "{{guestname}} on {{node}}" filled in; "\n" becomes a line break.
[[nodiscard]] std::string fill_notes(const std::string& notes_template, const std::string& cluster_name,
                                     const std::string& guest_name, const node_name& node, vmid guest);

/// The worker of one vzdump: guest after guest, each with its lock, its stop or snapshot, its archive and its pruning.
class backup_run : public std::enable_shared_from_this<backup_run> {
  public:
    backup_run(cluster& model, node_name node, backup_order order)
        : model_(model), node_(std::move(node)), order_(std::move(order)) {}
    /// The first moment of the task: an exit text ends it, empty goes on.
    std::string begin(const std::string& upid);
    /// After a signal: everything as it was, without the archive of the guest in work.
    void abandon();

  private:
    void log(const std::string& line);
    void next_guest();
    [[nodiscard]] std::string prepare(const config_files::place& where, guest_config config);
    [[nodiscard]] std::string why_not(const guest_config& config) const;
    [[nodiscard]] bool can_snapshot(const guest_config& config) const;
    void log_disks(const guest_config& config);
    void log_mode();
    void enter_mode();
    void stop_guest();
    void create_archive();
    void archive_done();
    [[nodiscard]] std::string file_name() const;
    void prune();
    void leave_mode();
    void guest_done();
    void fail_guest(const std::string& why);
    void unlock();
    void conclude();

    cluster& model_;
    node_name node_;
    backup_order order_;
    std::string upid_;
    std::size_t index_ = 0;
    bool failed_ = false;
    bool is_beginning_ = false;

    // of the guest in work
    guest_id guest_;
    std::string mode_;
    time_point started_{};
    wall_time created_{};
    time_point stopped_at_{};
    bool was_running_ = false;
    bool is_down_ = false;  ///< because of us
    bool has_lock_ = false;
    std::string name_;
};

}  // namespace steward::sim
