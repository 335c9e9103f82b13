#pragma once
#include "base/ids.hpp"
#include "sim/model/archive.hpp"
#include "sim/model/config_files.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace steward::sim {

class cluster;
class task_work;

/// Everything of a restore after the synchronous checks of the API (pve-facts G.6, G.7).
class restore_order {
  public:
    guest_id guest;
    volid from;
    storage_id to;  ///< empty for a VM: where each disk was, else `local`
    bool overwrite = false;
    bool start = false;
    bool unique = false;
    bool with_firewall = true;                     ///< the firewall file comes back too
    std::map<std::string, std::string> overrides;  ///< "hostname", "tags", …
    std::map<std::string, std::string> layout;     ///< "rootfs" → "local-lvm:8": instead of the disks in the backup
    /// What the worker checks of the user's privileges once it knows the configuration: "" or the refusal.
    std::function<std::string(const guest_config& saved, const guest_config& result)> refusal;
};

/// The worker of a restore. The configuration with `lock: create` was written before, by the API call. It knows how far
/// it has come, because what it leaves behind depends on that.
class restore_run {
  public:
    restore_run(cluster& model, node_name node, std::string user, restore_order order)
        : model_(model), node_(std::move(node)), user_(std::move(user)), order_(std::move(order)) {}
    /// Up to the start of unpacking; how the archive will fail goes into `work`.
    std::string begin(const std::string& upid, task_work& work);
    std::string finish(const std::string& upid);
    /// After an error: a container's configuration goes once disks were made, a VM leaves a stub.
    void undo();
    /// "unable to restore CT 101 - " for containers.
    [[nodiscard]] std::string prefix() const;

  private:
    [[nodiscard]] bool is_ct() const { return order_.guest.type == guest_type::ct; }
    [[nodiscard]] std::string check(const guest_config& saved) const;
    [[nodiscard]] guest_config result_of(const guest_config& saved) const;
    std::string make_disks(const std::string& upid, const guest_config& saved);
    std::string make_disk(const std::string& upid, const std::string& key, const storage_id& to, std::uint64_t bytes,
                          const std::string& format, const std::string& drive);
    void drop_old_disks(const std::string& upid);
    [[nodiscard]] std::string archive_path() const;
    void unlock();

    cluster& model_;
    node_name node_;
    std::string user_;
    restore_order order_;
    std::vector<std::pair<std::string, volid>> made_;
    std::map<std::string, std::string> drives_;  ///< as they will be in the configuration
    std::map<std::string, std::string> kept_;    ///< a VM's old disks that nothing takes the place of
    bool has_made_disks_ = false;
    std::string upid_;
    archive open_;  ///< what is being read: it goes on although somebody removes the name meanwhile
};

}  // namespace steward::sim
