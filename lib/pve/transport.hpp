#pragma once
#include "base/result.hpp"
#include "base/time.hpp"
#include "pve/encoding.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

namespace steward {
class byte_source;
class byte_sink;
}  // namespace steward

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
    std::string reason;                     ///< carries the error message on older versions
    std::string body;                       ///< JSON, or empty
    std::optional<duration> retry_after{};  ///< the server asked to wait that long
};

/// What goes in or out of a call byte by byte, because it is too much to be held. Both outlive the call.
class streams {
  public:
    byte_source* body = nullptr;                      ///< of a create call; its parameters then go into the query
    std::string body_type;                            ///< Content-Type of that body
    byte_sink* answer = nullptr;                      ///< gets the body of a 2xx answer; any other comes in the reply
    std::uint64_t most = std::uint64_t{1} << 50U;     ///< bytes `answer` gets at most: garbage above
    duration patience = std::chrono::seconds(60);     ///< without one byte moving
    std::function<void(std::uint64_t moved)> moving;  ///< called as bytes of either body move; may be empty
};

/// The way to a cluster: HTTPS in production, a model in virtual time in simulations. Authentication, endpoint choice
/// and dry run are the transport's; meaning is the client's.
class transport {
  public:
    virtual ~transport() = default;
    /// Any HTTP status is a value. Errors as in net::http_client, and dry_run for a write verb in observe mode.
    [[nodiscard]] virtual boost::asio::awaitable<result<reply>> send(request call, time_point deadline) = 0;
    /// The same with bodies of any size, for as long as bytes move. Never sent twice once it was delivered. A way that
    /// moves no files says unavailable.
    [[nodiscard]] virtual boost::asio::awaitable<result<reply>> stream(request call, streams with);
};

}  // namespace steward::pve
