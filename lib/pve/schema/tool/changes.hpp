#pragma once
#include "pve/schema/schema.hpp"

#include <string>
#include <vector>

namespace steward::pve::schema {

/// What changed between two releases, for people: methods that came (+), went (-) and changed (~), below each its
/// parameters, keys and fields, each with its facts before and after. Empty if nothing did.
[[nodiscard]] std::string describe_changes(const std::vector<method>& before, const std::vector<method>& after);

}  // namespace steward::pve::schema
