#pragma once
#include "config/settings.hpp"
#include "net/probe.hpp"

#include <functional>
#include <memory>

namespace steward {

/// Seam between a configured check and the thing that runs it: sockets in production, the model in simulations.
using prober_factory = std::function<std::unique_ptr<net::prober>(guest_id guest, const config::check& check)>;

/// Probers that use real sockets.
[[nodiscard]] prober_factory socket_probers(time_source& time, net::resolver& names);

}  // namespace steward
