#pragma once
#include "command.hpp"

/// `--help`, out of the table of commands.
namespace steward::cli {

/// All commands by topic, and what is the same for all of them.
[[nodiscard]] std::string help_of_all();
/// "backup" → its commands; the word must name a group.
[[nodiscard]] std::string help_of_group(std::string_view first);
[[nodiscard]] std::string help_of(const command& c);

/// What GUEST, GUESTS and OBJECT mean, a paragraph each.
[[nodiscard]] std::vector<std::string_view> about_words();

}  // namespace steward::cli
