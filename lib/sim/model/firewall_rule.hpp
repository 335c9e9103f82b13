#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace steward::sim {

class firewall_file;

/// Whose rules: what they may say differs (pve-facts H.4).
enum class firewall_scope { cluster, group, node, ct, vm, vnet };

/// One rule; its parts under the names of the API: type, action, macro, enable ("0", "1"), iface, source, dest, proto,
/// dport, sport, log, icmp-type, comment, and the ipversion that follows from them.
class firewall_rule {
  public:
    std::map<std::string, std::string> values;
    std::map<std::string, std::string> errors;  ///< by part: what is wrong with a rule that is in the file all the same

    [[nodiscard]] std::string get(const std::string& part) const;  ///< "" when missing
    /// "|IN SSH(ACCEPT) -source 10.0.0.0/8 # comment", as PVE writes it; groups and networks have no -i.
    [[nodiscard]] std::string text(bool with_interface) const;
    /// Nothing when PVE cannot read the line either.
    static std::optional<firewall_rule> parse(std::string_view line);
};

/// Where the names in a rule are looked up; either may be missing.
class firewall_names {
  public:
    const firewall_file* cluster = nullptr;
    const firewall_file* own = nullptr;
};

class firewall_problem {
  public:
    std::string part;  ///< "source"; empty: the rule as a whole cannot be understood
    std::string text;
};

/// Everything that PVE finds wrong with a rule, in its order and words; sets the spelling of the macro and ipversion.
[[nodiscard]] std::vector<firewall_problem> check_rule(firewall_rule& rule, firewall_scope scope,
                                                       const firewall_names& names);

}  // namespace steward::sim
