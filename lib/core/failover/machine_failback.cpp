#include "core/failover/machine_parts.hpp"

#include <algorithm>
#include <fmt/core.h>

/// Home again after a hand-over: by PVE's migration, never by a restore (reliability §1.5).
namespace steward::failover {

bool can_go_home(const record& r) noexcept {
    const bool is_at_rest = r.at == phase::watching || r.at == phase::done;
    return is_at_rest && r.chosen && r.target != r.chosen->source && !r.target.empty();
}

namespace detail {

using health::standing;

void on_go_home(stepper& s, const go_home& wish) {
    record& r = s.saved();
    const bool is_due = wish.is_ordered || (r.at == phase::watching && s.now().last == standing::up &&
                                            s.around().now >= s.now().next_failback && s.around().paused == nullptr);
    if (!can_go_home(r) || !is_due || !s.around().armed || s.around().leaving) return;
    s.enter(phase::failing_back, fmt::format("back from {} to {} by migration", r.target.str(), r.chosen->source.str()),
            limits::failing_back)
        .run(operation::migrate);
}

const finished* end_of_migration(stepper& s, const event& e) {
    // Nobody is left to ask how far the migration came; what follows is a fault of that node like any other.
    if (s.around().is_home_gone) {
        s.enter(phase::watching, "the node that it was on has left the cluster during its migration");
        return nullptr;
    }
    if (again_when_late(s, e, limits::failing_back, operation::migrate)) return nullptr;
    const auto* end = std::get_if<finished>(&e);
    if (end == nullptr || end->how != outcome::unknown) return end;
    look_again(s, end->text);
    return nullptr;
}

void on_failing_back(stepper& s, const event& e) {
    record& r = s.saved();
    const finished* end = end_of_migration(s, e);
    if (end == nullptr) return;
    if (end->how == outcome::ok) {
        r.target = r.chosen->source;
        ++r.generation;
        s.alarm("failed_back", fmt::format("{} is on {} again", guest_name(s), r.target.str()));
        s.enter(phase::watching, fmt::format("back on {} as generation {}", r.target.str(), r.generation));
        return;
    }
    // The replacement is untouched: it goes on where it is.
    s.now().next_failback = s.around().now + std::max(s.rules().cooldown, duration(limits::failing_back));
    s.alarm("failback_failed", fmt::format("{} stays on {}: {}", guest_name(s), r.target.str(), end->text));
    s.enter(phase::watching, fmt::format("stays on {}: {}", r.target.str(), end->text));
}

}  // namespace detail
}  // namespace steward::failover
