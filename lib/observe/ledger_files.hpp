#pragma once
#include "observe/ledger.hpp"

#include <filesystem>

/// The ledger's files, read. Everything here blocks: for a thread beside the event loop, or for the command line.
namespace steward::ledger_files {

/// One of them: "ledger-00000007.jsonl".
class file {
  public:
    std::uint64_t number = 0;
    std::filesystem::path path;
};
[[nodiscard]] std::string name_of(std::uint64_t number);
/// Oldest first. Other files are none of its business.
[[nodiscard]] result<std::vector<file>> list(const std::filesystem::path& directory);

/// Lines with their place. A last one without line end is torn.
class lines {
  public:
    std::vector<std::string_view> whole;  ///< into the text
    std::string_view torn;
};
[[nodiscard]] lines split(std::string_view text);

/// A file of ours is never larger than this, by far.
inline constexpr std::size_t largest = 64U << 20U;

/// The newest that fit, oldest first; what is no line of a ledger is skipped and counted. `not_found`: no directory.
[[nodiscard]] result<ledger_page> read(const std::filesystem::path& directory, const ledger_query& asked);
/// Follows the chain from the oldest file to the newest. `not_found`: there is none.
[[nodiscard]] result<ledger_check> verify(const std::filesystem::path& directory);

}  // namespace steward::ledger_files
