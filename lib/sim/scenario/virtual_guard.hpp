#pragma once
#include "cluster/lease_store.hpp"
#include "core/fencing/self_fence.hpp"
#include "core/lease/node_lease.hpp"
#include "runtime/parking.hpp"
#include "runtime/sim_time.hpp"
#include "runtime/task_group.hpp"
#include "sim/model/cluster.hpp"
#include "sim/scenario/node_time.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace steward::sim {

/// How a cluster's guards are set up.
class guard_setup {
  public:
    lease::contract wanted = lease::contract::watchdog;
    std::string no_promise;  ///< why in this cluster no promise could be kept: an alert's code; empty: it can
    std::set<guest_id> managed;
};

/// What somebody outside sees of a guard.
class guard_listener {
  public:
    std::function<void(fencing::guard_phase)> on_phase;
    std::function<void(guest_id)> on_kill;
    std::function<void(const char* code, const std::string& text)> on_alert;
};

/// One steward-guard of a simulated cluster: the real machine, with the model's pmxcfs, watchdog-mux and cgroups.
class virtual_guard {
  public:
    virtual_guard(cluster& model, sim_time& time, node_name node, std::string boot_id, const guard_setup& setup,
                  guard_listener listener);
    /// kill -9: its watchdog client goes without the V.
    ~virtual_guard();
    virtual_guard(const virtual_guard&) = delete;
    virtual_guard& operator=(const virtual_guard&) = delete;

    /// What the daemon says; forgotten after half a minute.
    void hear(daemon_words words);
    /// Whom it looks after from now on.
    void manage(std::set<guest_id> guests) {
        setup_.managed = std::move(guests);
        seen_ = {};
    }
    /// The system goes down.
    void leave(lease::departure what);
    /// The whole machine was set back to a snapshot of itself, taken so long ago.
    void roll_back(duration by);
    /// /dev/watchdog is gone.
    void lose_watchdog();
    [[nodiscard]] const fencing::guard_state& state() const { return state_; }
    /// What it tells its daemon about itself.
    [[nodiscard]] std::string status() const;
    [[nodiscard]] bool serves_changes() const { return fencing::serves_changes(state_, clock_.now()); }
    [[nodiscard]] node_time& clock() { return clock_; }

  private:
    [[nodiscard]] boost::asio::awaitable<void> renew();
    [[nodiscard]] boost::asio::awaitable<void> watch();
    void take(const fencing::guard_event& what);
    void carry_out(fencing::guard_effect what);
    void kill_guests();
    void kill_strangers();
    [[nodiscard]] bool was_taken(guest_id guest) const;
    void tell_of_copy(guest_id guest);
    void look_at_guests();
    void remember();
    void read_own_lease();
    [[nodiscard]] bool sees_forced_majority();
    void watch_clock();
    [[nodiscard]] bool has_guests() const;
    [[nodiscard]] std::vector<guest_id> running_here() const;
    [[nodiscard]] std::string lease_text();

    cluster& model_;
    sim_time& time_;
    node_time clock_;
    node_name node_;
    std::string boot_id_;
    guard_setup setup_;
    std::set<guest_id> ended_late_;  ///< when others might have taken them already
    guard_listener listener_;
    fencing::guard_state state_;
    std::uint64_t renewals_ = 0;
    /// What a snapshot would have held then.
    class memory {
      public:
        time_point at{};
        fencing::guard_state state;
        std::uint64_t renewals = 0;
    };
    std::deque<memory> memories_;
    daemon_words words_;
    time_point heard_{};
    std::optional<watchdog_mux::client> watchdog_;
    bool has_news_ = false;
    bool has_guests_ = false;
    bool is_forced_ = false;
    bool runs_guests_ = true;
    lease::departure leaving_ = lease::departure::none;
    std::array<std::uint64_t, 4> seen_{};  ///< what has_guests_ and the strangers were judged by
    time_point next_renewal_{};
    parking renewal_due_;
    bool has_complained_ = false;
    bool has_refused_ = false;
    fencing::clock_watch steps_;
    std::unique_ptr<task_group> tasks_;
};

}  // namespace steward::sim
