#pragma once
#include "base/ids.hpp"
#include "model/snapshot.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Where a guest can be probed, when a check says `guest`.
namespace steward::health {

/// Addresses that its configuration gives it: `net0: …,ip=192.0.2.31/24` of a container, `ipconfig0` of a VM. In order
/// of their numbers, IPv4 first; none that mean somebody else (link-local, loopback, multicast).
[[nodiscard]] std::vector<std::string> configured_addresses(guest_type type, const model::guest_config& config);

/// An address of one of its interfaces, as the guest itself says.
class seen_address {
  public:
    std::string interface;
    std::string address;  ///< without a prefix length
};
/// The first that can be probed from elsewhere, IPv4 before IPv6; nothing: there is none. What programs inside the
/// guest have set up for themselves (docker0, veth…) is none.
[[nodiscard]] std::optional<std::string> usable_address(const std::vector<seen_address>& all);

/// Whether a VM's configuration says that there is an agent in it: `agent: 1`, `agent: enabled=1,…`.
[[nodiscard]] bool has_agent(const model::guest_config& config);

}  // namespace steward::health
