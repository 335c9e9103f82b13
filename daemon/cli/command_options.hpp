#pragma once
#include "command.hpp"

#include <initializer_list>

/// Options that many commands share.
namespace steward::cli {

using options = std::vector<option>;

[[nodiscard]] options joined(std::initializer_list<options> parts);
/// -o table|json|yaml
[[nodiscard]] options output_option();
/// --watch [SECONDS]
[[nodiscard]] options watch_option();
/// --socket PATH: the daemon's.
[[nodiscard]] options daemon_option();
/// --endpoint, --token-file and the others of cluster_options.hpp: how to reach PVE itself.
[[nodiscard]] options cluster_way();

/// What 0, 1, 2 and 3 mean for an order to the daemon.
[[nodiscard]] std::vector<std::string_view> daemon_exits();

}  // namespace steward::cli
