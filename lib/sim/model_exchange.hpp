#pragma once
#include "net/http.hpp"
#include "pve/exchange.hpp"
#include "runtime/time_source.hpp"
#include "sim/connection_names.hpp"
#include "sim/model/cluster.hpp"

#include <string>
#include <vector>

namespace steward::sim {

/// The nodes of the model as HTTP servers in virtual time: pve::https_transport over it is the client that runs in
/// production, with its log-in, its endpoints and its limits, and only without sockets.
class model_exchange final : public pve::http_exchange {
  public:
    /// From `origin`, which has to have a way to a node.
    model_exchange(cluster& model, time_source& time, node_name origin, std::vector<node_name> endpoints);
    [[nodiscard]] std::size_t size() const override { return endpoints_.size(); }
    [[nodiscard]] const std::string& label(std::size_t endpoint) const override { return endpoints_[endpoint].str(); }
    [[nodiscard]] boost::asio::awaitable<result<net::http_response>> send(std::size_t endpoint,
                                                                          net::http_request request,
                                                                          time_point connect_by,
                                                                          time_point deadline) override;
    /// Files are not moved in virtual time: `unsupported`.
    [[nodiscard]] boost::asio::awaitable<result<net::http_response>> stream(std::size_t endpoint,
                                                                            net::streamed_request request,
                                                                            time_point connect_by) override;

    duration latency = std::chrono::milliseconds(4);   ///< there and back
    duration connect_limit = std::chrono::seconds(1);  ///< spent on a node that is off
    connection_names names;                            ///< what a new connection asks for its endpoint's address

  private:
    [[nodiscard]] boost::asio::awaitable<result<void>> connect(std::size_t endpoint, time_point connect_by);

    cluster& model_;
    time_source& time_;
    node_name origin_;
    std::vector<node_name> endpoints_;
};

}  // namespace steward::sim
