#pragma once
#include <string>
#include <vector>

namespace steward::cli {

/// `steward __complete WORDS…`, which the completion scripts call with the words after "steward", the last one still
/// being typed: one suggestion per line, never an error.
[[nodiscard]] int complete_main(const std::vector<std::string>& words);

}  // namespace steward::cli
