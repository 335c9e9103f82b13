#pragma once
#include "core/failover/machine.hpp"

/// What the two halves of the machine share. Private to lib/core/failover.
namespace steward::failover::detail {

/// Builds one step: enters phases, keeps the story, collects effects.
class stepper {
  public:
    stepper(state before, const surroundings& around) : around_(around) { out_.now = std::move(before); }

    [[nodiscard]] record& saved() { return out_.now.saved; }
    [[nodiscard]] state& now() { return out_.now; }
    [[nodiscard]] const surroundings& around() const { return around_; }
    [[nodiscard]] const policy& rules() const { return around_.rules; }

    /// Leaves the present phase for `p`, or starts it afresh, because of `why`.
    stepper& enter(phase p, std::string why, std::optional<duration> limit = std::nullopt);
    stepper& run(operation o);
    stepper& alarm(std::string code, std::string text);
    void set_deadline(duration limit) { out_.now.deadline = around_.now + limit; }
    void mark_dirty() { out_.dirty = true; }
    [[nodiscard]] bool is_overdue() const { return out_.now.deadline && around_.now >= *out_.now.deadline; }

    /// Enters `held`, keeping the reason and what would release it. Alerts once per new code.
    stepper& hold_for(std::string code, std::string text, std::string release, duration at_least = duration::zero());

    [[nodiscard]] step take() { return std::move(out_); }

  private:
    const surroundings& around_;
    step out_;
};

/// Limits that are the machine's own; those of the guest are in its policy (reliability §3.1).
struct limits {
    static constexpr duration unknown = std::chrono::seconds(120);
    static constexpr duration confirming = std::chrono::seconds(30);
    static constexpr duration held_recheck = std::chrono::seconds(30);
    static constexpr duration claimed = std::chrono::seconds(60);
    static constexpr duration isolating = std::chrono::seconds(60);
    static constexpr duration fresh_backup = failover::fresh_backup_limit;
    static constexpr duration fresh_backup_pause = std::chrono::seconds(300);  ///< before a guest is held no longer
    static constexpr duration refused_by_hook = std::chrono::seconds(300);     ///< before it is asked again
    static constexpr duration parked = std::chrono::seconds(30);
    static constexpr duration cleaning = std::chrono::seconds(300);
    static constexpr duration rolling_back = std::chrono::seconds(120);
    static constexpr duration failing_back = std::chrono::seconds(1800);
    static constexpr duration next_target =
        std::chrono::seconds(20);  ///< what failed there may not be the target's fault
    static constexpr duration retry = std::chrono::seconds(5);
    static constexpr std::size_t longest_story = 64;
};

[[nodiscard]] inline bool is_time_up(stepper& s, const event& e) {
    return std::holds_alternative<tick>(e) && s.is_overdue();
}
/// "ct/101"
[[nodiscard]] inline std::string guest_name(stepper& s) { return to_string(s.saved().guest); }
/// A limit has passed, or the pause after an unknown outcome is over: the operation again; it looks before it acts.
[[nodiscard]] bool again_when_late(stepper& s, const event& e, duration limit, operation o);
/// The outcome could not be learned: the same operation once more in a moment; it adopts what it finds.
void look_again(stepper& s, const std::string& why);
/// How a migration ended; nothing while that is not known, and what is to be done about it has been done.
[[nodiscard]] const finished* end_of_migration(stepper& s, const event& e);

/// Holds that are only a matter of time: they wake nobody.
[[nodiscard]] bool passes_by_itself(const std::string& code) noexcept;

/// How long a restart in place may take, and the taking of a number, with the hooks that come before.
[[nodiscard]] duration restart_limit(const policy& rules);
[[nodiscard]] duration claim_limit(const policy& rules);
/// A required hook has said no: held for a while, or until somebody says `retry`.
void hold_for_hook(stepper& s, const finished& end);
/// How long a verified stop may take: graceful, then hard, then some; with the backup that may come before it.
[[nodiscard]] duration stop_limit(const policy& rules);
[[nodiscard]] duration stopping_limit(const policy& rules);

// machine_watching.cpp: everything before the hand-over is claimed, and resting phases after it.
void on_watching(stepper& s, const event& e);
void on_suspect(stepper& s, const event& e);
void on_restarting(stepper& s, const event& e);
void on_confirming(stepper& s, const event& e);
void on_frozen(stepper& s, const event& e);
/// It waits for its node.
void freeze(stepper& s);
void on_held(stepper& s, const event& e);
/// Freezes a guest that is at rest when its node goes down on purpose and its policy says to wait; true when that was
/// just done.
[[nodiscard]] bool must_freeze(stepper& s);
void on_resting(stepper& s, const event& e);
/// Restores and evacuations load storages and targets: only so many at once, one per target (reliability §1.5). Puts a
/// free target first; false when it has to wait its turn, for which it is then held.
[[nodiscard]] bool finds_its_turn(stepper& s, plan& p);
/// Proxmox HA has come or gone, the target has gone, or a person has moved it (machine_handover.cpp).
void on_news(stepper& s, const event& e);
/// It still answers although its node has left the cluster.
void hold_for_life(stepper& s, const node_name& home);
void on_disable(stepper& s, const disable& wish);
/// Before the commit only.
void on_abort(stepper& s, const abort_order& wish);
/// A fault that is believed: restart, plan, or hold.
void react(stepper& s);
void order(stepper& s, const ordered& o);

// machine_evacuation.cpp: away from a node before it goes down.
/// Whether a guest at rest is to be moved away before its node goes down, and what that event means for it then:
/// nothing else is done about it.
[[nodiscard]] bool must_move(stepper& s, const event& e);
void on_evacuating(stepper& s, const event& e);

// machine_failback.cpp: home again after a hand-over.
void on_go_home(stepper& s, const go_home& wish);
void on_failing_back(stepper& s, const event& e);

// machine_handover.cpp: from claimed to the end.
void on_claimed(stepper& s, const event& e);
void on_stopping(stepper& s, const event& e);
void on_fencing(stepper& s, const event& e);
void on_isolating(stepper& s, const event& e);
void on_parked(stepper& s, const event& e);
/// Until a target is there again.
void on_held_while_parked(stepper& s, const event& e);
void on_restoring(stepper& s, const event& e);
void on_cleaning(stepper& s, const event& e);
void on_restored(stepper& s, const event& e);
void on_starting(stepper& s, const event& e);
void on_verifying(stepper& s, const event& e);
void on_rolling_back(stepper& s, const event& e);
void claim_hand_over(stepper& s, plan chosen);
/// The next target that has not failed yet, if the policy allows one more.
[[nodiscard]] std::optional<node_name> next_target(const record& r, const policy& rules);
/// Once for each target, however often it fails on the way out: what was tried is counted.
void mark_tried(record& r, const std::string& why);
/// Starts the operation that belongs to the phase again; every operation adopts what is already there.
void resume(stepper& s);

}  // namespace steward::failover::detail
