#include "base/log.hpp"
#include "core/failover/approval.hpp"
#include "services/keeper.hpp"

#include <fmt/core.h>

/// What a person orders about guests and nodes.
namespace steward {
namespace asio = boost::asio;
namespace {

fault not_ours(guest_id guest) {
    return fault(errc::not_found, "", fmt::format("{} is not in the configuration of this daemon", to_string(guest)));
}

}  // namespace

result<void> keeper::must_lead() const {
    if (cluster_ == nullptr || is_leading_) return {};
    const node_name leader = cluster_->leader();
    if (leader.empty()) return fault(errc::refused, "", "no daemon leads at the moment: try again in a minute or two");
    return fault(
        errc::refused, "",
        fmt::format("the daemon on {} leads: give the order there (ssh {} steward …)", leader.str(), leader.str()));
}

result<void> keeper::order_failover(guest_id guest, failover::wish asked) {
    const auto known = guests_.find(guest);
    if (known == guests_.end()) return not_ours(guest);
    if (auto leads = must_lead(); !leads) return leads;
    const failover::phase at = known->second->state().saved.at;
    if (failover::is_in_flight(at))
        return fault(errc::refused, "",
                     fmt::format("a hand-over of {} is under way ({})", to_string(guest), failover::name_of(at)));
    if (failover::is_parked(known->second->state().saved))
        return fault(
            errc::refused, "",
            fmt::format("{} is on its way already: {}", to_string(guest), known->second->state().saved.reason));
    if (at == failover::phase::failed_parked)
        return fault(errc::refused, "",
                     fmt::format("{} is failed_parked; use steward retry {}", to_string(guest), to_string(guest)));
    if (auto armed = must_be_armed(); !armed) return armed;
    if (const auto no = misplaced(guest)) return fault(errc::refused, "", no->text);
    // Whoever restores a backup over something that works should know that he does.
    if (!asked.force && at == failover::phase::watching && known->second->state().last == health::standing::up)
        return fault(errc::refused, "",
                     fmt::format("{} is healthy: what has changed since its last backup would be lost; --force does it "
                                 "all the same",
                                 to_string(guest)));
    known->second->post(failover::ordered{std::move(asked)});
    return {};
}

asio::awaitable<result<void>> keeper::confirm_fence(node_name node, std::string by) {
    if (cluster_ == nullptr) co_return fault(errc::unsupported, "", "this daemon shares its work with no other");
    const auto known = sight_.view ? sight_.view->nodes.find(node) : std::map<node_name, model::node>::const_iterator();
    // One that was taken out of the cluster may have left guests behind.
    const bool is_listed = sight_.view && known != sight_.view->nodes.end();
    if (!is_listed && !cluster_->is_gone(node)) co_return fault(errc::not_found, "", "there is no node " + node.str());
    if (is_listed && known->second.online != false)
        co_return fault(errc::refused, "",
                        node.str() + " is a member of the cluster right now: nobody needs to vouch for it");
    const lease::node_lease* last = cluster_->leases().last(node);
    fencing::confirmation c;
    c.boot_id = last != nullptr ? last->boot_id : "unknown";
    c.by = std::move(by);
    c.when = world_.time.wall_now();
    auto written = co_await cluster_->store().write_confirmation(node, fencing::to_text(c));
    if (!written) co_return written;
    log::warning("fence.confirmed", {{"node", node.str()}, {"by", c.by}});
    decision d;
    d.about = "node/" + node.str();
    d.kind = "fence_confirmed";
    d.verdict = "accepted";
    d.text = "vouched to be off and to stay off";
    d.by = c.by;
    d.observed.emplace_back("boot", c.boot_id);
    note(std::move(d));
    for (auto& [id, guest] : guests_) guest->post(failover::reconsider{});
    co_return result<void>();
}

result<void> keeper::retry(guest_id guest) {
    const auto known = guests_.find(guest);
    if (known == guests_.end()) return not_ours(guest);
    if (auto leads = must_lead(); !leads) return leads;
    const failover::phase at = known->second->state().saved.at;
    const bool can_retry =
        at == failover::phase::failed_parked || at == failover::phase::held || at == failover::phase::disabled;
    if (!can_retry)
        return fault(errc::refused, "",
                     fmt::format("{} is {}: there is nothing to try again", to_string(guest), failover::name_of(at)));
    known->second->post(failover::retry{});
    return {};
}

result<void> keeper::order_failback(guest_id guest) {
    const auto known = guests_.find(guest);
    if (known == guests_.end()) return not_ours(guest);
    if (auto leads = must_lead(); !leads) return leads;
    const failover::record& r = known->second->state().saved;
    const auto* row = sight_.view ? sight_.view->find(guest) : nullptr;
    if (!failover::can_go_home(r) || row == nullptr || row->node != r.target)
        return fault(errc::refused, "",
                     fmt::format("{} is {}{}: it is not where a hand-over brought it", to_string(guest),
                                 failover::name_of(r.at), row == nullptr ? "" : " on " + row->node.str()));
    if (auto armed = must_be_armed(); !armed) return armed;
    const auto home = sight_.view->nodes.find(r.chosen->source);
    if (home == sight_.view->nodes.end() || home->second.online != true || world_.closed().count(home->first) != 0)
        return fault(errc::refused, "", fmt::format("{} cannot take it now", r.chosen->source.str()));
    known->second->post(failover::go_home{true});
    return {};
}

result<std::string> keeper::approval_token(guest_id guest) const {
    const auto known = guests_.find(guest);
    if (known == guests_.end()) return not_ours(guest);
    if (auto leads = must_lead(); !leads) return leads.error();
    const failover::record& r = known->second->state().saved;
    const bool waits = r.at == failover::phase::held && r.held && r.held->code == "approval";
    if (waits) return failover::approval_token(r, world_.time.wall_now());
    return fault(errc::refused, "",
                 fmt::format("{} does not wait for an approval ({})", to_string(guest), failover::name_of(r.at)));
}

result<void> keeper::approve(guest_id guest, bool accepts_stale, const std::string& token) {
    const auto known = guests_.find(guest);
    if (known == guests_.end()) return not_ours(guest);
    const failover::record& r = known->second->state().saved;
    const std::string code = r.at == failover::phase::held && r.held ? r.held->code : std::string();
    if (code != "approval" && !(code == "backup_stale" && accepts_stale))
        return fault(errc::refused, "",
                     fmt::format("{} does not wait for an approval ({})", to_string(guest),
                                 code.empty() ? failover::name_of(r.at) : code.c_str()));
    if (!token.empty()) {
        const duration lasts = known->second->settings().failover.approval_ttl;
        if (auto valid = failover::check_approval(token, r, lasts, world_.time.wall_now()); !valid) return valid;
    }
    failover::wish asked;
    asked.force = accepts_stale;
    return order_failover(guest, std::move(asked));
}

result<void> keeper::abort(guest_id guest, std::string by) {
    const auto known = guests_.find(guest);
    if (known == guests_.end()) return not_ours(guest);
    if (auto leads = must_lead(); !leads) return leads;
    const failover::phase at = known->second->state().saved.at;
    if (!failover::can_abort(at))
        return fault(
            errc::refused, "",
            failover::is_in_flight(at)
                ? fmt::format("the hand-over of {} is committed ({}): it can only go on", to_string(guest),
                              failover::name_of(at))
                : fmt::format("no hand-over of {} is under way ({})", to_string(guest), failover::name_of(at)));
    log::warning("failover.abort", {{"guest", to_string(guest)}, {"by", by}});
    known->second->post(failover::abort_order{std::move(by)});
    return {};
}

result<void> keeper::disable(guest_id guest, std::string by) {
    const auto known = guests_.find(guest);
    if (known == guests_.end()) return not_ours(guest);
    if (auto leads = must_lead(); !leads) return leads;
    const failover::phase at = known->second->state().saved.at;
    const bool is_parked = failover::is_parked(known->second->state().saved);
    if (failover::is_in_flight(at) || at == failover::phase::failed_parked || is_parked)
        return fault(errc::refused, "",
                     fmt::format("{} is {}: what was begun has to end first", to_string(guest), failover::name_of(at)));
    known->second->post(failover::disable{std::move(by)});
    return {};
}

}  // namespace steward
