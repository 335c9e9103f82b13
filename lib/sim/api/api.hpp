#pragma once
#include "sim/model/cluster.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

/// PVE's REST interface over the model: what both fronts share. Synchronous and pure like the model itself.
namespace steward::sim::api {

using parameters = std::vector<std::pair<std::string, std::string>>;

/// A file that came with a request. PVE puts it under /var/tmp until the call has run.
class uploaded_file {
  public:
    uploaded_file(std::string given_name, std::string bytes) : name(std::move(given_name)), content(std::move(bytes)) {}
    std::string name;  ///< the client's, "debian.iso"
    std::string content;
};

class request {
  public:
    request(node_name at, std::string verb, std::string where)
        : contacted(std::move(at)), method(std::move(verb)), path(std::move(where)) {}
    node_name contacted;
    std::string method;  ///< GET POST PUT DELETE
    std::string path;    ///< below /api2/json, segments still percent-encoded
    parameters params;   ///< query and body, decoded; a name given twice is an array
    credentials who;
    std::optional<uploaded_file> upload;  ///< of POST …/upload; `params` then has `filename` and `tmpfilename`
    std::optional<time_point> arrived;    ///< filled in by the first `handle`
};

class reply {
  public:
    enum class fate {
        answer,
        hang,      ///< never says anything
        drop,      ///< closes the connection instead
        stall,     ///< half of the body, then nothing for ever
        truncate,  ///< half of the body, then the connection closes
        flood,     ///< `flood_bytes` of JSON without an end
        again,     ///< it waits for a lock or for pmxcfs: hand the same request in again after `delay`
    };
    int status = 200;
    std::string reason = "OK";
    std::string body;  ///< JSON; empty for the answers that have none (401, 595, 596)
    duration delay{};  ///< before the answer leaves: 3 s for a 401, 30 s for a hung node
    fate what_happens = fate::answer;
    std::uint64_t flood_bytes = 0;
};

/// Checks in PVE's order: credentials, CSRF, method and path, token, privileges, proxying, parameters, state
/// (pve-facts B.1, B.2). Injected API faults of the contacted node come first. The caller has advanced the model to its
/// own time.
[[nodiscard]] reply handle(cluster& model, request& what);

/// Whether a path can be asked without credentials (pve-facts A.7).
[[nodiscard]] bool is_open_to_the_world(const cluster& model, const std::string& method, const std::string& path);

}  // namespace steward::sim::api
