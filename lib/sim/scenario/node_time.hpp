#pragma once
#include "runtime/time_source.hpp"
#include "sim/model/cluster.hpp"

namespace steward::sim {

/// Time as a process on one node has it: its clock runs on while the machine or the process stands still
/// (CLOCK_BOOTTIME), but nothing of it wakes up before that is over.
class node_time final : public time_source {
  public:
    node_time(time_source& base, const cluster& model, node_name node)
        : base_(base), model_(model), node_(std::move(node)) {}

    [[nodiscard]] time_point now() const override { return base_.now(); }
    [[nodiscard]] wall_time wall_now() const override { return model_.wall_now(node_); }
    [[nodiscard]] boost::asio::awaitable<void> sleep_until(time_point when) override {
        co_await base_.sleep_until(when);
        while (base_.now() < stands_until) {
            // Until somebody says SIGCONT: that is looked for once a second.
            const time_point next = stands_until - base_.now() > for_good ? base_.now() + second : stands_until;
            co_await base_.sleep_until(next);
        }
    }

    time_point stands_until{};  ///< SIGSTOP, or the whole machine

  private:
    static constexpr duration for_good = std::chrono::hours(1000);
    static constexpr duration second = std::chrono::seconds(1);
    time_source& base_;
    const cluster& model_;
    node_name node_;
};

}  // namespace steward::sim
