#include "base/log.hpp"
#include "core/failover/forecast.hpp"
#include "core/failover/movable.hpp"
#include "services/failover/gather.hpp"
#include "services/keeper.hpp"

#include <algorithm>
#include <array>
#include <string_view>

/// What would happen to each guest if its node died now.
namespace steward {
namespace asio = boost::asio;
namespace {

/// What no time heals: better said while all is well than when the guest is down.
bool needs_person(const std::string& code) {
    constexpr std::array<std::string_view, 6> codes{"not_movable",     "no_backup",        "backup_stale",
                                                    "backup_identity", "no_usable_backup", "missing_privilege"};
    return std::find(codes.begin(), codes.end(), code) != codes.end();
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
    if (guests_.count(guest) == 0) co_return;   // a reload has taken it meanwhile
    see_archives(seen, rules);
    co_await stamp_archives(guest, seen.backups, *seen.view);
    seen.closed = closed_nodes();
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
        f.text = failover::describe(chosen, f.at);
    }
    tell_foreseen(guest, f.code, f.text);
    foreseen_[guest] = std::move(f);
}

/// Once, until something else is in the way.
void keeper::tell_foreseen(guest_id guest, const std::string& code, const std::string& text) {
    std::string& known = foretold_[guest];
    const guest_keeper* who = find(guest);
    if (code == known || who == nullptr || who->state().saved.at != failover::phase::watching) return;
    known = code;
    if (!needs_person(code)) return;
    const std::string words = "if its node died now: " + text;
    log::warning("alert", {{"guest", to_string(guest)}, {"code", code}, {"reason", words}});
    if (cluster_ != nullptr && cluster_->on_alert) cluster_->on_alert(code.c_str(), words);
}

/// Each guest once: whether it could be brought elsewhere at all is known from its configuration, and better said while
/// all is well than when it is down.
asio::awaitable<void> keeper::inspect_next() {
    if (!sight_.view || (cluster_ != nullptr && !is_leading_)) co_return;
    const auto next =
        std::find_if(guests_.begin(), guests_.end(), [&](const auto& g) { return inspected_.count(g.first) == 0; });
    if (next == guests_.end()) co_return;
    failover::facts seen;
    seen.guest = next->first;
    inspected_.insert(seen.guest);
    const node_name home = world_.home_of(seen.guest);
    if (home.empty()) co_return;
    auto config = co_await world_.pve.guest_config(home, seen.guest);
    if (!config || guests_.count(seen.guest) == 0) co_return;
    seen.config = std::move(*config);
    if (const auto no = failover::tied_to_its_node(seen)) tell_foreseen(seen.guest, no->code, no->text);
}

}  // namespace steward
