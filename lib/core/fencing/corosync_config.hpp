#pragma once
#include "core/fencing/self_fence.hpp"

#include <string_view>

namespace steward::fencing {

/// What corosync.conf(5) says of the membership. Not a single node in it: the configuration is not understood.
[[nodiscard]] membership parse_corosync(std::string_view text);

}  // namespace steward::fencing
