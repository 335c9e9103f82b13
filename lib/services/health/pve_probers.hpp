#pragma once
#include "base/ids.hpp"
#include "config/settings.hpp"
#include "core/health/excuse.hpp"
#include "net/probe.hpp"
#include "pve/client.hpp"

#include <functional>
#include <memory>

namespace steward {

/// Whom a check asks that looks at a guest through Proxmox VE. All of it outlives the checks.
class pve_sources {
  public:
    explicit pve_sources(pve::client& c) : api(c) {}
    pve::client& api;
    /// What PVE last said of the guest.
    std::function<health::circumstances(guest_id)> around;
    /// The guest's node, as last seen; empty: not known.
    std::function<node_name(guest_id)> home_of;
};

/// `pve: running`: stopped, or a VM that hangs on an I/O error, is unhealthy. Locked, away or not seen lately: unknown.
[[nodiscard]] std::unique_ptr<net::prober> make_state_prober(pve_sources& from, guest_id guest, duration limit);

/// `agent: ping`: an agent that the VM's configuration says it has, and that does not answer, is unhealthy. What keeps
/// us from asking is unknown. It is asked for its version, not by PVE's `ping`: that is a POST, which observe mode and
/// daemons that do not lead never send.
[[nodiscard]] std::unique_ptr<net::prober> make_agent_prober(pve_sources& from, guest_id guest, duration limit);

/// A check whose target is `guest`: `make` makes it for the address that the guest has. That is read from its
/// configuration, else from its interfaces; again when it has moved or was restarted, when the check fails, and after
/// ten minutes. Without any the answer is unknown, with the reason.
[[nodiscard]] std::unique_ptr<net::prober> make_addressed_prober(
    pve_sources& from, guest_id guest, config::check spec,
    std::function<std::unique_ptr<net::prober>(const config::check&)> make);

/// Whether that check is made at the guest's own address.
[[nodiscard]] inline bool is_at_guest(const config::check& c) { return c.host == "guest"; }

}  // namespace steward
