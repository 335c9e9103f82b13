#pragma once
#include "base/ids.hpp"
#include "model/snapshot.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What a guest's configuration says of its disks.
namespace steward::failover {

struct disk {
    std::string key;
    std::string volume;       ///< "local-lvm:vm-101-disk-0", or a path for a bind mount
    std::uint64_t bytes = 0;  ///< 0: unknown
};

/// "rootfs: local:101/vm-101-disk-0.raw,size=8G", and bind mounts; no CD-ROMs.
[[nodiscard]] std::vector<disk> disks_of(guest_type type, const model::guest_config& config);
/// As far as it is known.
[[nodiscard]] std::uint64_t bytes_needed(guest_type type, const model::guest_config& config);
/// "8G" → 8 GiB; without a unit it is bytes.
[[nodiscard]] std::uint64_t size_in_bytes(std::string_view text);

}  // namespace steward::failover
