#include "services/keeper.hpp"

#include <fmt/core.h>

/// A configuration is moved with one `mv`; the machine that runs does not move with it. Whoever starts it where its
/// configuration is now starts a second copy (reliability I1).
namespace steward {

/// What a node told of a guest follows its configuration to another one until that has told something itself: only what
/// stays so is true.
constexpr duration told_by_itself = std::chrono::seconds(30);

void keeper::note_place(const model::guest_row& row) {
    place_seen& seen = ran_on_[row.id];
    if (row.status == model::run_state::running && seen.node != row.node) seen = {row.node, world_.time.now(), false};
    const bool has_stayed = !seen.node.empty() && world_.time.now() - seen.since >= told_by_itself;
    if (row.status == model::run_state::running)
        seen.is_sure = seen.is_sure || has_stayed;
    else if (!seen.is_sure)
        seen = {};
}

/// Whether the configuration says to leave its node alone.
std::optional<failover::refusal> keeper::ignored(guest_id guest) const {
    const node_name home = world_.home_of(guest);
    if (settings_.ignored.count(home) == 0) return std::nullopt;
    failover::refusal no;
    no.code = "node_ignored";
    no.text = fmt::format("{} is on {}, with which nothing is done (nodes.{}.ignored)", to_string(guest), home.str(),
                          home.str());
    no.release = "the configuration says otherwise";
    no.is_untouchable = true;
    return no;
}

/// Nothing is brought there.
std::set<node_name> keeper::closed_nodes() const {
    std::set<node_name> closed = failover::closed_nodes(pauses_);
    closed.insert(settings_.ignored.begin(), settings_.ignored.end());
    return closed;
}

/// What is known last is where a hand-over brought it, or where it was seen to run.
std::optional<failover::refusal> keeper::misplaced(guest_id guest) const {
    const guest_keeper* known = find(guest);
    const auto* row = sight_.view ? sight_.view->find(guest) : nullptr;
    if (known == nullptr || row == nullptr || row->status != model::run_state::stopped) return std::nullopt;
    const failover::record& r = known->state().saved;
    const bool is_at_rest = !failover::is_in_flight(r.at) && r.at != failover::phase::failed_parked;
    const auto seen = ran_on_.find(guest);
    const bool ran_here = seen != ran_on_.end() && seen->second.is_sure && seen->second.node == row->node;
    // The target of a hand-over that was given up says nothing.
    const bool has_ended_there = r.claim <= r.generation;
    if (!is_at_rest || !has_ended_there || ran_here || r.target.empty() || r.target == row->node) return std::nullopt;
    failover::refusal no;
    no.code = failover::placement_mismatch;
    no.text = fmt::format(
        "the configuration of {} is on {}, where it does not run and was never seen to; the last that is on record is "
        "that it belongs to {}, and it may still run there",
        to_string(guest), row->node.str(), r.target.str());
    no.release = fmt::format("it runs on {}, or its configuration is on {} again", row->node.str(), r.target.str());
    return no;
}

}  // namespace steward
