#pragma once
#include "sim/model/firewall_rule.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace steward::sim {

/// One line of a set: an address, a network, or the name of an alias with or without its "dc/" or "guest/".
class firewall_member {
  public:
    std::string cidr;
    std::string comment;
    bool is_exception = false;                  ///< "!" in the file, `nomatch` in the API
    std::map<std::string, std::string> errors;  ///< what is wrong with a line that was edited by hand
};

class firewall_set {
  public:
    std::string comment;
    std::vector<firewall_member> members;  ///< new ones first until the file is written: there they are sorted
};

class firewall_group {
  public:
    std::string comment;
    std::vector<firewall_rule> rules;
};

class firewall_alias {
  public:
    std::string name;  ///< keeps its case, unlike the key under which it is found
    std::string cidr;
    std::string comment;
    int ip_version = 0;  ///< 4 or 6, once it has been read from a file
};

/// A firewall file of pmxcfs as PVE's parser sees it: firewall/cluster.fw, firewall/<vmid>.fw, nodes/N/host.fw,
/// sdn/firewall/<vnet>.fw (pve-facts H.6). Keys of sets and groups are lower-case after reading, whatever they were
/// when they were made: a set "Foo" is "foo" from the next request on (pve-facts H.2).
class firewall_file {
  public:
    /// Lines that PVE cannot read are dropped, as it drops them. `cluster` is where names of a guest's or node's file
    /// are looked up as well; the cluster's own file has none.
    static firewall_file parse(std::string_view text, firewall_scope scope, const firewall_file* cluster = nullptr);
    /// As PVE writes it, sorted; "" when there is nothing to keep: then there is no file.
    [[nodiscard]] std::string text() const;

    /// The alias of that name in any case; null when there is none.
    [[nodiscard]] const firewall_alias* alias(std::string_view name) const;

    std::map<std::string, std::string> options;
    std::map<std::string, firewall_alias> aliases;  ///< by lower-case name
    std::map<std::string, firewall_set> sets;
    std::vector<firewall_rule> rules;
    std::map<std::string, firewall_group> groups;  ///< only the cluster's file has any
};

/// "10.2.0.7/24" → "10.2.0.0/24", "10.3.0.1/32" → "10.3.0.1", "2001:DB8::/32" → "2001:db8::/32"; an IPv6 address
/// without a prefix stays as it was written (pve-facts H.2). Expects a valid address.
[[nodiscard]] std::string masked_cidr(std::string_view cidr);

/// The digest of a list: SHA-1 over "key:value\n" of every row, keys sorted (pve-facts H.5).
[[nodiscard]] std::string firewall_digest(const std::vector<std::map<std::string, std::string>>& rows);

/// What Perl takes for true: neither "" nor "0". PVE asks comments that way.
[[nodiscard]] inline bool is_perl_true(std::string_view text) { return !text.empty() && text != "0"; }

}  // namespace steward::sim
