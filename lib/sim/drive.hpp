#pragma once
#include "runtime/time_source.hpp"
#include "sim/model/cluster.hpp"

#include <boost/asio/awaitable.hpp>

#include <functional>

namespace steward::sim {

/// Lets the model follow a time source until cancelled: sleeps to the next event, or until something nearer is planned.
/// Takes `cluster::on_change` for itself. One driver per cluster.
[[nodiscard]] boost::asio::awaitable<void> drive(time_source& time, cluster& model);

/// The same; `after_step` is called whenever the model may have changed.
[[nodiscard]] boost::asio::awaitable<void> drive(time_source& time, cluster& model, std::function<void()> after_step);

}  // namespace steward::sim
