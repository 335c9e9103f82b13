#pragma once
#include "cluster/cluster_store.hpp"
#include "core/failover/plan.hpp"
#include "pve/client.hpp"

#include <boost/asio/awaitable.hpp>

#include <string>

namespace steward {
class leadership;
}

namespace steward::failover {

/// Reads what decides whether a guest may be touched at all: cluster, status, configuration, who stopped it.
/// A guest whose node is gone is looked at through `lead`, if there is one: what is known about the node, and the
/// configuration as pmxcfs has it. `own_user` is our name in UPIDs ("user@realm!token"). Never fails: what could not be
/// read is missing and noted.
[[nodiscard]] boost::asio::awaitable<facts> gather_guest(pve::client& pve, guest_id guest, std::string own_user,
                                                         leadership* lead, bool accepts_weak_fence);

/// The same plus everything a plan needs: backups and what is inside them, privileges, the guard. Only reads.
[[nodiscard]] boost::asio::awaitable<facts> gather_facts(pve::client& pve, cluster_store& store, guest_id guest,
                                                         policy rules, std::string own_user, leadership* lead);

/// The same, were its node to die this moment: nobody can be asked there, and its guard keeps its last promise.
[[nodiscard]] boost::asio::awaitable<facts> gather_facts_as_if_dead(pve::client& pve, cluster_store& store,
                                                                    guest_id guest, policy rules, std::string own_user,
                                                                    leadership* lead);

}  // namespace steward::failover
