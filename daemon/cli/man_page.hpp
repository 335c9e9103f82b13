#pragma once
#include "command.hpp"

#include <utility>

/// Manual pages, out of the table of commands.
namespace steward::cli {

/// steward(1) as roff.
[[nodiscard]] std::string man_page_of_all();
/// steward-backup-create(1) as roff.
[[nodiscard]] std::string man_page_of(const command& c);
/// File name and text of each page.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> all_man_pages();

}  // namespace steward::cli
