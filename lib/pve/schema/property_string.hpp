#pragma once
#include "pve/schema/schema.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// "virtio=BC:24:11:…,bridge=vmbr0": the values within a value that most of a guest's configuration is made of.
namespace steward::pve::schema {

/// Keys and their values, aliases resolved, the default key named.
using properties = std::vector<std::pair<std::string, std::string>>;

/// In the order of `text`; a boolean (1 on yes true, 0 off no false) becomes 1 or 0. The key that is itself a value
/// (`virtio=MAC` of a VM's network device) comes as two: model=virtio, macaddr=MAC. An unknown version knows the keys
/// of all versions. `facts` is a property string, declared in place or by the name of its format. Values are not
/// checked: see check_value. Errors: invalid, with PVE's words for a key given twice, unknown, or missing.
[[nodiscard]] result<properties> split_property_string(const value& facts, version connected, std::string_view text);

/// The inverse: the default key first and bare, then the others as `facts` orders them, then what `facts` does not
/// know; booleans as 1 and 0.
[[nodiscard]] std::string join_property_string(const value& facts, const properties& pairs);

}  // namespace steward::pve::schema
