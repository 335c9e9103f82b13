#pragma once
#include "base/ids.hpp"
#include "guard/pve_files.hpp"

#include <filesystem>

namespace steward::guard {

/// The guests that run on this node, as the kernel sees them: each has a control group of its own, containers
/// `lxc/<vmid>`, virtual machines `qemu.slice/<vmid>.scope` (cgroup v2). Nothing here allocates memory, because
/// nothing may fail for want of it when a guest has to be ended.
class cgroups {
  public:
    /// `root` is "/sys/fs/cgroup".
    explicit cgroups(const std::filesystem::path& root);

    /// Whether any process of it lives. One whose state cannot be read counts as running.
    [[nodiscard]] bool is_running(guest_id guest) const;
    /// SIGKILL to all of its processes at once (cgroup.kill, cgroup-v2.rst). False when the kernel refused.
    [[nodiscard]] bool kill(guest_id guest) const;

  private:
    [[nodiscard]] descriptor open(guest_id guest, const char* file, int flags) const;

    descriptor root_;
};

}  // namespace steward::guard
