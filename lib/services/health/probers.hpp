#pragma once
#include "config/settings.hpp"
#include "net/probe.hpp"

#include <functional>
#include <memory>

namespace steward {

/// Seam between a configured check and the thing that runs it: sockets in production, the model in simulations.
using prober_factory = std::function<std::unique_ptr<net::prober>(guest_id guest, const config::check& check)>;

/// A check as something that can be run, with real sockets and programs. `manners.rules` outlives it.
[[nodiscard]] std::unique_ptr<net::prober> prober_of(const config::check& check, net::probe_manners manners,
                                                     time_source& time, net::resolver& names);

/// Probers that use real sockets. `rules` outlives them, and may change while they run.
[[nodiscard]] prober_factory socket_probers(time_source& time, net::resolver& names, const target_rules& rules);

}  // namespace steward
