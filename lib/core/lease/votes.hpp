#pragma once
#include "core/health/health.hpp"
#include "core/lease/node_lease.hpp"

#include <optional>
#include <set>
#include <string>
#include <vector>

/// What the observers together think of a guest (reliability §1.5, I6).
namespace steward::lease {

/// A lease older than this is no vote: its node is on its way out.
inline constexpr duration freshest_vote = std::chrono::seconds(45);

/// Who could have something to say, as one of them sees it.
class observers {
  public:
    observers(node_name own, const std::vector<node_name>& all, const lease_watch& seen, std::string config)
        : self(std::move(own)), nodes(all), leases(seen), digest(std::move(config)) {}
    node_name self;
    const std::vector<node_name>& nodes;  ///< of the cluster
    const lease_watch& leases;
    std::string digest;        ///< of our configuration: whoever has another one looks at something else
    std::set<node_name> gone;  ///< nodes that are out of the cluster
    /// The question with which the others were asked to look: what they thought before does not make the guest down.
    /// Nothing: they were not asked.
    std::optional<question> asked;
};

class opinion {
  public:
    health::summary all;
    /// The majority finds it down but its own node finds it up: the way there is broken, not the guest. Empty: no such
    /// thing.
    std::string path_problem;
    /// We find it down, and no majority does: who else looked, and what they say. Empty: no such thing.
    std::string alone;
    bool is_contradicted = false;  ///< … because some other one finds it up; otherwise nobody else can say
};

/// `own` is what this daemon's checks say; `home` the guest's node. Down takes a strict majority of all observers:
/// nodes that have ever had a lease and are in the cluster. One that is silent, that distrusts itself, or that has not
/// looked since it was asked counts as one that has not said down. Our own vote is never enough while any other node is
/// there.
[[nodiscard]] opinion opinion_of(guest_id guest, const health::summary& own, const node_name& home,
                                 const observers& who, time_point now);

/// Whether any other observer finds that guest up: a sign of life.
[[nodiscard]] bool is_seen_alive(guest_id guest, const node_name& home, const observers& who, time_point now);

}  // namespace steward::lease
