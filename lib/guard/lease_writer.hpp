#pragma once
#include "core/lease/node_lease.hpp"
#include "guard/heart.hpp"
#include "guard/pve_files.hpp"

#include <filesystem>
#include <mutex>

namespace steward::guard {

/// The leases of the other nodes as this guard sees them itself, so that it need not believe the daemon when that says
/// that a node is gone. Shared between threads.
class lease_ages {
  public:
    void observe(const lease::node_lease& seen, time_point now);
    /// Why that node may still run its guests; empty: by its own promise, or by a person's word about this boot, it
    /// does not (reliability §1.3). `confirmation` is the text of "fence/<node>".
    [[nodiscard]] std::string doubt(const node_name& node, const std::string& confirmation, time_point now) const;

  private:
    mutable std::mutex mutex_;
    lease::lease_watch seen_;
};

/// The thread that renews this node's lease, and the only one of the guard's own that waits for pmxcfs.
class lease_writer {
  public:
    lease_writer(std::filesystem::path pve_root, std::filesystem::path corosync_file, node_name node, heart& own,
                 lease_ages& others, clocks time)
        : pve_root_(std::move(pve_root)),
          corosync_file_(std::move(corosync_file)),
          node_(std::move(node)),
          heart_(own),
          others_(others),
          time_(std::move(time)) {}

    /// One renewal, and one look at what it proves to be current. True when it was written.
    bool renew();

  private:
    [[nodiscard]] std::optional<failure> write(const std::string& text, std::optional<pve_files>& files) const;
    [[nodiscard]] fencing::membership corosync() const;
    [[nodiscard]] outcome<home_sight> look(pve_files& files) const;
    [[nodiscard]] outcome<bool> was_taken(pve_files& files, guest_id guest,
                                          const std::vector<std::string>& parked) const;
    void read_own();
    void read_others(pve_files& files);

    const std::filesystem::path pve_root_;
    const std::filesystem::path corosync_file_;
    const node_name node_;
    heart& heart_;
    lease_ages& others_;
    const clocks time_;
};

}  // namespace steward::guard
