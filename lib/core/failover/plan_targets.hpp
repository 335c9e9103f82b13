#pragma once
#include "core/failover/plan.hpp"

#include <string>
#include <vector>

/// Where a guest could be brought: of plan.cpp.
namespace steward::failover {

/// The storage that new volumes go to: the configured one, else that of the first disk.
[[nodiscard]] storage_id restore_storage(const facts& seen, const policy& rules);
/// Nodes in order of preference: as configured, then by the memory that they have to spare.
[[nodiscard]] std::vector<node_name> candidates(const facts& seen, const policy& rules, const wish& asked);
/// Why nothing of that guest can be brought to a node; empty when something can.
[[nodiscard]] std::string node_fault(const facts& seen, const policy& rules, const node_name& target);
/// Whether all disks lie on storages that PVE calls shared and that the target has.
[[nodiscard]] bool is_shared_with(const facts& seen, const node_name& target);
/// Why a node cannot take the restored guest; empty when it can.
[[nodiscard]] std::string restore_fault(const facts& seen, const policy& rules, const node_name& target,
                                        const model::backup& archive);

}  // namespace steward::failover
