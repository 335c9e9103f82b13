#include "core/health/health.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::health {

const char* name_of(standing s) noexcept {
    switch (s) {
        case standing::unknown: return "unknown";
        case standing::up: return "up";
        case standing::suspicious: return "suspicious";
        case standing::down: return "down";
    }
    return "unknown";
}

check_state after_probe(check_state before, verdict answer, std::string reason, rules limits, time_point begun) {
    check_state s = std::move(before);
    s.reason = std::move(reason);
    switch (answer) {
        case verdict::healthy:
            s.bad_in_row = 0;
            s.blank_in_row = 0;
            s.good_at = begun;
            if (s.good_in_row < limits.rise) ++s.good_in_row;
            // One bad answer made a good check suspicious; one good answer clears that. A check that was down, or was
            // never seen up, has to earn it.
            if (s.good_in_row >= limits.rise || s.now == standing::suspicious) s.now = standing::up;
            break;
        case verdict::unhealthy:
            s.good_in_row = 0;
            s.blank_in_row = 0;
            if (s.bad_in_row == 0) s.bad_since = begun;
            if (s.bad_in_row < limits.fall) ++s.bad_in_row;
            if (s.bad_in_row >= limits.fall)
                s.now = standing::down;
            else if (s.now == standing::up)
                s.now = standing::suspicious;
            break;
        case verdict::unknown:
            if (s.blank_in_row < limits.fall) ++s.blank_in_row;
            if (s.blank_in_row >= limits.fall) {
                s.now = standing::unknown;
                s.good_in_row = 0;
                s.bad_in_row = 0;
            }
            break;
    }
    return s;
}

standing behind(standing own, time_point bad_since, const witness& on) noexcept {
    if (on.now != standing::up) return standing::unknown;
    return own == standing::down && on.good_at < bad_since ? standing::suspicious : own;
}

void tally::add(standing s) noexcept {
    switch (s) {
        case standing::up: ++up_; return;
        case standing::suspicious: ++suspicious_; return;
        case standing::down: ++down_; return;
        case standing::unknown: ++unknown_; return;
    }
}

standing tally::of(int required) const noexcept {
    if (all() == 0) return standing::unknown;
    const int needed = required == 0 ? all() : std::min(required, all());
    if (up_ >= needed) return standing::up;
    const int may_fail = all() - needed;
    if (down_ > may_fail) return standing::down;
    return down_ + suspicious_ > may_fail ? standing::suspicious : standing::unknown;
}

summary summarise(const std::vector<named_check>& checks, int required) {
    if (checks.empty()) return {standing::unknown, "no checks are configured"};
    tally counts;
    for (const named_check& c : checks) counts.add(c.state.now);
    summary all;
    all.now = counts.of(required);
    // There always is one: fewer would be another standing.
    const auto decides =
        std::find_if(checks.begin(), checks.end(), [&](const named_check& c) { return c.state.now == all.now; });
    if (decides == checks.end()) return all;
    all.reason = decides->name + ": " + (decides->state.reason.empty() ? "not probed yet" : decides->state.reason);
    if (required != 0 && all.now != standing::up)
        all.reason = fmt::format("{} of {} checks are up, {} must be; {}", counts.up(), counts.all(),
                                 std::min(required, counts.all()), all.reason);
    return all;
}

}  // namespace steward::health
