#pragma once
#include "core/failover/plan.hpp"

namespace steward::failover {

/// Where a guest can be migrated before its node goes down: to the node that would take it over, with room for the
/// disks that have to be copied. Reads no backups and claims nothing. Codes of a refusal beside those of `make_plan`:
/// `not_leaving` (it is not, or no longer, on a node that goes down), `not_running`.
[[nodiscard]] std::variant<plan, refusal> make_move(const facts& seen, policy rules);

}  // namespace steward::failover
