#include "sim/model/membership.hpp"

#include <bit>

namespace steward::sim {

network::network(std::size_t nodes) : blocked_(nodes) {}

void network::set_link(std::size_t from, std::size_t to, bool open) {
    if (open)
        blocked_[from] &= ~only(to);
    else
        blocked_[from] |= only(to);
}

void network::mend_all() {
    for (node_set& to : blocked_) to = 0;
}

bool network::is_open(std::size_t a, std::size_t b) const { return !holds(blocked_[a], b) && !holds(blocked_[b], a); }

node_set network::heard_both_ways(std::size_t node) const {
    node_set heard = 0;
    for (std::size_t other = 0; other < blocked_.size(); ++other)
        if (is_open(node, other)) heard |= only(other);
    return heard;
}

/// Grows a group from each node in turn by the lowest node that everybody in it hears. Not always the largest clique
/// there is, but the same one for everybody, which is what an agreement needs.
node_set network::largest_group(node_set among) const {
    node_set best = 0;
    for (std::size_t seed = 0; seed < blocked_.size(); ++seed) {
        if (!holds(among, seed)) continue;
        node_set group = only(seed);
        node_set candidates = among & heard_both_ways(seed) & ~group;
        while (candidates != 0) {
            const auto next = static_cast<std::size_t>(std::countr_zero(candidates));
            group |= only(next);
            candidates &= heard_both_ways(next) & ~group;
        }
        if (std::popcount(group) > std::popcount(best)) best = group;
    }
    return best;
}

node_set network::group_of(std::size_t of, node_set up) const {
    for (node_set left = up; holds(left, of);) {
        const node_set group = largest_group(left);
        if (holds(group, of)) return group;
        left &= ~group;
    }
    return 0;
}

}  // namespace steward::sim
