#pragma once
#include "pve/schema/schema.hpp"

#include <boost/json/value.hpp>

#include <string_view>
#include <vector>

namespace steward::pve::schema {

/// The tree in a dump: plain JSON, or the first complete value after `const apiSchema =` (`pveapi =` in old ones);
/// a node's apidoc.js goes on with the whole viewer. Errors: garbage.
[[nodiscard]] result<boost::json::value> find_tree(std::string_view text);

/// The methods of one release, sorted by path, without since and until. Every parameter of a path is among the
/// method's parameters and required, whether the dump says so or not. Errors: garbage.
[[nodiscard]] result<std::vector<method>> read_dump(std::string_view text);

/// The path without the names of its parameters: "/nodes/{}/qemu". Methods are the same if this and the verb are.
[[nodiscard]] std::string url_shape(std::string_view path);

/// Parameters of the path in its order, then the others by name.
void sort_parameters(method& what);

}  // namespace steward::pve::schema
