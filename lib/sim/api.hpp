#pragma once
#include "sim/cluster.hpp"

#include <string>
#include <utility>
#include <vector>

/// PVE's REST interface over the model: what both fronts share. Synchronous and pure like the model itself.
namespace steward::sim::api {

using parameters = std::vector<std::pair<std::string, std::string>>;

class request {
  public:
    request(node_name at, std::string verb, std::string where)
        : contacted(std::move(at)), method(std::move(verb)), path(std::move(where)) {}
    node_name contacted;
    std::string method;  ///< GET POST PUT DELETE
    std::string path;    ///< below /api2/json, segments still percent-encoded
    parameters params;   ///< query and body, decoded; a name given twice is an array
    credentials who;
};

class reply {
  public:
    enum class fate {
        answer,
        hang,  ///< never says anything
        drop,  ///< closes the connection instead
    };
    int status = 200;
    std::string reason = "OK";
    std::string body;  ///< JSON; empty for the answers that have none (401, 595, 596)
    duration delay{};  ///< before the answer leaves: 3 s for a 401, 30 s for a hung node
    fate what_happens = fate::answer;
};

/// Checks in PVE's order: credentials, CSRF, method and path, privileges, proxying, parameters, state (pve-facts B.2).
/// Injected API faults of the contacted node come first. The caller has advanced the model to its own time.
[[nodiscard]] reply handle(cluster& model, const request& what);

}  // namespace steward::sim::api
