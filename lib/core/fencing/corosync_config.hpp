#pragma once
#include "core/fencing/self_fence.hpp"

#include <optional>
#include <string_view>

namespace steward::fencing {

/// What corosync.conf(5) says of the membership. Not a single node in it: the configuration is not understood.
[[nodiscard]] membership parse_corosync(std::string_view text);

/// How many nodes are online as pmxcfs' `.members` has it (pve-facts E.2); nothing when it does not say so, as on a
/// node that is alone.
[[nodiscard]] std::optional<int> online_nodes(std::string_view members);

/// Whether a node that can write although no majority is online owes that to a person (`pvecm expected`): the other
/// part may be quorate as well, so that nothing that is written here proves anything (reliability A1).
[[nodiscard]] bool is_forced(const membership& configured, std::optional<int> online);
/// The code of that.
inline constexpr const char* expected_votes_overridden = "expected_votes_overridden";

}  // namespace steward::fencing
