#pragma once
#include "base/time.hpp"
#include "core/lease/node_lease.hpp"

#include <optional>
#include <string>
#include <variant>

/// The guard's own machine: it keeps the node's promise, and ends the node's guests when it can no longer know that
/// they are still its own (reliability §3.3, §1.4 E0, E2). Pure; all times are of the node's clock that runs on in a
/// suspend.
namespace steward::fencing {

enum class guard_phase {
    embargo,   ///< after a boot: nothing of ours may start before a lease was written and the records were read
    disarmed,  ///< renews, promises nothing
    arming,    ///< the watchdog runs; the promise is on its way into the lease
    armed,
    withdrawing,  ///< the promise is being taken back; the watchdog stays until it is
    late,         ///< no renewal for 15 s: not fed any more, the daemon must not act
    starved,      ///< no renewal for 45 s
    killing,      ///< none for 55 s: every guest we manage is ended
    killed,
};
[[nodiscard]] const char* name_of(guard_phase p) noexcept;

class guard_timing {
  public:
    static constexpr duration renewal = std::chrono::seconds(10);
    static constexpr duration feed_within = std::chrono::seconds(5);  ///< g: of the begin of the renewal
    static constexpr duration late = std::chrono::seconds(15);
    static constexpr duration hold = std::chrono::seconds(45);
    static constexpr duration kill = std::chrono::seconds(55);
    /// watchdog-mux lets a client be silent for 60 s (reliability P11), and looks once a second.
    static constexpr duration unfed = std::chrono::seconds(58);
};

/// E0: whether a healthy cluster of so many nodes can renew in time at all, given corosync's token (ms) and its
/// coefficient (ms per node beyond two): T_hold ≥ T_r + T_memb(n) + T_sync + T_io, with 10 s to spare for good.
class feasibility {
  public:
    duration membership{};     ///< T_memb(n)
    bool is_possible = false;  ///< may be armed
    bool has_slack = false;    ///< without a warning
};
[[nodiscard]] feasibility feasible(int nodes, duration token, duration coefficient);

/// What corosync's configuration says of the cluster.
class membership {
  public:
    int nodes = 0;
    bool has_qdevice = false;
    bool is_two_node = false;                  ///< `two_node: 1`: one node alone is quorate
    bool counts_heads = true;                  ///< a majority of nodes, one vote each, decides and nothing else
    duration token = std::chrono::seconds(3);  ///< corosync 3's default
    duration coefficient = std::chrono::milliseconds(650);  ///< per node beyond two; its default
};

/// Why no guard of such a cluster may promise anything. Empty code: it may.
class no_promise {
  public:
    std::string code;  ///< two_node_unsafe, timing_infeasible, membership_unknown
    std::string text;
};
[[nodiscard]] no_promise promise_refusal(const membership& m);

// ---- events
struct guard_tick {};
/// A renewal ended. `begun` is from before the call; `promised` is what was in it: the wish may have changed since.
/// Not ok: it may have been written all the same (reliability P3).
struct renewal_ended {
    bool ok = false;
    time_point begun{};
    lease::contract promised = lease::contract::none;
};
/// Whether there is something to protect, what the administrator wants promised, and whether E0 and the cluster allow
/// it.
struct guard_wishes {
    bool has_guests = false;
    lease::contract wanted = lease::contract::none;  ///< watchdog, selfstop or none
    bool may_arm = false;
    lease::departure leaving = lease::departure::none;  ///< the system is going down for that …
    bool runs_guests = true;                            ///< … and this is whether any managed guest still runs
};
/// The watchdog was opened and fed for the first time, or it could not be, or it is gone.
struct watchdog_answer {
    bool works = false;
};
/// The records have been read behind a write (reliability P2).
struct records_read {};
/// The wall clock was set back by more than a few seconds: watchdog-mux judges its clients by it, so what was promised
/// holds again only after two renewals (E6).
struct clock_went_back {};
/// What stands in the node's own lease is newer than what its guard remembers of this boot: the machine was set back to
/// an earlier state of itself (a snapshot with its memory). How long that was ago no clock of it tells.
struct memory_went_back {};
/// Every managed guest is gone.
struct all_killed {};

using guard_event = std::variant<guard_tick, renewal_ended, guard_wishes, watchdog_answer, records_read,
                                 clock_went_back, memory_went_back, all_killed>;

enum class guard_effect { none, open_watchdog, feed, close_watchdog, kill_guests };

class guard_state {
  public:
    guard_phase at = guard_phase::embargo;
    lease::contract promise = lease::contract::none;  ///< goes into the next renewal
    bool has_watchdog = false;
    bool is_relied_on = false;  ///< the lease as it stands in pmxcfs promises something: others count on it
    lease::contract written = lease::contract::none;  ///< what the lease as it stands in pmxcfs promises
    bool has_renewed = false;
    int suspended_renewals = 0;  ///< before the promise is made again
    bool is_slow = false;        ///< renewals take too long to feed a watchdog: nothing is promised until one does not
    time_point fed{};            ///< the watchdog, the last time
    time_point lease_since{};
    guard_wishes wishes;
};

class guard_step {
  public:
    guard_state now;
    guard_effect run = guard_effect::none;
};

[[nodiscard]] guard_step advance(guard_state before, const guard_event& what, time_point now);

inline constexpr const char* writes_too_slow = "writes_too_slow";

/// The guard's state as `key=value` lines, for people.
[[nodiscard]] std::string describe(const guard_state& s, const no_promise& given, time_point now);

/// Notices that somebody set the wall clock: its distance to the clock that cannot be set has changed.
class clock_watch {
  public:
    static constexpr std::chrono::seconds too_far_back{-5};
    /// By how much since the last look; zero for less than two seconds or so, which is no step.
    [[nodiscard]] std::chrono::seconds step(wall_time wall, time_point boottime);

  private:
    std::optional<std::chrono::seconds> offset_;
};

/// Whether a daemon may be served a changing verb now: the lease is fresh (E1).
[[nodiscard]] bool serves_changes(const guard_state& s, time_point now);

}  // namespace steward::fencing
