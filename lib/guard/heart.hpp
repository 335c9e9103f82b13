#pragma once
#include "base/daemon_words.hpp"
#include "core/fencing/self_fence.hpp"
#include "guard/cgroups.hpp"
#include "guard/clocks.hpp"
#include "guard/watchdog_client.hpp"

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace steward::guard {

/// How a guard keeps its node's promise.
class heart_setup {
  public:
    node_name node;
    std::string boot_id;                             ///< /proc/sys/kernel/random/boot_id
    lease::contract wanted = lease::contract::none;  ///< what the administrator allows: none, selfstop, watchdog
    std::filesystem::path watchdog = "/run/watchdog-mux.sock";
    std::filesystem::path cgroup_root = "/sys/fs/cgroup";
    std::filesystem::path managed_file;  ///< whom to look after, for the next start; empty: not kept
};

/// What was read from pmxcfs behind a renewal.
class home_sight {
  public:
    std::vector<guest_id> at_home;   ///< managed guests whose configuration is below this node
    std::vector<guest_id> taken;     ///< those that were taken from this node: a parked configuration says so
    fencing::no_promise no_promise;  ///< why this cluster allows none
};

/// The node's own machine (fencing::self_fence) with its hands: the watchdog and the control groups. Shared by the
/// thread that writes leases, the one that ticks and the one that serves the daemon; never waits for pmxcfs.
class heart {
  public:
    heart(heart_setup setup, clocks time);

    /// The next lease, as it is to be written, and what it promises.
    [[nodiscard]] std::string next_lease(lease::contract& promised);
    /// What stands in the node's lease before it is written again: it is not newer than what is remembered, unless the
    /// whole machine was set back.
    void remember(const lease::node_lease& standing);
    void renewed(bool ok, time_point begun, lease::contract promised);
    /// What a successful renewal proves to be current (reliability P2), with the time before it was read.
    void see(home_sight seen, time_point begun);
    /// A person has given this node a majority that it does not have: no renewal counts until that is over.
    void see_forced();
    /// Once a second: how old the lease is, whether the watchdog still lives, whether a clock was set.
    void tick();
    /// What the daemon says; forgotten after half a minute, but for whom it looks after.
    void hear(daemon_words words);
    [[nodiscard]] bool serves_changes() const;
    [[nodiscard]] duration lease_age() const;
    [[nodiscard]] bool has_left_embargo() const;
    [[nodiscard]] std::vector<guest_id> managed() const;
    /// For `steward status`: `key=value` lines.
    [[nodiscard]] std::string status() const;

    /// The system goes down, or does so no longer.
    void leave(lease::departure what);
    /// The guard is to end: takes the promise back. It may go once `is_withdrawn`.
    void withdraw();
    [[nodiscard]] bool is_withdrawn() const;
    /// Whether the others can read all there is to say: of a node that goes down, that its guests have ended.
    [[nodiscard]] bool has_said_all() const;

    /// Waits until the next renewal: for `at_most`, or when there is something to tell, but never less than `at_least`
    /// (pmxcfs is for few writes, reliability P10). Whether there is something to tell.
    bool wait_for_news(duration at_least, duration at_most);

  private:
    using locked = std::unique_lock<std::mutex>;
    /// There is something to tell: the next lease need not wait.
    void announce();
    void take(const fencing::guard_event& what);
    void carry_out(fencing::guard_effect what);
    void open_watchdog();
    void feed();
    void kill_all();
    void kill_taken(time_point begun);
    void wish();
    void watch_clock();
    void complain(const char* code, const std::string& text);
    void read_managed();
    void keep_managed() const;

    const heart_setup setup_;
    const clocks time_;
    const cgroups running_;
    mutable std::mutex mutex_;
    std::condition_variable news_;
    bool has_news_ = false;
    fencing::guard_state state_;
    std::optional<watchdog_client> watchdog_;
    std::uint64_t renewals_ = 0;
    daemon_words words_;
    std::optional<time_point> heard_;
    std::vector<guest_id> managed_;
    std::vector<guest_id> ended_late_;  ///< when others might have taken them already; has room for all
    home_sight seen_;
    std::string told_;  ///< the code of the last complaint
    fencing::clock_watch clock_;
    bool is_ending_ = false;
    lease::departure leaving_ = lease::departure::none;
};

}  // namespace steward::guard
