#pragma once
#include "runtime/sim_time.hpp"
#include "sim/model/cluster.hpp"

namespace steward::sim {

/// Time as a process on one node has it: its clock runs on while the machine or the process stands still
/// (CLOCK_BOOTTIME), but nothing of it wakes up before that is over.
class node_time final : public time_source {
  public:
    node_time(sim_time& base, const cluster& model, node_name node)
        : base_(base), model_(model), node_(std::move(node)) {}

    [[nodiscard]] time_point now() const override { return base_.now(); }
    [[nodiscard]] wall_time wall_now() const override { return model_.wall_now(node_); }
    [[nodiscard]] boost::asio::awaitable<void> sleep_until(time_point when) override {
        return base_.sleep_until(when, stands_until);
    }

    time_point stands_until{};  ///< SIGSTOP, or the whole machine

  private:
    sim_time& base_;
    const cluster& model_;
    node_name node_;
};

}  // namespace steward::sim
