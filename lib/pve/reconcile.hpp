#pragma once
#include "base/ids.hpp"
#include "base/result.hpp"
#include "pve/api/session.hpp"
#include "runtime/with_timeout.hpp"

#include <boost/asio/awaitable.hpp>

#include <algorithm>
#include <string>
#include <type_traits>
#include <utility>

namespace steward::pve {

/// What a look at the world says about a write whose answer was lost. `T` is what the write would have returned.
template <class T>
class finding {
  public:
    enum class kind { happened, did_not_happen, cannot_tell };

    /// With the value, unless T is void.
    template <class... Value>
    static finding happened(Value&&... value) {
        static_assert(sizeof...(Value) == (std::is_void_v<T> ? 0 : 1));
        return finding(kind::happened, result<T>(std::forward<Value>(value)...));
    }
    /// And cannot happen any more: whoever hears this sends the write again.
    static finding did_not_happen() { return finding(kind::did_not_happen, fault(errc::not_delivered, "")); }
    /// Not yet: ask again later.
    static finding cannot_tell(std::string why) {
        return finding(kind::cannot_tell, fault(errc::outcome_unknown, "", std::move(why)));
    }

    [[nodiscard]] kind what() const { return what_; }
    [[nodiscard]] const result<T>& value() const { return value_; }

  private:
    finding(kind what, result<T> value) : what_(what), value_(std::move(value)) {}
    kind what_;
    result<T> value_;
};

namespace detail {
constexpr duration first_look_pause = std::chrono::milliseconds(250);
constexpr duration most_look_pause = std::chrono::seconds(5);
[[nodiscard]] fault proven_lost(const fault& sent);
[[nodiscard]] fault still_unknown(const fault& sent, const std::string& why);
}  // namespace detail

/// Sends a write exactly once; when its answer is lost, looks until it is known what became of it.
///
/// `send()` returns awaitable<result<T>>, `look_up()` awaitable<result<finding<T>>>; a fault of the look-up means that
/// it cannot tell. What `send` returned is returned as it is, but for outcome_unknown, which becomes: the value that
/// the look-up found; not_delivered when it did not happen, so that the caller may send again; outcome_unknown when the
/// look-up could not tell until `deadline`. Looks follow one another with pauses of 250 ms growing to 5 s.
template <class Send, class LookUp>
auto write_once(Send send, LookUp look_up, time_source& time, time_point deadline) -> std::invoke_result_t<Send&> {
    auto sent = co_await send();
    if (sent || sent.error().code != errc::outcome_unknown) co_return sent;
    std::string why = "there was no time to look";
    duration pause = detail::first_look_pause;
    while (time.now() < deadline) {
        auto looking = look_up();
        const auto found = co_await with_deadline(time, deadline, std::move(looking));
        if (found) {
            using kind = typename std::decay_t<decltype(*found)>::kind;
            if (found->what() == kind::happened) co_return found->value();
            if (found->what() == kind::did_not_happen) co_return detail::proven_lost(sent.error());
            why = found->value().error().detail;
        } else {
            why = found.error().text();
        }
        const time_point next = std::min(time.now() + pause, deadline);
        co_await time.sleep_until(next);
        pause = std::min(pause * 2, detail::most_look_pause);
    }
    co_return detail::still_unknown(sent.error(), why);
}

/// The look-up for writes that start a task: finds it in the node's list by type, guest and user. Make it right before
/// the write is sent, because only tasks from then on count, less five seconds for clocks that differ: two equal writes
/// of one user to one guest within that time are taken for each other.
///
/// A task that is not there yet may still come: the proxying node waits 30 s for the other one (pve-facts B.5). After
/// `settle` it did not happen.
class look_for_task {
  public:
    /// `user` as UPIDs have it: "root@pam", or "svc@pve!token" for a token.
    look_for_task(api::session& pve, node_name node, std::string type, vmid guest, std::string user,
                  duration settle = std::chrono::seconds(35));
    [[nodiscard]] boost::asio::awaitable<result<finding<upid>>> operator()() const;

  private:
    api::session& pve_;
    node_name node_;
    std::string type_;
    vmid guest_;
    std::string user_;
    wall_time since_;
    time_point settled_;
};

}  // namespace steward::pve
