#pragma once
#include "core/failover/forecast.hpp"
#include "pve/client.hpp"

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

/// A forecast for a whole cluster from what a token can read; nothing is changed, and neither a daemon nor a guard is
/// needed.
namespace steward::failover {

/// What the configuration says of one guest.
class guest_rules {
  public:
    policy rules;
    int priority = 100;
    bool is_managed = false;
};

class survey_wish {
  public:
    std::function<guest_rules(const model::guest_row&)> rules_of;
    std::optional<node_name> node_down;  ///< only that node's guests
    std::optional<guest_id> guest;       ///< only that one, but in the queue of its node
};

class survey {
  public:
    model::cluster_view view;
    std::vector<forecast> guests;       ///< by node, there in the order in which they are brought back
    bool has_measured = false;          ///< some restore was seen, so that times are known
    std::vector<std::string> problems;  ///< what could not be read
};

/// Reads the cluster and tells of each guest what would become of it if its node died now, together with all others of
/// that node. Errors: those of pve::client::look.
[[nodiscard]] boost::asio::awaitable<result<survey>> survey_cluster(pve::client& pve, survey_wish asked);

}  // namespace steward::failover
