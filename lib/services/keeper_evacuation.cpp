#include "services/keeper.hpp"

#include <algorithm>

/// What the shutdown of this daemon's node waits for (`steward leaving`). Who moves guests away is the leader.
namespace steward {
namespace {

/// Whether the leader has not decided yet, is at it, or will be: what is held for another reason is not waited for.
bool is_on_its_way(const failover::record& r) {
    using failover::phase;
    if (r.at == phase::held) return r.held && (r.held->code == "queue" || r.held->code == "locked");
    return r.at == phase::watching || r.at == phase::suspect || r.at == phase::evacuating;
}

}  // namespace

std::vector<guest_id> keeper::to_be_evacuated() const {
    std::vector<guest_id> all;
    const bool can_be_done = cluster_ != nullptr && world_.armed && sees_now() && sight_.view->is_quorate == true;
    if (!can_be_done) return all;
    for (const auto& [id, guest] : guests_) {
        if (guest->settings().failover.shutdown != config::on_shutdown::evacuate) continue;
        const auto* row = sight_.view->find(id);
        if (row == nullptr || row->node != cluster_->self()) continue;
        const failover::record& r = guest->state().saved;
        // A container is shut down for its migration.
        const bool is_up = row->status == model::run_state::running || r.at == failover::phase::evacuating;
        if (is_up && is_on_its_way(r)) all.push_back(id);
    }
    return all;
}

duration keeper::longest_evacuation() const {
    duration longest{};
    for (const auto& [id, guest] : guests_)
        if (guest->settings().failover.shutdown == config::on_shutdown::evacuate)
            longest = std::max(longest, guest->settings().failover.evacuate_timeout);
    return longest;
}

}  // namespace steward
