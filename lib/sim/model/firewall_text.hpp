#pragma once
#include "sim/model/firewall_file.hpp"
#include "sim/model/text.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

/// The words of firewall files, shared by those who read them. Private to lib/sim.
namespace steward::sim {

[[nodiscard]] std::string lower(std::string_view text);
/// "10.0.0.0/8 # ten" → {"10.0.0.0/8", "ten"}; the comment begins at the first '#'.
[[nodiscard]] std::pair<std::string_view, std::string> split_comment(std::string_view line);

/// A name of a set, group or alias: a letter, then one or more of letters, digits, '-' and '_'.
[[nodiscard]] bool is_firewall_name(std::string_view text);
/// An IPv4 or IPv6 address, with a prefix or without.
[[nodiscard]] bool is_address(std::string_view text);
/// Without a "/32" or "/128" that says no more than the address.
[[nodiscard]] std::string without_full_prefix(std::string_view cidr);
[[nodiscard]] bool has_zero_prefix(std::string_view cidr);

/// "dc/gw" → {"dc", "gw"}, "gw" → {"", "gw"}; nothing for what is no name of an alias.
[[nodiscard]] std::optional<std::pair<std::string, std::string>> split_alias(std::string_view text);
/// A guest's own alias comes before the cluster's of the same name (pve-facts H.2).
[[nodiscard]] const firewall_alias* find_alias(const firewall_names& names,
                                               const std::pair<std::string, std::string>& name);

}  // namespace steward::sim
