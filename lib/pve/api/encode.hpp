#pragma once
#include "pve/api/fields.hpp"
#include "pve/schema/check.hpp"

#include <string>

namespace steward::pve::api {

/// What goes on the wire for the members that are set: booleans as 1 and 0, lists with commas or as repeated names,
/// net[3] as "net3", property strings printed. Nothing else: PVE's defaults are never sent (sdk.md §0.4).
[[nodiscard]] schema::parameters encode(const struct_table& table, const void* object);

/// "model=virtio,bridge=vmbr0" with the default key first and bare.
[[nodiscard]] std::string print_property_string(const struct_table& table, const void* object);

}  // namespace steward::pve::api
