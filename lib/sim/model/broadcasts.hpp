#pragma once
#include "base/ids.hpp"
#include "base/time.hpp"
#include "sim/model/membership.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

namespace steward::sim {

/// What one pvestatd told about one vmid.
class guest_report {
  public:
    bool running = false;
    bool paused = false;
    time_point started{};
};

/// One round of one node's pvestatd.
class node_report {
  public:
    time_point at{};
    std::uint64_t used_memory = 0;
    std::unordered_map<std::uint32_t, guest_report> guests;  ///< by vmid
};

/// What each node has heard from each node's pvestatd, for as long as pmxcfs keeps it (300 s, pve-facts D.2). Guests
/// are known by vmid only: what was said of a vmid follows its configuration to another node.
class broadcasts {
  public:
    explicit broadcasts(std::size_t nodes) : heard_(nodes, row(nodes)) {}

    void deliver(std::size_t sender, node_set to, std::shared_ptr<const node_report> report);
    /// A node that boots knows nothing.
    void forget_all(std::size_t receiver);

    /// Fresh ones only; null when nothing was heard for 300 s.
    [[nodiscard]] const node_report* of_node(std::size_t receiver, std::size_t about, time_point now) const;
    /// The report, and when it was made; null likewise. `home` is where the configuration is.
    [[nodiscard]] std::pair<const guest_report*, time_point> of_guest(std::size_t receiver, std::size_t home, vmid id,
                                                                      time_point now) const;

  private:
    using row = std::vector<std::shared_ptr<const node_report>>;
    std::vector<row> heard_;  // [receiver][sender]
};

}  // namespace steward::sim
