#pragma once
#include "services/forecast/survey.hpp"

#include <boost/json/object.hpp>

#include <cstddef>
#include <string>

namespace steward::cli {

/// Documented in docs/forecast.md; times are whole seconds, null what is not known.
[[nodiscard]] boost::json::object as_json(const failover::survey& s);
[[nodiscard]] std::string as_text(const failover::survey& s);
/// How many run now and would stay down.
[[nodiscard]] std::size_t guests_at_risk(const failover::survey& s);

}  // namespace steward::cli
