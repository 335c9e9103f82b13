#pragma once
#include "config/key_record.hpp"
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

/// A file of the configuration as it was read.
class source_text {
  public:
    source_text(std::string file, std::string all) : name(std::move(file)), text(std::move(all)) {}
    std::string name;
    std::string text;
};

struct loaded {
    settings values;                   ///< meaningful only without diagnostics; of several clusters the first
    std::vector<settings> clusters;    ///< each with everything that holds for it; one with the key `cluster`
    std::vector<diagnostic> problems;  ///< all of them, file by file in their order
    std::vector<source_text> sources;  ///< what load_file read: the main file first, then what it includes
};

/// Reads YAML text; `file` is for messages. Never throws, whatever the bytes are; text above 1 MiB is refused.
[[nodiscard]] loaded parse(std::string_view text, const std::string& file);

/// The same for several: the main file, then those that it includes.
[[nodiscard]] loaded parse(const std::vector<source_text>& sources);

/// Every key that the loader asks these files for, with what holds: given, inherited or by default.
[[nodiscard]] std::vector<key_record> keys_of(const std::vector<source_text>& sources);

/// The same for a file and those that its `include` names, plus what only the file system can tell: secret files exist
/// and have a safe mode, CA files exist.
[[nodiscard]] loaded load_file(const std::string& path);

}  // namespace steward::config
