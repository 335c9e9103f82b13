#pragma once
#include "base/ids.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>

namespace steward::sim {

/// What a node keeps outside /etc/pve and answers about itself: a few files below /etc, and which services were
/// stopped.
class host_files {
  public:
    /// The content, or `fallback` when nobody has written it.
    [[nodiscard]] std::string read(const node_name& node, const std::string& path, const std::string& fallback) const;
    void write(const node_name& node, const std::string& path, const std::string& text);

    [[nodiscard]] bool is_stopped(const node_name& node, const std::string& service) const;
    void set_stopped(const node_name& node, const std::string& service, bool stopped);
    /// A boot starts every service.
    void boot(const node_name& node);

  private:
    std::map<std::pair<node_name, std::string>, std::string> files_;
    std::set<std::pair<node_name, std::string>> stopped_;
};

}  // namespace steward::sim
