#include "services/failover/gather.hpp"
#include "services/keeper.hpp"

#include <fmt/core.h>

/// What would happen to each guest if its node died now.
namespace steward {
namespace asio = boost::asio;
namespace {

std::string words_for(const failover::plan& p, wall_time now) {
    if (p.targets.empty()) return "nowhere to go";
    const std::string target = p.targets.front().str();
    if (p.how == failover::strategy::relocate) return fmt::format("moved to {}: its disks are shared", target);
    const std::string age = p.archive ? describe_duration(now - p.archive->created) : "?";
    return fmt::format("restored on {} from a backup that is {} old", target, age);
}

}  // namespace

const keeper::foresight* keeper::foreseen(guest_id guest) const {
    const auto known = foreseen_.find(guest);
    return known == foreseen_.end() ? nullptr : &known->second;
}

/// One guest per look at the cluster: the whole takes a while, and costs PVE next to nothing.
asio::awaitable<void> keeper::foresee_next() {
    if (guests_.empty() || !sight_.view || (cluster_ != nullptr && !is_leading_)) co_return;
    auto next = guests_.upper_bound(foreseen_last_);
    if (next == guests_.end()) next = guests_.begin();
    const guest_id guest = next->first;
    foreseen_last_ = guest;
    const failover::policy rules = policy_of(next->second->settings());
    failover::facts seen =
        co_await failover::gather_facts_as_if_dead(world_.pve, world_.store, guest, rules, world_.own_user, cluster_);
    if (!seen.view || !seen.config) co_return;  // it was not seen just now: what was foreseen before stands
    seen.closed = failover::closed_nodes(pauses_);
    foresight f;
    f.at = world_.time.wall_now();
    const fencing::verdict proof = fencing::judge(*seen.source);
    const auto plan = failover::make_plan(seen, rules, {});
    if (const auto* no = std::get_if<failover::refusal>(&plan)) {
        f.outcome = "held";
        f.code = no->code;
        f.text = no->text;
    } else if (!proof.given) {
        f.outcome = "held";
        f.code = proof.code.empty() ? "no_fence" : proof.code;
        f.text =
            cluster_ == nullptr ? "one daemon alone cannot prove that a node is dead (daemons: per-node)" : proof.text;
    } else {
        const auto& chosen = std::get<failover::plan>(plan);
        f.outcome = failover::name_of(chosen.how);
        f.text = words_for(chosen, f.at);
    }
    foreseen_[guest] = std::move(f);
}

}  // namespace steward
