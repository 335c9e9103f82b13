#pragma once
#include "base/result.hpp"

#include <boost/json/object.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace steward::cli {

/// Asks the daemon one question over its Unix socket and waits for the answer (`data` of it). Errors: unavailable (no
/// daemon there), timed_out (no answer within `limit`; without one it is waited for), what the daemon answered,
/// garbage.
[[nodiscard]] result<boost::json::object> ask_daemon(const std::string& socket_path,
                                                     const boost::json::object& question,
                                                     std::optional<std::chrono::milliseconds> limit = {});

}  // namespace steward::cli
