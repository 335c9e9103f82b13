#pragma once
#include "config/key_record.hpp"

#include <boost/json/fwd.hpp>

namespace steward::config {

/// Every key that the loader knows, one of each: "guests.*.checks[].interval".
[[nodiscard]] std::vector<key_record> known_keys();

/// A JSON schema (draft 2020-12) of the configuration for editors, made of what the loader itself asks for.
[[nodiscard]] boost::json::object configuration_schema();

}  // namespace steward::config
