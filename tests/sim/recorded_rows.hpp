#pragma once
#include <boost/json/value.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

/// The recorded exchanges as rows of text (recorded/*.rows, format in recorded/README.md).
namespace steward::sim::recorded {

/// One line that prepares what the next row meets: "! fault power pve3 off".
class directive {
  public:
    std::string verb;  ///< "topology", "fault", "call", "ask", "pass", "settle", "ticket", "csrf", "differs"
    std::string rest;
};

class row {
  public:
    std::string name;
    std::vector<directive> before;
    long offset_seconds = 0;
    long took_milliseconds = 0;
    std::string method;
    std::string target;
    bool has_credentials = true;  ///< root@pam!full, unless `headers` bring others
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    int status = 0;    ///< 0: no answer at all
    std::string kind;  ///< "json", "text", "bare", or the names of the unusual headers
    std::string reason;
    bool is_http_1_0 = false;
    std::optional<boost::json::value> data;  ///< the JSON body
    std::string text;                        ///< the other kind of body
    std::vector<std::string> volatile_keys;  ///< beyond those of recorded_compare.cpp
};

/// Throws std::runtime_error with file and line for a row that cannot be read.
[[nodiscard]] std::vector<row> read_rows(const std::string& file);

}  // namespace steward::sim::recorded
