#pragma once
#include <string>

namespace steward {

/// As Proxmox VE names a node: the host name up to its first dot. Empty when the system does not tell.
[[nodiscard]] std::string host_name();

}  // namespace steward
