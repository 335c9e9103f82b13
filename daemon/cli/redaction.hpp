#pragma once
#include "config/load.hpp"
#include "pve/credential_files.hpp"

#include <set>
#include <string>

namespace steward::cli {

/// Takes secrets out of texts that leave this machine.
class redaction {
  public:
    /// The content of every secret file that the configuration, or the command line, names.
    void learn(const std::vector<config::source_text>& sources);
    void learn(const pve::credential_files& files);
    /// `text` with "(redacted)" for each of them, and for whatever stands where tickets, tokens and passwords do.
    [[nodiscard]] std::string applied(std::string text) const;

  private:
    void learn_query(const std::string& query);
    void learn_file(const std::string& file);
    void learn_word(std::string word);
    std::set<std::string> secrets_;
};

}  // namespace steward::cli
