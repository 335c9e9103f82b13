#pragma once
#include "core/health/health.hpp"
#include "core/lease/node_lease.hpp"

#include <string>
#include <vector>

/// What the observers together think of a guest (reliability §1.5, I6).
namespace steward::lease {

/// A lease older than this is no vote: its node is on its way out.
inline constexpr duration freshest_vote = std::chrono::seconds(45);

class opinion {
  public:
    health::summary all;
    /// The majority finds it down but its own node finds it up: the way there is broken, not the guest. Empty: no such
    /// thing.
    std::string path_problem;
};

/// `own` is what this daemon's checks say; `home` the guest's node; `digest` that of our configuration: whoever has
/// another one looks at something else. Down takes a strict majority of all nodes whose leases are fresh; an observer
/// that distrusts itself counts as one that has not said down.
[[nodiscard]] opinion opinion_of(guest_id guest, const health::summary& own, const node_name& self,
                                 const node_name& home, const std::vector<node_name>& nodes, const lease_watch& leases,
                                 const std::string& digest, time_point now);

/// Whether any other observer finds that guest up: a sign of life.
[[nodiscard]] bool is_seen_alive(guest_id guest, const node_name& self, const node_name& home,
                                 const std::vector<node_name>& nodes, const lease_watch& leases,
                                 const std::string& digest, time_point now);

}  // namespace steward::lease
