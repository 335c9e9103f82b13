#include "core/failover/forecast.hpp"

#include "core/failover/machine.hpp"

#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <map>

namespace steward::failover {

namespace {

/// Enough to tell what is usual; older ones say little about today's disks.
constexpr std::size_t restores_judged = 9;

/// Bytes a second; 0 when there are none.
double median_speed(const std::vector<const measured_restore*>& of) {
    std::vector<double> speeds;
    for (const measured_restore* r : of) {
        const double seconds = std::chrono::duration<double>(r->took).count();
        if (seconds > 0 && r->bytes > 0) speeds.push_back(static_cast<double>(r->bytes) / seconds);
        if (speeds.size() == restores_judged) break;
    }
    if (speeds.empty()) return 0;
    const auto middle = speeds.begin() + static_cast<std::ptrdiff_t>(speeds.size() / 2);
    std::nth_element(speeds.begin(), middle, speeds.end());
    return *middle;
}

void take_refusal(const refusal& no, forecast& into) {
    into.code = no.code;
    into.text = no.text;
    into.release = no.release;
    into.rejections = no.rejections;
}

/// A token that may only look is enough to tell what would be possible.
facts with_all_privileges(facts seen, const policy& rules) {
    for (const std::string& path : acl_paths(seen, rules)) seen.privileges[path] = needed_privileges();
    return seen;
}

}  // namespace

std::optional<duration> restore_speed::takes(guest_id guest, const node_name& target, std::uint64_t bytes) const {
    std::array<std::vector<const measured_restore*>, 3> groups;
    for (const measured_restore& r : all_) {
        if (r.guest == guest) groups[0].push_back(&r);
        if (r.target == target) groups[1].push_back(&r);
        groups[2].push_back(&r);
    }
    for (const auto& group : groups) {
        const double speed = median_speed(group);
        if (speed <= 0) continue;
        return std::chrono::duration_cast<duration>(std::chrono::duration<double>(static_cast<double>(bytes) / speed));
    }
    return std::nullopt;
}

fencing::evidence assumed_dead(const node_name& node) {
    fencing::evidence dead;
    dead.node = node;
    dead.gone_for = until_proven;
    dead.has_agent = true;
    dead.off_by_agent = until_proven;
    return dead;
}

forecast foretell(const facts& seen, const policy& rules, const restore_speed& measured) {
    forecast f;
    f.guest = seen.guest;
    const model::guest_row* row = seen.view ? seen.view->find(seen.guest) : nullptr;
    if (row != nullptr) {
        f.name = row->name;
        f.node = row->node;
        f.is_running = row->status == model::run_state::running;
    }
    if (row != nullptr && row->status == model::run_state::stopped) {
        f.code = "not_running";
        f.text = "it does not run, and is left so";
        return f;
    }
    auto made = make_plan(seen, rules, {});
    if (const auto* no = std::get_if<refusal>(&made); no != nullptr && no->code == "missing_privilege") {
        f.lacks = no->text;
        made = make_plan(with_all_privileges(seen, rules), rules, {});
    }
    if (const auto* no = std::get_if<refusal>(&made)) {
        take_refusal(*no, f);
        const std::string unseen = no->code == "no_backup" ? rights_to_see_backups(seen, rules) : std::string();
        if (unseen.empty()) return f;
        f.code = "unknown";
        f.text = "whether there is a backup of it cannot be seen";
        f.release = "give the token " + unseen;
        return f;
    }
    const auto& chosen = std::get<plan>(made);
    f.how = chosen.how;
    f.target = chosen.targets.front();
    f.text = describe(chosen, seen.now);
    f.rejections = chosen.rejections;
    if (chosen.how == strategy::relocate) {
        f.loses = duration::zero();
        f.restore = duration::zero();
        return f;
    }
    f.archive = chosen.archive->volume;
    f.archive_stamp = chosen.archive->stamp;
    f.loses = std::max<duration>(seen.now - chosen.archive->created, duration::zero());
    f.restore = measured.takes(seen.guest, f.target, chosen.archive->bytes);
    return f;
}

void queue_restores(std::vector<forecast>& of_one_node) {
    std::array<std::optional<duration>, traffic::most> free_at;
    free_at.fill(until_proven);
    std::map<node_name, std::optional<duration>> target_free_at;
    for (forecast& f : of_one_node) {
        if (!f.how) continue;
        if (f.how == strategy::relocate) {
            f.takes = until_proven + until_up;
            continue;
        }
        // One of unknown length makes the rest of that queue unknown.
        const auto sooner = [](const auto& a, const auto& b) { return a && (!b || *a < *b); };
        auto& slot = *std::min_element(free_at.begin(), free_at.end(), sooner);
        auto& target = target_free_at.try_emplace(f.target, until_proven).first->second;
        if (slot && target && f.restore)
            slot = std::max(*slot, *target) + *f.restore + until_up;
        else
            slot.reset();
        f.takes = target = slot;
    }
}

std::string describe(const plan& p, wall_time now) {
    if (p.targets.empty()) return "nowhere to go";
    const std::string target = p.targets.front().str();
    if (p.how == strategy::relocate) return fmt::format("moved to {}: its disks are shared", target);
    const std::string age = p.archive ? describe_duration(now - p.archive->created) : "?";
    const bool is_unhealthy = p.archive && p.archive->stamp.health == model::guest_health::unhealthy;
    return fmt::format("restored on {} from a backup that is {} old{}", target, age,
                       is_unhealthy ? ", taken while it was unhealthy" : "");
}

}  // namespace steward::failover
