#include "core/health/health.hpp"

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

check_state after_probe(check_state before, verdict answer, std::string reason, rules limits) {
    check_state s = std::move(before);
    s.reason = std::move(reason);
    switch (answer) {
        case verdict::healthy:
            s.bad_in_row = 0;
            s.blank_in_row = 0;
            if (s.good_in_row < limits.rise) ++s.good_in_row;
            // One bad answer made a good check suspicious; one good answer clears that. A check that was down, or was
            // never seen up, has to earn it.
            if (s.good_in_row >= limits.rise || s.now == standing::suspicious) s.now = standing::up;
            break;
        case verdict::unhealthy:
            s.good_in_row = 0;
            s.blank_in_row = 0;
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

static int severity(standing s) noexcept {
    switch (s) {
        case standing::up: return 0;
        case standing::unknown: return 1;
        case standing::suspicious: return 2;
        case standing::down: return 3;
    }
    return 1;
}

standing worse(standing one, standing other) noexcept { return severity(one) < severity(other) ? other : one; }

summary summarise(const std::vector<named_check>& checks) {
    summary worst;
    if (checks.empty()) {
        worst.reason = "no checks are configured";
        return worst;
    }
    worst.now = standing::up;
    for (const named_check& c : checks) {
        if (severity(c.state.now) < severity(worst.now) || (c.state.now == worst.now && !worst.reason.empty()))
            continue;
        worst.now = c.state.now;
        worst.reason = c.name + ": " + (c.state.reason.empty() ? "not probed yet" : c.state.reason);
    }
    return worst;
}

}  // namespace steward::health
