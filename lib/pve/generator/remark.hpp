#pragma once
#include "pve/schema/schema.hpp"

#include <string>
#include <vector>

namespace steward::pve::generator {

/// What a reader of the header wants to know of a member: "16 to 8192; default 512; since 8.1". Facts, no prose.
[[nodiscard]] std::string remark_for(const std::vector<const schema::value*>& alternatives);

}  // namespace steward::pve::generator
