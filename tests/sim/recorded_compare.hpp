#pragma once
#include <boost/json/value.hpp>

#include <string>
#include <vector>

namespace steward::sim::recorded {

/// How `actual` differs from what was recorded, "" when it does not. Everything counts but the order of lists and of
/// keys, and the values under keys that measure something (uptime, pid, digest…), of which only the type counts.
[[nodiscard]] std::string difference(const boost::json::value& recorded, const boost::json::value& actual,
                                     const std::vector<std::string>& more_volatile_keys = {});

}  // namespace steward::sim::recorded
