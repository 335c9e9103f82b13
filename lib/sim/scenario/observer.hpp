#pragma once
#include "core/failover/machine.hpp"
#include "pve/transport.hpp"
#include "sim/model/cluster.hpp"
#include "sim/scenario/timeline.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace steward::sim::scenario {

/// Watches a model and what Steward does to it, writes the timeline, and checks after every step of the model what must
/// hold always (reliability §1.2). Of everything before zero it remembers only the state.
class observer {
  public:
    observer(const cluster& model, time_point now);

    /// From here on the timeline is written; `now` is its zero.
    void start(time_point now);
    /// Call whenever the model may have changed.
    void look();
    void on_step(const failover::state& before, const failover::step& next);
    /// Something that changes something is about to be sent by that node's daemon, which leads in that epoch.
    void on_write(const node_name& actor, std::uint64_t epoch, const pve::request& call);
    void note(happening h);
    /// The number of a hand-over ("fo.103.2") was taken.
    void on_claim(vmid number, std::uint32_t generation);
    /// A drill in which guards do not keep their promise: two copies are to be found, not to be prevented.
    void expect_copies() { expects_copies_ = true; }
    /// An alert that stands until the end; it counts whenever it was raised.
    void note_standing(happening h);
    /// A record that a daemon wrote: a lower epoch than before must never stand (I11).
    void on_record(const failover::record& written);
    void note_peak(const std::string& what, int count) {
        if (is_recording_) seen_.peaks[what] = std::max(seen_.peaks[what], count);
    }
    void count(const std::string& what) {
        if (is_recording_) ++seen_.peaks[what];
    }
    /// Somebody meant this guest's data to go: no longer an invariant.
    void give_up(guest_id guest) { given_up_.insert(guest); }

    [[nodiscard]] const timeline& seen() const { return seen_; }
    /// How every guest stands now.
    [[nodiscard]] std::map<std::string, end_of_guest> ends() const;
    [[nodiscard]] timeline take();

  private:
    using place = std::pair<node_name, guest_id>;

    void add(sight kind, guest_id guest, const node_name& node, std::string name = {}, std::string text = {});
    void look_at_knowledge(const failover::state& before, const failover::state& now);
    void broken(const char* invariant, guest_id guest, std::string text);
    void look_at_instances();
    void look_at_tasks();
    void look_at_parked();
    void look_at_resets();
    void look_at_pauses();
    [[nodiscard]] guest_id guest_with(vmid number) const;
    void look_at_archive(guest_id guest, const pve::request& call);
    void check_copies();
    void check_fence(const failover::record& r);
    void check_volumes();
    void follow_migration(const failover::record& r);
    [[nodiscard]] bool is_retained(guest_id guest) const;

    const cluster& model_;
    time_point zero_;
    bool is_recording_ = false;
    timeline seen_;
    std::vector<happening> standing_;  ///< alerts from before zero
    std::map<place, time_point> running_;
    std::map<guest_id, std::set<std::pair<volid, node_name>>> originals_;  ///< volumes that there were at zero
    std::map<guest_id, std::string> first_home_;
    std::set<guest_id> given_up_;
    std::map<guest_id, duration> lost_;      ///< when a volume of it was first found gone
    std::map<guest_id, node_name> targets_;  ///< of the hand-over that was decided on last
    bool expects_copies_ = false;
    std::set<std::string> known_tasks_;
    std::set<std::string> parked_;
    std::uint64_t acting_epoch_ = 0;  ///< highest one in which anything was changed
    std::map<guest_id, std::uint64_t> epochs_;
    std::map<node_name, int> resets_;
    std::uint64_t resets_seen_ = 0;
    std::map<guest_id, failover::state> states_;
    std::set<guest_id> unknown_;      ///< watched ones of which nothing is known
    std::set<std::string> reported_;  ///< each violation once
    std::map<node_name, bool> frozen_;
    std::map<node_name, time_point> awake_since_;
    std::optional<time_point> check_again_;  ///< for a second copy on a node that has just woken
    std::uint64_t instances_seen_ = 0;
    std::uint64_t volumes_seen_ = 0;
    std::uint64_t parked_stamp_ = 0;
};

}  // namespace steward::sim::scenario
