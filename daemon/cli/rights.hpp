#pragma once
#include "model/snapshot.hpp"
#include "pve/client.hpp"
#include "pve/credential_files.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

/// Which privileges Steward needs for what it was told to do, and how somebody grants them (README, "the least role").
namespace steward::cli {

/// What lacks on one ACL path.
class lacking_right {
  public:
    std::string path;  ///< "/vms/101"
    std::set<std::string> privileges;
    std::string used_for;   ///< "to see them", "failover"
    bool is_needed = true;  ///< false: works without, worse
};

/// A path, what is wanted there and for what.
class wanted_right {
  public:
    std::string path;
    std::set<std::string> privileges;
    std::string used_for;
    bool is_needed = true;
};

/// What of the wanted is not held, in the order of `wanted`.
[[nodiscard]] std::vector<lacking_right> lacking(const std::vector<wanted_right>& wanted, const pve::held_rights& held);

/// Whether any guest may be seen at all.
[[nodiscard]] bool sees_guests(const pve::held_rights& held);

/// The commands, for root on a node, after which these credentials have the role that the path calls for: "/",
/// "/vms…", "/storage/…" or "/sdn/…". A token gets it together with its user, which a separated token needs.
[[nodiscard]] std::string fix_lines(const pve::credential_files& who, const std::string& path, bool is_target = false);

}  // namespace steward::cli
