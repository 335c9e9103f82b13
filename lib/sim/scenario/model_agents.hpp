#pragma once
#include "runtime/time_source.hpp"
#include "services/leadership/fence_agents.hpp"
#include "sim/model/cluster.hpp"

#include <map>

namespace steward::sim {

/// The fence agents of a simulated cluster: one for each node, if there are any.
class model_agents final : public fence_agents {
  public:
    enum class mood { works, fails, lies };
    class behaviour {
      public:
        mood how = mood::works;
        duration delay{};
    };

    model_agents(cluster& model, time_source& time, const std::map<node_name, behaviour>& all)
        : model_(model), time_(time), all_(all) {}
    [[nodiscard]] bool knows(const node_name& node) const override { return all_.count(node) != 0; }
    [[nodiscard]] boost::asio::awaitable<result<void>> switch_off(node_name node) override;

  private:
    cluster& model_;
    time_source& time_;
    const std::map<node_name, behaviour>& all_;
};

}  // namespace steward::sim
