#pragma once
#include "base/daemon_words.hpp"
#include "base/result.hpp"
#include "cluster/cluster_store.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace steward {

/// The leader's lock as it stands in pmxcfs.
class lock_sight {
  public:
    bool is_held = false;
    std::string stamp;  ///< differs after every renewal; means nothing else
};

/// Everything that a daemon looks at every few seconds. Reading proves nothing about quorum (reliability P2).
class lease_sight {
  public:
    std::vector<stored_record> leases;  ///< of all nodes
    std::uint64_t highest_epoch = 0;
    lock_sight lock;
};

/// What the daemons of a cluster agree on through pmxcfs: node leases, the leader's lock and epochs (reliability §1.4).
/// A single instance has none. Errors: no_quorum, outcome_unknown, unavailable (no guard), io.
class lease_store {
  public:
    virtual ~lease_store() = default;

    /// Goes into every renewal from now on, until the daemon has been silent for half a minute. The answer is what the
    /// guard says about itself: `key=value` lines (fencing::describe).
    [[nodiscard]] virtual boost::asio::awaitable<result<std::string>> say(daemon_words words) = 0;
    [[nodiscard]] virtual boost::asio::awaitable<result<lease_sight>> look() = 0;

    /// `exists` when somebody has it. `ask_expiry`: lets the cluster judge the present holder's age first (L3).
    [[nodiscard]] virtual boost::asio::awaitable<result<void>> acquire_lock(bool ask_expiry) = 0;
    [[nodiscard]] virtual boost::asio::awaitable<result<void>> renew_lock() = 0;
    [[nodiscard]] virtual boost::asio::awaitable<result<void>> release_lock() = 0;
    /// True for whoever asks first.
    [[nodiscard]] virtual boost::asio::awaitable<result<bool>> claim_epoch(std::uint64_t epoch) = 0;

    /// A guest's configuration of a node that cannot be asked; nothing when it is not there.
    [[nodiscard]] virtual boost::asio::awaitable<result<std::optional<std::string>>> read_config(node_name node,
                                                                                                 guest_id guest) = 0;
    /// Writes down what a person said about a node.
    [[nodiscard]] virtual boost::asio::awaitable<result<void>> write_confirmation(node_name node, std::string text) = 0;
    /// What a person confirmed about a node: the record of that name, "" when there is none.
    [[nodiscard]] virtual boost::asio::awaitable<result<std::string>> read_confirmation(node_name node) = 0;
};

}  // namespace steward
