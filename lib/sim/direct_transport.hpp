#pragma once
#include "pve/detours.hpp"
#include "pve/transport.hpp"
#include "runtime/time_source.hpp"
#include "sim/connection_names.hpp"
#include "sim/model/cluster.hpp"

#include <optional>

namespace steward::sim {

/// The API of the model without sockets, in the time of `time`. Endpoints are tried in order while requests are not
/// delivered, like the real transport. Errors: not_delivered (no endpoint answers), outcome_unknown (executed, or
/// perhaps, and no answer before the deadline).
class direct_transport final : public pve::transport {
  public:
    /// `token` is "user@realm!id=secret"; no endpoints means all nodes.
    direct_transport(cluster& model, time_source& time, std::string token, std::vector<node_name> endpoints = {});
    [[nodiscard]] boost::asio::awaitable<result<pve::reply>> send(pve::request call, time_point deadline) override;

    duration latency = std::chrono::milliseconds(4);   ///< there and back
    duration connect_limit = std::chrono::seconds(1);  ///< spent on a node that is off
    std::optional<node_name> origin;  ///< where the client is; nothing: outside, with a way to every node
    connection_names names;           ///< what a new connection asks for its endpoint's address

  private:
    [[nodiscard]] boost::asio::awaitable<result<pve::reply>> ask(node_name node, pve::request call,
                                                                 time_point deadline);

    cluster& model_;
    time_source& time_;
    std::string token_;
    std::vector<node_name> endpoints_;
    std::vector<std::size_t> order_;  ///< 0, 1, …
    pve::detours ways_;
};

/// The token of make_options as a transport wants it.
[[nodiscard]] std::string failover_token();

}  // namespace steward::sim
