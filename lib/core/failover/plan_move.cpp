#include "core/failover/plan_move.hpp"

#include "core/failover/guest_disks.hpp"
#include "core/failover/movable.hpp"
#include "core/failover/plan_targets.hpp"
#include "core/failover/refuse.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::failover {
namespace {

/// Disks keep the name of their storage: it has to be there, and to take what is not there already.
std::string disk_fault(const facts& seen, const node_name& target) {
    std::map<storage_id, std::uint64_t> copied;
    for (const disk& d : disks_of(seen.guest.type, *seen.config)) {
        const storage_id s = storage_of(volid(d.volume));
        const auto* there = seen.view->find(target, s);
        if (there == nullptr || !there->available) return fmt::format("storage {} is not available there", s.str());
        if (there->shared) continue;
        copied[s] += d.bytes;
        if (there->free_bytes && *there->free_bytes < copied[s])
            return fmt::format("storage {} has {} MiB free, {} are needed", s.str(), *there->free_bytes >> 20U,
                               copied[s] >> 20U);
    }
    return {};
}

/// Who is still on that node as well is on his way himself, and goes where this one goes.
void forget_those_who_leave_too(const facts& seen, const node_name& home, policy& rules) {
    std::erase_if(rules.together, [&](guest_id other) {
        const auto* row = seen.view->find(other);
        return seen.bound.count(other) == 0 && row != nullptr && row->node == home;
    });
}

}  // namespace

std::variant<plan, refusal> make_move(const facts& seen, policy rules) {
    const std::string name = to_string(seen.guest);
    if (!rules.failover_enabled)
        return refuse("disabled", "failover is switched off for " + name, "set failover.enabled: true");
    if (auto no = may_touch(seen)) return *no;
    plan p;
    p.how = strategy::migrate;
    p.source = seen.view->find(seen.guest)->node;
    p.digest = seen.config->digest;
    if (seen.closed.count(p.source) == 0)
        return refuse("not_leaving", fmt::format("{} is on {}, which stays", name, p.source.str()), "");
    if (seen.status->status != model::run_state::running)
        return refuse("not_running", name + " does not run", "it is started");
    if (auto no = tied_to_its_node(seen)) return *no;

    forget_those_who_leave_too(seen, p.source, rules);
    for (const node_name& n : candidates(seen, rules, {})) {
        std::string fault = node_fault(seen, rules, n);
        if (fault.empty()) fault = disk_fault(seen, n);
        if (fault.empty())
            p.targets.push_back(n);
        else if (n != p.source)
            p.rejections.push_back({n.str(), std::move(fault)});
    }
    if (!p.targets.empty()) return p;
    refusal no = refuse("no_target", "no node can take " + name, "one of the reasons goes away");
    no.rejections = std::move(p.rejections);
    return no;
}

}  // namespace steward::failover
