#pragma once
#include "net/probe.hpp"
#include "runtime/time_source.hpp"
#include "sim/model/cluster.hpp"

namespace steward::sim {

/// A check of a guest's service in the model: healthy while a running instance answers; refused (unhealthy at once)
/// when its service is dead or nothing runs; no answer (unhealthy at the timeout) when the node or its guest network is
/// off. An instance anywhere counts, because the address moves with the guest.
class guest_prober final : public net::prober {
  public:
    guest_prober(cluster& model, time_source& time, guest_id guest, duration timeout = std::chrono::seconds(3));
    [[nodiscard]] boost::asio::awaitable<probe_result> run() override;

    duration latency = std::chrono::milliseconds(3);

  private:
    cluster& model_;
    time_source& time_;
    guest_id guest_;
    duration timeout_;
};

}  // namespace steward::sim
