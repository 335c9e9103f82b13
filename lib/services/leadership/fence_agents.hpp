#pragma once
#include "base/ids.hpp"
#include "base/result.hpp"
#include "config/settings.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/awaitable.hpp>

#include <map>

namespace steward {

/// Switches nodes off from outside.
class fence_agents {
  public:
    virtual ~fence_agents() = default;
    /// Whether it can be tried at all for that node.
    [[nodiscard]] virtual bool knows(const node_name& node) const = 0;
    /// Off, and verified to be off, when it returns ok. Repeating it is fine. Errors: task_failed, timed_out, …
    [[nodiscard]] virtual boost::asio::awaitable<result<void>> switch_off(node_name node) = 0;
};

/// Runs the fence agents of the configuration: `-o off`, then `-o status`, whose exit status 2 means off (ClusterLabs'
/// FenceAgentAPI). An agent that says "off" and whose status does not agree has failed.
class exec_fence_agents final : public fence_agents {
  public:
    explicit exec_fence_agents(time_source& time) : time_(time) {}
    void use(std::map<node_name, config::fence_agent> agents) { agents_ = std::move(agents); }
    [[nodiscard]] bool knows(const node_name& node) const override { return agents_.count(node) != 0; }
    [[nodiscard]] boost::asio::awaitable<result<void>> switch_off(node_name node) override;

  private:
    time_source& time_;
    std::map<node_name, config::fence_agent> agents_;
};

}  // namespace steward
