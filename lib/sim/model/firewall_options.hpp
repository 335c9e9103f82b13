#pragma once
#include "base/time.hpp"
#include "sim/model/firewall_rule.hpp"

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace steward::sim {

/// A line of [OPTIONS], "policy_in: drop" → {"policy_in", "DROP"}; nothing when PVE would drop it.
[[nodiscard]] std::optional<std::pair<std::string, std::string>> read_firewall_option(firewall_scope scope,
                                                                                      std::string_view line);

/// The options that the API sets and deletes in that scope; a file may hold a few more.
[[nodiscard]] const std::set<std::string>& firewall_options(firewall_scope scope);

/// Whether the API gives it as a number.
[[nodiscard]] bool is_firewall_number(const std::string& option);

/// The cluster's `enable`: a value above 1 is the second at which a test began, which ends after a minute (pve-facts
/// H.4). Then it is "0".
[[nodiscard]] std::string enabled_at(const std::string& value, wall_time now);

}  // namespace steward::sim
