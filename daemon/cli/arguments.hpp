#pragma once
#include "command.hpp"

#include <map>
#include <string>
#include <vector>

namespace steward::cli {

/// "steward plan ct/101 --to n2 --force": words in order, options by name. `--name=value` and `--name value` both work;
/// an option that may be repeated (--endpoint, --fingerprint) holds its values with commas between; what stands behind
/// a lone "--" are words.
struct arguments {
    const command* what = nullptr;               ///< null: none is named, or there is no such command
    std::vector<std::string> words;              ///< the command's own words first
    std::map<std::string, std::string> options;  ///< without dashes; flags have the value "yes"
    std::string problem;                         ///< not empty: what is wrong with the call, and what to do

    [[nodiscard]] bool has(const std::string& name) const { return options.contains(name); }
    [[nodiscard]] std::string option(const std::string& name, const std::string& otherwise) const;
};

/// Reads a call by the table of commands: options that its command lacks, values that are none of the choices, too few
/// or too many words are problems.
[[nodiscard]] arguments read_arguments(const std::vector<std::string>& raw);

/// A command line whose last word is still being typed.
class unfinished_arguments {
  public:
    arguments before;     ///< what stands before that word; its `problem` means nothing
    std::string option;   ///< whose value the word is, without dashes; empty: it is none
    std::string partial;  ///< what is there of it
};

[[nodiscard]] unfinished_arguments read_unfinished(std::vector<std::string> raw);

}  // namespace steward::cli
