#pragma once
#include "config/sim_scenario.hpp"
#include "observe/ledger.hpp"
#include "runtime/sim_time.hpp"
#include "runtime/task_group.hpp"
#include "sim/model/cluster.hpp"
#include "sim/scenario/observer.hpp"
#include "sim/scenario/topology.hpp"
#include "sim/scenario/virtual_daemon.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace steward::sim::scenario {

/// What a script says of a guest's checks: whatever really listens there.
class check_override {
  public:
    verdict answer = verdict::unhealthy;
    std::string reason;
    bool is_silent = false;              ///< no answer until the check's own timeout
    std::optional<node_name> only_home;  ///< while the guest's configuration is there or parked from there
    std::optional<time_point> until;
    std::vector<node_name> from;  ///< seen from these observers; empty: from all
};

/// A simulated cluster with Steward on it in virtual time, where a script's commands are carried out.
class lab {
  public:
    explicit lab(topology t);
    ~lab();
    lab(const lab&) = delete;
    lab& operator=(const lab&) = delete;

    /// Runs until the cluster is settled and healthy; the observer's zero.
    void settle();
    /// Errors: `invalid` when the command is none, or one that this version does not know.
    [[nodiscard]] result<void> command(const std::string& text);
    void run_until(duration since_zero);
    [[nodiscard]] timeline take();
    /// After the timeline has been taken nothing more is seen.
    void end_daemons();
    /// The leader dies at these of the points at which it waits for the world while a hand-over is under way: before
    /// and after each request and each question to the store, counted over all its lives.
    void crash_at(std::set<std::size_t> points) { crash_points_ = std::move(points); }
    [[nodiscard]] std::size_t points_passed() const { return points_passed_; }
    /// Tasks that a daemon left behind when it ended: a bug of ours.
    [[nodiscard]] std::size_t left_behind() const { return left_behind_; }
    /// What the daemons of that node have decided, over all their lives.
    [[nodiscard]] const std::map<node_name, memory_ledger>& books() const { return books_; }

  private:
    friend class lab_commands;
    friend class operator_commands;
    friend class process_commands;
    friend class consent_commands;
    [[nodiscard]] bool is_deceived(const node_name& node) const;
    void see_claim(const std::string& name);
    /// Whether each transition stands in the ledger of whoever made it.
    void compare_books();
    [[nodiscard]] model_hooks::mood see_hook(const node_name& node, const hook_call& call);
    /// A daemon lives where its node has power, unless it was killed a moment ago or stopped by an operator.
    [[nodiscard]] bool wants_daemon(const node_name& node) const;
    [[nodiscard]] bool has_daemon_work();
    void tend_daemons();
    void see_misfit(const node_name& node, const fault& why);
    void kill_daemon(const node_name& node);
    /// What the services of a node that is shut down do before its guests are stopped.
    void go_down(const node_name& node, lease::departure what, std::function<void()> power_off);
    /// As steward-leaving.service does: guests are stopped once none is to be moved away any more, or at that time.
    void go_down_when_empty(const node_name& node, time_point booted, time_point at_last,
                            std::function<void()> power_off);
    [[nodiscard]] duration delay_before(const node_name& node, const pve::request& call);
    void count_request(const node_name& node);
    void see_node(const node_name& teller, const node_name& node, const std::string& state);
    void steal(const guard::request& parked);
    void leave_records();
    /// The daemons' configuration from now on, as after a reload everywhere.
    void configure(const std::function<void(config::settings&)>& change);
    /// Only that node's daemon, until the next reload everywhere.
    void configure_on(const node_name& node, const std::function<void(config::settings&)>& change);
    [[nodiscard]] bool dies_after(const node_name& node, const std::string& record);
    [[nodiscard]] bool dies_here(const node_name& node);
    [[nodiscard]] std::unique_ptr<net::prober> make_prober(const node_name& observer_node, guest_id guest);
    void boot_daemon(const node_name& node);
    void end_daemon(const node_name& node);
    void boot_guard(const node_name& node);
    [[nodiscard]] virtual_guard* guard_of(const node_name& node) const;
    [[nodiscard]] virtual_daemon* leader() const;
    void see_leadership(const node_name& node, bool leads);
    /// "ct105", by its number when the type is wrong: a vmid is there once.
    [[nodiscard]] result<guest_id> guest_named(const std::string& word) const;
    void note_of(sight kind, const node_name& node, std::string name, std::string text = {});
    /// The whole machine, or one process of it, stands still until then.
    void stand_still(const node_name& node, bool daemon, bool guard, time_point until);

    topology setup_;
    sim_time time_;
    cluster model_;
    observer watcher_;
    time_point zero_;
    task_group model_tasks_;
    std::map<node_name, std::unique_ptr<virtual_guard>> guards_;  ///< a daemon asks its node's guard: ends later
    std::map<node_name, memory_ledger> books_;
    std::map<node_name, std::size_t> transitions_;  ///< that its daemons made
    std::map<node_name, std::unique_ptr<virtual_daemon>> daemons_;
    std::map<node_name, int> boots_;
    std::set<node_name> dead_guards_;  ///< killed: the watchdog resets their node
    std::optional<node_name> leading_;
    std::map<node_name, time_point> restarts_at_;  ///< of daemons that were killed
    std::set<node_name> stopped_daemons_;
    std::set<node_name> misfits_;       ///< nodes whose daemons have ended for good
    std::set<node_name> going_down_;    ///< their daemons have ended
    bool may_have_daemon_work_ = true;  ///< something happened since it was looked at last
    int random_crashes_ = 0;            ///< the daemon dies so many more times, after records of any hand-over
    int records_seen_ = 0;
    /// "POST-restore": the process is stopped for so long right before the next such request.
    class stop_before {
      public:
        std::string point;
        duration lasts{};
    };
    std::map<node_name, stop_before> stops_before_;
    std::map<guest_id, std::string> tokens_;  ///< approvals that were issued and kept
    std::set<vmid> stolen_after_park_;        ///< somebody else makes a guest of that number as soon as it is free
    std::map<node_name, std::string> node_states_;
    std::set<guest_id> named_checks_;  ///< whose checks need a name to be resolved
    class cut_off {
      public:
        int code = 595;
        time_point until{};
    };
    std::map<node_name, cut_off> cut_off_;                    ///< daemons that reach no API
    std::map<node_name, std::pair<std::int64_t, int>> sent_;  ///< the present second, and the requests in it
    std::vector<failover::phase> crashes_;  ///< the daemon dies once it has written that it entered one of these
    std::set<std::string> hook_crashes_;    ///< the daemon dies in the next hook of that kind
    std::map<std::string, model_hooks::mood> hook_moods_;
    std::set<std::size_t> crash_points_;
    std::size_t points_passed_ = 0;
    std::map<node_name, model_agents::behaviour> agents_;
    std::map<guest_id, check_override> overrides_;
    std::size_t left_behind_ = 0;
};

}  // namespace steward::sim::scenario
