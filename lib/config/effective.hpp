#pragma once
#include "config/load.hpp"

#include <boost/json/fwd.hpp>

namespace steward::config {

/// What a configuration comes to: every key with its value, given, inherited or by default, as one tree shaped like the
/// file. Secrets are in files, of which only the names appear; what may hold one all the same (the body of a probe, a
/// query, a password among a program's arguments) is not shown. Lists that nobody gave are absent.
[[nodiscard]] boost::json::object effective_config(const std::vector<source_text>& sources);

/// "guests.ct/101.checks[0].interval" → its parts; "checks[0]" is "checks" and "[0]".
[[nodiscard]] std::vector<std::string> parts_of_path(const std::string& path);

/// What a program's command line says behind its password options.
[[nodiscard]] std::vector<std::string> passwords_among(const std::vector<std::string>& words);

}  // namespace steward::config
