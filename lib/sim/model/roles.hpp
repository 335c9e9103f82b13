#pragma once
#include "pve/schema/schema.hpp"

#include <map>
#include <set>
#include <string>

/// Which privileges a release of PVE knows, and the roles that it brings along (pve-facts A.9, L). They cannot be
/// changed and do not stand in user.cfg.
namespace steward::sim {

using privilege_set = std::set<std::string, std::less<>>;
using role_map = std::map<std::string, privilege_set, std::less<>>;

/// Every privilege of that release.
[[nodiscard]] const privilege_set& privileges_of(pve::schema::version release);

/// "Administrator", "PVEVMUser", … and "NoAccess", which is empty and outweighs every other role.
[[nodiscard]] const role_map& built_in_roles(pve::schema::version release);

inline constexpr const char* no_access = "NoAccess";

}  // namespace steward::sim
