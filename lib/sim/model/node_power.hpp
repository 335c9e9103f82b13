#pragma once
#include "base/ids.hpp"
#include "base/time.hpp"

#include <map>
#include <optional>

namespace steward::sim {

class cluster;

/// How a node goes down in an orderly way, and how it is woken (pve-facts D.6, D.7, D.9).
class node_power {
  public:
    explicit node_power(cluster& model) : model_(model) {}

    /// As `POST /nodes/N/status` asks: two seconds later running backups are told to end, then the guests are stopped
    /// in their order, then HA leaves, then the node is off; with `comes_back` it boots and starts its guests.
    /// `away` after the power went; without it that takes its boot time.
    void shut_down(const node_name& node, bool comes_back, std::optional<duration> away = std::nullopt);
    /// A magic packet for it: it is on after its boot time.
    void wake(const node_name& node);

  private:
    [[nodiscard]] bool is_up_since(const node_name& node, time_point booted) const;
    void stop_guests(const node_name& node, bool comes_back);

    cluster& model_;
    std::map<node_name, time_point> going_down_;  // since which boot it was up
    std::map<node_name, duration> away_;          // of nodes that come back later than after a boot
};

}  // namespace steward::sim
