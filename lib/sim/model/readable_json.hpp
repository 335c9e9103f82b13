#pragma once
#include <boost/json/value.hpp>

#include <string>

namespace steward::sim {

/// JSON with a line for each entry down to `levels` of nesting, and each deeper value on one line: for files that
/// people read and compare.
[[nodiscard]] std::string readable_json(const boost::json::value& value, int levels);

}  // namespace steward::sim
