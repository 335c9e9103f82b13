#pragma once
#include "base/ids.hpp"
#include "guard/pve_files.hpp"

#include <filesystem>

namespace steward::guard {

/// PVE's node-local lock of one guest's configuration (pve-facts E.6): who holds it is the only one on this node that
/// may change the file, so nobody edits it between our look at the digest and our write.
class config_lock {
  public:
    /// Waits up to 2 s, then `errc::locked`. `lock_root` is "/run/lock".
    [[nodiscard]] static result<config_lock> take(const std::filesystem::path& lock_root, guest_id guest);

  private:
    explicit config_lock(descriptor file) : file_(std::move(file)) {}
    descriptor file_;  // flock ends with it
};

/// "lxc/pve-config-101.lock" or "qemu-server/lock-200.conf".
[[nodiscard]] std::filesystem::path config_lock_name(guest_id guest);

}  // namespace steward::guard
