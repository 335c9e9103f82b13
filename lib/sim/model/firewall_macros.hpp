#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace steward::sim {

/// One of the rules that a macro stands for.
class firewall_service {
  public:
    std::string protocol;
    std::string destination_port;  ///< empty: any; for ICMP the type
    std::string source_port;
};

class firewall_macro {
  public:
    std::string name;
    std::string description;
    std::vector<firewall_service> services;
    std::vector<firewall_service> services6;  ///< instead of those, for IPv6
    bool is_ipv6_only = false;
};

/// The macros of PVE 8.4, by name; what they open is public knowledge, the descriptions are ours.
[[nodiscard]] const std::vector<firewall_macro>& firewall_macros();

/// In any case of letters; null when there is none.
[[nodiscard]] const firewall_macro* find_firewall_macro(std::string_view name);

}  // namespace steward::sim
