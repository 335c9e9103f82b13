#pragma once
#include "base/result.hpp"
#include "base/time.hpp"
#include "pve/encoding.hpp"

#include <boost/asio/awaitable.hpp>

#include <string>
#include <utility>

namespace steward::pve {

enum class verb { get, create, set, remove };  ///< GET POST PUT DELETE, in pvesh's words
[[nodiscard]] const char* http_method(verb v) noexcept;

/// One API call below /api2/json. Parameters are plain text; the transport encodes them and puts them where PVE wants
/// them (query for GET and DELETE, form body for POST and PUT: pve-facts B.2).
class request {
  public:
    request() = default;
    request(verb v, std::string where) : what(v), path(std::move(where)) {}
    request(verb v, std::string where, parameters values)
        : what(v), path(std::move(where)), params(std::move(values)) {}
    verb what = verb::get;
    std::string path;  ///< "/nodes/n2/lxc/101/config"; segments already percent-encoded
    parameters params;
};

/// PVE's answer as it came.
class reply {
  public:
    int status = 0;
    std::string reason;  ///< carries the error message on older versions
    std::string body;    ///< JSON, or empty
};

/// The way to a cluster: HTTPS in production, a model in virtual time in simulations. Authentication, endpoint choice
/// and dry run are the transport's; meaning is the client's.
class transport {
  public:
    virtual ~transport() = default;
    /// Any HTTP status is a value. Errors as in net::http_client, and dry_run for a write verb in observe mode.
    [[nodiscard]] virtual boost::asio::awaitable<result<reply>> send(request call, time_point deadline) = 0;
};

}  // namespace steward::pve
