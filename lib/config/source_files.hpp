#pragma once
#include "config/load.hpp"

namespace steward::config {

/// What a main file and its `include` come to on disk.
class source_files {
  public:
    std::vector<source_text> sources;  ///< the main file, then the included ones by name
    std::vector<diagnostic> problems;  ///< a file that cannot be read, or too many of them
};

/// Reads the main file and what its `include` names. What is wrong inside is left to the loader; a main file that is no
/// YAML includes nothing.
[[nodiscard]] source_files read_source_files(const std::string& path);

/// Errors: invalid, when it can never name a file to include: "conf.d/*.yaml" is relative to the main file.
[[nodiscard]] result<void> check_pattern(const std::string& pattern);

}  // namespace steward::config
