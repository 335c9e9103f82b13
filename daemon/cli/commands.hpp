#pragma once
#include "command.hpp"

namespace steward::cli {

/// All commands, in the order in which people are shown them. A new one is an entry in one of the parts below, with the
/// function that carries it out.
[[nodiscard]] const std::vector<command>& all_commands();

[[nodiscard]] std::vector<command> guest_commands();
[[nodiscard]] std::vector<command> cluster_commands();
[[nodiscard]] std::vector<command> backup_commands();
[[nodiscard]] std::vector<command> api_commands();
[[nodiscard]] std::vector<command> setup_commands();

/// "backup", "create" → that command; "status", "" → that one; "parked", "" → the group's default. Null when there is
/// none.
[[nodiscard]] const command* find_command(std::string_view first, std::string_view second);
/// The commands "backup …"; empty when the word names no group.
[[nodiscard]] std::vector<const command*> group(std::string_view first);
/// Some command's option of that name: whether it takes a value is the same for all of them.
[[nodiscard]] const option* find_any_option(std::string_view name);
/// The one of `known` that somebody who wrote `word` may have meant; empty when none is near.
[[nodiscard]] std::string closest(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace steward::cli
