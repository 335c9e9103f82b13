#pragma once
#include <map>
#include <string>
#include <vector>

namespace steward::cli {

/// "steward plan ct/101 --to n2 --force": words in order, options by name. `--name=value` and `--name value` both work;
/// an option that may be repeated (--endpoint, --fingerprint) holds its values with commas between.
struct arguments {
    std::vector<std::string> words;
    std::map<std::string, std::string> options;  ///< without dashes; flags have the value "yes"
    std::string problem;                         ///< not empty: what is wrong with the call

    [[nodiscard]] bool has(const std::string& name) const { return options.contains(name); }
    [[nodiscard]] std::string option(const std::string& name, const std::string& otherwise) const;
};

[[nodiscard]] arguments read_arguments(const std::vector<std::string>& raw);

/// A command line whose last word is still being typed.
class unfinished_arguments {
  public:
    arguments before;     ///< what stands before that word
    std::string option;   ///< whose value the word is, without dashes; empty: it is none
    std::string partial;  ///< what is there of it
};

[[nodiscard]] unfinished_arguments read_unfinished(std::vector<std::string> raw);

}  // namespace steward::cli
