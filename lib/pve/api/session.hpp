#pragma once
#include "base/result.hpp"
#include "base/time.hpp"
#include "pve/api/call.hpp"
#include "pve/api/decode.hpp"
#include "pve/schema/schema.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <string>
#include <type_traits>
#include <utility>

namespace steward {
class time_source;
}
namespace steward::pve {
class transport;
}

namespace steward::pve::api {

/// What typed calls go through: checks each one against the facts of the connected version, sends it, and says what a
/// refusal means. `root(session)` is where calls begin. Outlives every call.
class session {
  public:
    /// Each call may take `request_limit`.
    session(transport& wire, time_source& time, duration request_limit)
        : wire_(wire), time_(time), limit_(request_limit) {}

    [[nodiscard]] time_source& time() const { return time_; }
    [[nodiscard]] duration limit() const { return limit_; }
    /// The same way to the cluster with another limit, for calls that PVE answers late.
    [[nodiscard]] session limited(duration limit) const;

    /// Asks /version. From then on a call or parameter that this version lacks is refused here, with the versions that
    /// have it, and bounds are those of this version. Before, the newest facts count and no call is refused for its
    /// age.
    [[nodiscard]] boost::asio::awaitable<result<schema::version>> learn_version();
    void assume_version(schema::version v) { version_ = v; }
    [[nodiscard]] schema::version version() const { return version_; }
    /// A token may not make every call (pve-facts A.6): refused here rather than by the server.
    void uses_token(bool yes) { uses_token_ = yes; }
    /// Switched off, the server alone decides: for what this release's facts do not know or have wrong.
    void checks_parameters(bool yes) { checks_parameters_ = yes; }

    /// Errors: invalid (the checker's violations, all of them; nothing was sent), unsupported (not in this version),
    /// those of the transport, and what PVE's answer means (http_meaning.hpp).
    [[nodiscard]] boost::asio::awaitable<result<raw_json>> perform(prepared_call call);
    /// What `perform` would refuse before sending; no fault when nothing.
    [[nodiscard]] result<void> check(const prepared_call& call) const;

  private:
    transport& wire_;
    time_source& time_;
    duration limit_;
    schema::version version_;
    bool uses_token_ = false;
    bool checks_parameters_ = true;
};

/// Reads a list with pauses, so that ten thousand guests do not hold up the loop. `into` is the vector that `whole`
/// describes.
[[nodiscard]] boost::asio::awaitable<result<void>> read_list(raw_json from, field whole, void* into);

/// "pve POST /nodes/n2/lxc"
[[nodiscard]] std::string describe(const prepared_call& call);

namespace detail {
template <class T>
constexpr bool is_list = false;
template <class T>
constexpr bool is_list<std::vector<T>> = true;
}  // namespace detail

template <class R, class Executor>
boost::asio::awaitable<result<R>, Executor> send(session& to, prepared_call call) {
    const std::string where = describe(call);
    const bool is_write = call.method->verb != "GET";
    auto got = co_await to.perform(std::move(call));
    if (!got) co_return got.error();
    if constexpr (std::is_void_v<R>) {
        co_return result<void>();
    } else {
        R read{};
        constexpr field whole = make_field<R>("", 0);
        result<void> done;
        if constexpr (detail::is_list<R>) {
            done = co_await read_list(*got, whole, &read);
        } else {
            done = decode(whole, got->value(), &read);
        }
        // A write that was answered has happened, whatever its answer looks like.
        if (!done) co_return fault(is_write ? errc::outcome_unknown : errc::garbage, where, done.error().detail);
        co_return read;
    }
}

}  // namespace steward::pve::api
