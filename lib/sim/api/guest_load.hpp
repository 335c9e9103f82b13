#pragma once
#include "base/ids.hpp"
#include "sim/model/config_files.hpp"

#include <cstdint>
#include <string>

namespace steward::sim::api {

/// What a guest has and takes, as its node's own lists and, through pvestatd, /cluster/resources tell it.
class guest_load {
  public:
    guest_load(guest_id guest, const guest_config& config, bool is_running);

    std::string name;  ///< by its number when the configuration has none
    std::uint64_t processors = 0;
    std::uint64_t memory_bytes = 0;
    std::uint64_t used_memory_bytes = 0;
    std::uint64_t disk_bytes = 0;       ///< of the root or boot disk (recorded: ct, vm)
    std::uint64_t used_disk_bytes = 0;  ///< of a running container
    std::string boot_disk;              ///< "scsi0"; "" without one and for a container
};

/// A number in a configuration, or what PVE takes when there is none.
[[nodiscard]] std::uint64_t number_of(const guest_config& config, const char* key, std::uint64_t fallback);

}  // namespace steward::sim::api
