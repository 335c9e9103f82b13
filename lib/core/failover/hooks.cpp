#include "core/failover/hooks.hpp"

#include <fmt/core.h>

namespace steward::failover {
namespace {

/// From its number to its end. Migrations away and home are PVE's own affair.
bool is_handing_over(const record& r) {
    const bool migrates = r.at == phase::evacuating || r.at == phase::failing_back;
    return (is_in_flight(r.at) && !migrates) || is_parked(r);
}

std::string ending_of(const record& r) {
    return r.at == phase::held && r.held ? r.held->code : std::string(name_of(r.at));
}

}  // namespace

const char* name_of(hook_event e) noexcept { return e == hook_event::restart ? "restart" : "handover"; }

const char* name_of(hook_point p) noexcept {
    switch (p) {
        case hook_point::pre: return "pre";
        case hook_point::post: return "post";
        case hook_point::failed: return "failed";
    }
    return "pre";
}

std::optional<hook_event> hooks_before(operation o) noexcept {
    if (o == operation::restart) return hook_event::restart;
    if (o == operation::claim) return hook_event::handover;
    return std::nullopt;
}

std::optional<hook_moment> hooks_after(const record& before, const record& after) {
    if (before.at == phase::restarting) {
        // Once more is another attempt: the first has not helped.
        const bool is_over = after.at != phase::restarting || after.restarts.size() > before.restarts.size();
        if (!is_over) return std::nullopt;
        const bool is_well = after.at == phase::watching && before.operation_done;
        return hook_moment(hook_event::restart, is_well ? hook_point::post : hook_point::failed, ending_of(after));
    }
    if (!is_handing_over(before) || is_handing_over(after)) return std::nullopt;
    return hook_moment(hook_event::handover, after.at == phase::done ? hook_point::post : hook_point::failed,
                       is_unverified(after) ? "unverified" : ending_of(after));
}

std::string hook_id(hook_event e, const record& r) {
    std::string guest = to_string(r.guest);
    guest.replace(guest.find('/'), 1, "-");
    if (e == hook_event::handover) return fmt::format("handover.{}.g{}", guest, r.claim);
    const auto since = r.restarts.empty() ? r.since : r.restarts.back();
    return fmt::format("restart.{}.{}", guest, since.time_since_epoch().count());
}

}  // namespace steward::failover
