#pragma once
#include "sim/recorded_rows.hpp"

#include <string>
#include <vector>

namespace steward::sim::recorded {

inline constexpr const char* root_token = "PVEAPIToken=root@pam!full=11111111-1111-4111-8111-111111111111";

/// The bytes that were sent for a row, as the capture sent them: its request line, Host, User-Agent, credentials, and a
/// body with its length. What the rows shorten ("aaa...(9000)") has its length again.
[[nodiscard]] std::string request_bytes(const row& r);

/// The names of an answer's headers, sorted, for a row's "json", "text", "bare" or its list of the unusual ones.
[[nodiscard]] std::vector<std::string> header_names_of(const std::string& kind);

}  // namespace steward::sim::recorded
