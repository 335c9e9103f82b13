#pragma once
#include "config/settings.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace steward::config {

/// One complaint with its place; line and column count from 1, 0 when unknown.
struct diagnostic {
    std::string file;
    int line = 0;
    int column = 0;
    std::string text;  ///< "guests.ct/101.checks[0].interval: \"5x\" is not a duration (try 5s)"
};
/// "steward.yaml:12:7: …"
[[nodiscard]] std::string to_string(const diagnostic& d);

struct loaded {
    settings values;                   ///< meaningful only without diagnostics; of several clusters the first
    std::vector<settings> clusters;    ///< each with everything that holds for it; one with the key `cluster`
    std::vector<diagnostic> problems;  ///< all of them, in file order
};

/// Reads YAML text; `file` is for messages. Never throws, whatever the bytes are; text above 1 MiB is refused.
[[nodiscard]] loaded parse(std::string_view text, const std::string& file);

/// The same for a file, plus what only the file system can tell: secret files exist and have a safe mode, CA files
/// exist.
[[nodiscard]] loaded load_file(const std::string& path);

}  // namespace steward::config
