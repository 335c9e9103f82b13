#include "core/fencing/proof.hpp"
#include "core/fencing/self_fence.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::fencing;
using namespace std::chrono_literals;

namespace {

/// A guard whose node was being shut down: its guests had ended, and its lease, so old, says that it let them go.
guard_state departed(duration age, time_point now, lease::contract written = lease::contract::released) {
    guard_state g;
    g.at = guard_phase::disarmed;
    g.has_renewed = true;
    g.lease_since = now - age;
    g.written = written;
    g.wishes.wanted = lease::contract::watchdog;
    g.wishes.runs_guests = false;
    return g;
}

}  // namespace

TEST_CASE("what was started after the guard had let its guests go is ended before others may have taken it") {
    constexpr time_point now{1000s};
    struct row {
        const char* name;
        duration age;
        lease::contract written;
        bool runs;
        guard_effect wanted;
    };
    const row rows[] = {
        {"not before the lease is late", 15s - 1ns, lease::contract::released, true, guard_effect::none},
        {"after a shutdown", 15s, lease::contract::released, true, guard_effect::kill_guests},
        {"after a reboot", 15s, lease::contract::frozen, true, guard_effect::kill_guests},
        {"nothing runs", 1h, lease::contract::released, false, guard_effect::none},
        {"nothing was said", 1h, lease::contract::none, true, guard_effect::none},
    };
    for (const row& r : rows) {
        INFO(r.name);
        guard_state g = departed(r.age, now, r.written);
        g.wishes.runs_guests = r.runs;
        const guard_step next = advance(g, guard_tick{}, now);
        CHECK(next.run == r.wanted);
        CHECK((next.now.at == guard_phase::killing) == (r.wanted == guard_effect::kill_guests));
    }
    // The leader's guard does not believe a lease that lets go before it has missed so many renewals.
    CHECK(guard_timing::late + 5s < timing::after_release);
}
