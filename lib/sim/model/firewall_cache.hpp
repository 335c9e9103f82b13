#pragma once
#include "sim/model/file_tree.hpp"
#include "sim/model/firewall_file.hpp"

#include <map>
#include <memory>
#include <string>
#include <utility>

namespace steward::sim {

/// Firewall files that have been parsed, each with the text that it came from: a file that changed under our feet is
/// read again. A thousand sets are many lines to read for every call.
class firewall_cache {
  public:
    /// An empty file when there is none. `cluster` is what the same cache gave for the cluster's file, or null.
    std::shared_ptr<const firewall_file> read(const file_tree& tree, const std::string& path, firewall_scope scope,
                                              const std::shared_ptr<const firewall_file>& cluster = nullptr);

  private:
    class entry {
      public:
        std::string text;
        std::shared_ptr<const firewall_file> cluster;  ///< whose names the rules were checked against
        std::shared_ptr<const firewall_file> parsed;
    };
    std::map<std::pair<std::string, firewall_scope>, entry> entries_;
};

}  // namespace steward::sim
