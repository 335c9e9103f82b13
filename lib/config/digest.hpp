#pragma once
#include "config/settings.hpp"

#include <string>

namespace steward::config {

/// SHA-1 of what a configuration says about guests: two daemons with the same one look at the same things, and may
/// count each other's votes (reliability §1.5). Sockets, paths and log levels of a node are not in it.
[[nodiscard]] std::string guests_digest(const settings& s);

}  // namespace steward::config
