#pragma once
#include "base/time.hpp"

#include <boost/asio/awaitable.hpp>

namespace steward {

/// The only way to learn the time or to wait. `os_time` is the machine's; `sim_time` is virtual.
class time_source {
  public:
    virtual ~time_source() = default;
    [[nodiscard]] virtual time_point now() const = 0;
    /// Calendar time, for records and ages.
    [[nodiscard]] virtual wall_time wall_now() const = 0;
    /// Returns at `when`, or leaves with operation_aborted when the task is cancelled.
    [[nodiscard]] virtual boost::asio::awaitable<void> sleep_until(time_point when) = 0;

    [[nodiscard]] boost::asio::awaitable<void> sleep_for(duration how_long) { return sleep_until(now() + how_long); }
};

/// CLOCK_BOOTTIME, which runs on in a suspend and cannot be set (reliability E6), and CLOCK_REALTIME.
class os_time final : public time_source {
  public:
    [[nodiscard]] time_point now() const override;
    [[nodiscard]] wall_time wall_now() const override;
    [[nodiscard]] boost::asio::awaitable<void> sleep_until(time_point when) override;
};

/// Another time source running `factor` times as fast: the simulator's `--speed`.
class scaled_time final : public time_source {
  public:
    scaled_time(time_source& inner, double factor);
    [[nodiscard]] time_point now() const override;
    [[nodiscard]] wall_time wall_now() const override;
    [[nodiscard]] boost::asio::awaitable<void> sleep_until(time_point when) override;

  private:
    time_source& inner_;
    double factor_;
    time_point start_;
    wall_time wall_start_;
};

}  // namespace steward
