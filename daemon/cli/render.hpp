#pragma once
#include <boost/json/object.hpp>

#include <string>

/// The daemon's JSON views as text for people.
namespace steward::cli {

[[nodiscard]] std::string render_status(const boost::json::object& status);
[[nodiscard]] std::string render_parked(const boost::json::object& answer);
/// What is paused, out of the status.
[[nodiscard]] std::string render_pauses(const boost::json::object& status);
[[nodiscard]] std::string render_guest(const boost::json::object& guest);
[[nodiscard]] std::string render_plan(const boost::json::object& plan);

/// "ok" 0, "warning" 1, "critical" 2, anything else 3 (design §6).
[[nodiscard]] int exit_code_of(const boost::json::object& status);

}  // namespace steward::cli
