#pragma once
#include "base/result.hpp"

#include <boost/json/object.hpp>

#include <string>

namespace steward::cli {

/// Asks the daemon one question over its Unix socket and waits for the answer (`data` of it). Errors: unavailable (no
/// daemon there), what the daemon answered, garbage.
[[nodiscard]] result<boost::json::object> ask_daemon(const std::string& socket_path,
                                                     const boost::json::object& question);

}  // namespace steward::cli
