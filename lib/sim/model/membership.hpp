#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace steward::sim {

/// Nodes of the cluster by their position in options::nodes, as bits: the node with the lowest id is bit 0.
using node_set = std::uint32_t;
inline constexpr std::size_t most_nodes = 32;

[[nodiscard]] constexpr node_set only(std::size_t node) { return node_set{1} << node; }
[[nodiscard]] constexpr bool holds(node_set set, std::size_t node) { return (set >> node & 1U) != 0; }

/// Who can talk to whom, and which memberships corosync would agree on. Knows nothing of time: when an agreement is
/// reached is the cluster's business.
class network {
  public:
    explicit network(std::size_t nodes);

    /// Cuts or mends one direction; "part A>B" of SIM/1 cuts only that one.
    void set_link(std::size_t from, std::size_t to, bool open);
    void mend_all();
    [[nodiscard]] bool is_open_one_way(std::size_t from, std::size_t to) const { return !holds(blocked_[from], to); }
    /// Whether packets go both ways.
    [[nodiscard]] bool is_open(std::size_t a, std::size_t b) const;
    /// The nodes that `of` ends up in one membership with, when only `up` take part. Corosync needs everybody to hear
    /// everybody: a net with holes breaks into groups without holes, the largest first, of equal ones that with the
    /// lowest node.
    [[nodiscard]] node_set group_of(std::size_t of, node_set up) const;

  private:
    [[nodiscard]] node_set heard_both_ways(std::size_t node) const;
    [[nodiscard]] node_set largest_group(node_set among) const;

    std::vector<node_set> blocked_;  // [from] → to
};

}  // namespace steward::sim
