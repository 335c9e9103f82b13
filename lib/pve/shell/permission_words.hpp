#pragma once
#include <string>
#include <string_view>

namespace steward::pve::shell {

/// schema::permission::rule for people: ["perm","/vms/{vmid}",["VM.Audit"]] → "VM.Audit on /vms/{vmid}". A rule of an
/// unknown kind stays as it is.
[[nodiscard]] std::string permission_words(std::string_view rule);

}  // namespace steward::pve::shell
