#pragma once
#include "base/result.hpp"
#include "pve/transport.hpp"

#include <boost/json/value.hpp>

#include <string>
#include <string_view>

namespace steward::pve {

/// The `data` member of a 2xx answer; any other answer as the fault it means for `what`. A 2xx body that is not the
/// envelope is `garbage`: never an empty list.
[[nodiscard]] result<boost::json::value> data_of(const reply& answer, const request& what);

/// A member as text, "" when it is missing.
[[nodiscard]] std::string text_of(const boost::json::object& row, std::string_view key);

}  // namespace steward::pve
