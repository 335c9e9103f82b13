#pragma once
#include "core/failover/plan.hpp"

namespace steward::failover {

/// What in a guest's configuration ties it to its node (a bind mount, a passed-through device); nothing: it can be
/// brought elsewhere. Of `seen` only the guest and its configuration count, and that has to be there.
[[nodiscard]] std::optional<refusal> tied_to_its_node(const facts& seen);

}  // namespace steward::failover
