#include "fence_world.hpp"

#include "steps.hpp"

#include <algorithm>
#include <array>
#include <fmt/core.h>

namespace steward::model_check {

using namespace std::chrono_literals;
using fencing::guard_effect;
using fencing::guard_phase;
using lease::contract;

namespace {

constexpr std::uint8_t oldest = 40;  // steps; beyond every limit

// watchdog-mux: 60 s and up to two more until it looks (P11), then the device's 10 s and a second.
constexpr std::uint8_t mux_patience = 12;
constexpr std::uint8_t device_dies_in = 2;
constexpr std::uint8_t membership_takes = 2;  // 8 s

enum action : std::uint8_t {
    nothing,
    cut,
    mend,
    freeze,
    thaw,
    stall,
    stall_before_feed,
    go_on,
    crash,
    boot,
    write_blocks,
    answer_late,
    answer_lost,
    cannot_kill,
    clock_gains,
    begin_shutdown,
    call_shutdown_off,
    count
};
constexpr std::array<const char*, count> names{"five seconds",
                                               "the network is cut",
                                               "the network is mended",
                                               "the machine stands still",
                                               "the machine goes on",
                                               "the guard's process stands still",
                                               "the guard's process stands still before it feeds",
                                               "the guard's process goes on",
                                               "the node loses power",
                                               "the node boots",
                                               "a write blocks",
                                               "a write is done, but its answer is late",
                                               "a write is done, but reported as failed",
                                               "the guest cannot be killed",
                                               "the leader's clock gains five seconds",
                                               "the node is being shut down",
                                               "the shutdown is called off, the guest started"};

}  // namespace

/// One step under way.
class fence_world::moment {
  public:
    moment(const fence_world& world, const State& from, int what) : world_(world), s(from), what_(what) {}

    /// False when it cannot happen.
    bool happen() {
        if (!is_possible()) return false;
        if (is_fault() && ++s.faults > world_.most_faults_) return false;
        pass_time();
        change();
        if (s.is_on != 0 && s.is_frozen == 0) {
            run_watchdog();
            if (s.is_on != 0 && s.is_stalled == 0) run_guard();
        }
        lead();
        return true;
    }
    [[nodiscard]] const State& result() const { return s; }

  private:
    [[nodiscard]] bool is_possible() const {
        const bool runs = s.is_on != 0 && s.is_frozen == 0;
        switch (what_) {
            case cut: return s.is_cut == 0;
            case mend: return s.is_cut != 0;
            case freeze: return runs && s.is_stalled == 0;
            case thaw: return s.is_frozen != 0;
            case stall:
            case stall_before_feed: return runs && s.is_stalled == 0 && s.mux != 0 && !has_let_go();
            case go_on: return runs && s.is_stalled != 0;
            case crash: return s.is_on != 0;
            case boot: return s.is_on == 0 && s.boot < 2;
            case write_blocks:
            case answer_late: return runs && s.is_stalled == 0 && s.is_cut == 0;
            case answer_lost: return runs && s.is_stalled == 0 && s.is_cut == 0;
            case cannot_kill: return runs && s.is_here != 0 && s.mux != 0 && !has_let_go();
            case clock_gains: return s.is_fast == 0;
            case begin_shutdown: return runs && s.leaving == 0;
            case call_shutdown_off: return runs && s.is_stalled == 0 && s.leaving != 0 && s.is_cut == 0;
            default: return true;
        }
    }

    [[nodiscard]] bool is_fault() const {
        const bool goes_on_blocking = (what_ == write_blocks || what_ == answer_late) && s.in_flight != 0;
        return what_ != nothing && what_ != mend && what_ != thaw && what_ != go_on && what_ != boot &&
               !goes_on_blocking;
    }

    /// Then the only word that others have of it is that nothing runs: nothing but the guard itself keeps that.
    [[nodiscard]] bool has_let_go() const { return lease::is_empty_handed(static_cast<contract>(s.stored)); }

    void pass_time() {
        count_up(s.silence, oldest);
        if (s.is_on == 0) return;
        count_up(s.lease_age, oldest);
        count_up(s.fed_age, oldest);
        if (s.in_flight != 0) count_up(s.in_flight, oldest);
        if (s.pause != 0) --s.pause;
    }

    void change() {
        switch (what_) {
            case cut: s.is_cut = 1; break;
            case mend: s.is_cut = 0; break;
            case freeze: s.is_frozen = 1; break;
            case thaw: s.is_frozen = 0; break;
            case stall: s.is_stalled = 1; break;
            case go_on: s.is_stalled = 0; break;
            case crash: go_down(); break;
            case boot: come_up(); break;
            case clock_gains:
                s.is_fast = 1;
                count_up(s.silence, oldest);
                break;
            case begin_shutdown:
                s.leaving = 1;
                s.is_here = 0;
                break;
            case call_shutdown_off:
                s.leaving = 0;
                // PVE starts a guest whose configuration is here, and only with a majority (P12).
                if (s.unreachable == 0 && s.is_there == 0 && s.may_start != 0) s.is_here = 1;
                break;
            default: break;
        }
        const bool can_be_reached = s.is_on != 0 && s.is_frozen == 0 && s.is_cut == 0;
        if (can_be_reached)
            s.unreachable = 0;
        else
            count_up(s.unreachable, membership_takes + 13);
    }

    /// What the cluster keeps stays, and which boot it was.
    void go_down() {
        State off;
        off.is_on = 0;
        off.is_cut = s.is_cut;
        off.unreachable = s.unreachable;
        off.is_there = s.is_there;
        off.boot = s.boot;
        off.stored = s.stored;
        off.has_lease = s.has_lease;
        off.silence = s.silence;
        off.is_fast = s.is_fast;
        off.faults = s.faults;
        s = off;
    }

    void come_up() {
        s.is_on = 1;
        ++s.boot;
        // Its copy of /etc/pve is that of before: the configuration was at home then (reliability §1.3, embargo).
        if (world_.weak_ == weakness::no_embargo) s.is_here = 1;
    }

    void run_watchdog() {
        if (s.dies_in != 0) {
            if (--s.dies_in == 0) go_down();
            return;
        }
        if (s.mux == 0) return;
        ++s.mux;
        if (s.mux > mux_patience + 1) s.dies_in = device_dies_in;
    }

    void run_guard() {
        if (s.must_feed != 0) feed();
        tell(fencing::guard_tick{});
        if (s.is_on == 0) return;
        look_around();
        // News does not wait for its turn; but it is not written at the same moment either.
        const bool has_news = s.promise != s.written;
        renew();
        if (has_news) s.pause = std::min<std::uint8_t>(s.pause, 1);
    }

    void look_around() {
        fencing::guard_wishes w;
        w.has_guests = s.is_here != 0 || s.is_there == 0;
        w.wanted = world_.wanted_;
        w.may_arm = true;
        w.leaving = s.leaving != 0 ? lease::departure::shutdown : lease::departure::none;
        w.runs_guests = s.is_here != 0;
        tell(w);
    }

    void renew() {
        if (s.in_flight == 0) {
            if (s.pause != 0) return;
            s.in_flight = 1;
            s.sent = s.promise;
        }
        if (s.is_cut != 0) {
            if (s.unreachable < membership_takes) return;  // it waits for the new membership
            return end_renewal(false);
        }
        const bool has_time = s.in_flight < longest_block;
        if (what_ == write_blocks && has_time) return;
        if (s.is_done == 0) {
            s.stored = s.sent;
            s.has_lease = 1;
            s.silence = 0;
            s.is_done = 1;
        }
        if (what_ == answer_late && has_time) return;
        end_renewal(what_ != answer_lost);
    }

    void end_renewal(bool ok) {
        fencing::renewal_ended ended;
        ended.ok = ok;
        ended.begun = now - one_step * (s.in_flight - 1);
        ended.promised = static_cast<contract>(s.sent);
        s.in_flight = s.is_done = 0;
        s.pause = ok ? 2 : 1;
        tell(ended);
        if (!ok || s.is_on == 0) return;
        const bool was_in_embargo = s.phase == static_cast<std::uint8_t>(guard_phase::embargo);
        tell(fencing::records_read{});
        // Behind a write it reads what was taken from here, and ends that: the last line against a second copy.
        if (s.is_there != 0 && what_ != cannot_kill && world_.weak_ != weakness::keeps_no_promise) s.is_here = 0;
        if (!was_in_embargo) return;
        s.may_start = 1;
        if (s.is_there == 0 && s.leaving == 0) s.is_here = 1;
    }

    void feed() {
        s.must_feed = 0;
        if (s.mux != 0 && s.dies_in == 0) s.mux = 1;
    }

    [[nodiscard]] fencing::guard_state guard() const {
        fencing::guard_state g;
        g.at = static_cast<guard_phase>(s.phase);
        g.promise = static_cast<contract>(s.promise);
        g.written = static_cast<contract>(s.written);
        g.has_watchdog = s.has_watchdog != 0;
        g.is_relied_on = s.is_relied_on != 0;
        g.has_renewed = s.has_renewed != 0;
        g.suspended_renewals = s.suspended;
        g.is_slow = s.is_slow != 0;
        g.fed = now - one_step * s.fed_age;
        g.lease_since = now - one_step * s.lease_age;
        g.wishes.has_guests = s.has_guests != 0;
        g.wishes.wanted = world_.wanted_;
        g.wishes.may_arm = true;
        g.wishes.leaving = s.leaving != 0 ? lease::departure::shutdown : lease::departure::none;
        g.wishes.runs_guests = s.runs_guests != 0;
        return g;
    }

    void tell(const fencing::guard_event& event) {
        const fencing::guard_step next = fencing::advance(guard(), event, now);
        const fencing::guard_state& g = next.now;
        s.phase = static_cast<std::uint8_t>(g.at);
        s.promise = static_cast<std::uint8_t>(g.promise);
        s.written = static_cast<std::uint8_t>(g.written);
        s.has_watchdog = g.has_watchdog ? 1 : 0;
        s.is_relied_on = g.is_relied_on ? 1 : 0;
        s.has_renewed = g.has_renewed ? 1 : 0;
        s.suspended = static_cast<std::uint8_t>(g.suspended_renewals);
        s.is_slow = g.is_slow ? 1 : 0;
        s.fed_age = g.has_watchdog ? steps_since(g.fed, oldest) : std::uint8_t{0};
        s.lease_age = steps_since(g.lease_since, oldest);
        s.has_guests = g.wishes.has_guests ? 1 : 0;
        s.runs_guests = g.wishes.runs_guests ? 1 : 0;
        carry_out(next.run);
    }

    void carry_out(guard_effect effect) {
        switch (effect) {
            case guard_effect::none: return;
            case guard_effect::open_watchdog: s.mux = 1; return tell(fencing::watchdog_answer{true});
            case guard_effect::feed:
                if (what_ != stall_before_feed) return feed();
                s.must_feed = 1;
                s.is_stalled = 1;
                return;
            case guard_effect::close_watchdog: s.mux = 0; return;
            case guard_effect::kill_guests:
                if (what_ == cannot_kill || world_.weak_ == weakness::keeps_no_promise) return;
                s.is_here = 0;
                return tell(fencing::all_killed{});
        }
    }

    /// Takes over as soon as it may; nothing takes any time after that.
    void lead() {
        if (s.is_there != 0 || s.has_lease == 0 || s.unreachable < membership_takes) return;
        fencing::evidence e;
        e.node = world_.node_;
        e.gone_for = one_step * (s.unreachable - membership_takes);
        e.lease.emplace();
        e.lease->node = world_.node_;
        e.lease->boot_id = "1";
        e.lease->promise = static_cast<contract>(s.stored);
        if (world_.weak_ == weakness::believes_in_none && e.lease->promise == contract::none)
            e.lease->promise = contract::watchdog;
        e.silence = one_step * s.silence;
        if (world_.weak_ == weakness::waits_less) *e.silence += 45s;
        e.accepts_weak = true;
        // Without any promise or before its time: what most steps are.
        const bool is_empty_handed = lease::is_empty_handed(e.lease->promise);
        if (!is_empty_handed && *e.silence < 100s) return;
        const auto verdict = fencing::judge(e);
        // The guard beside the leader moves no configuration of a node that may only have missed a renewal.
        const bool is_early = is_empty_handed && *e.silence < fencing::timing::after_release;
        if (verdict.given && !is_early) s.is_there = 1;
    }

    const fence_world& world_;
    State s;
    int what_;
};

int fence_world::actions() const { return count; }
const char* fence_world::name_of(int action) const { return names.at(static_cast<std::size_t>(action)); }

std::optional<fence_world::State> fence_world::step(const State& from, int action) const {
    moment m(*this, from, action);
    if (!m.happen()) return std::nullopt;
    return m.result();
}

const char* fence_world::broken(const State& s) const {
    if (s.is_on != 0 && s.is_frozen == 0 && s.is_here != 0 && s.is_there != 0) return "two copies run (I1)";
    return nullptr;
}

std::string fence_world::describe(const State& s) const {
    if (s.is_on == 0) return fmt::format("node off, lease {} s ago{}", 5 * s.silence, s.is_there ? ", taken over" : "");
    return fmt::format(
        "{}, promise {} (stored {}), lease {} s old, seen {} s ago, mux {}{}{}{}{}{}{}",
        fencing::name_of(static_cast<guard_phase>(s.phase)), lease::name_of(static_cast<contract>(s.promise)),
        lease::name_of(static_cast<contract>(s.stored)), 5 * s.lease_age, 5 * s.silence,
        s.mux == 0 ? "closed" : fmt::format("fed {} s ago", 5 * (s.mux - 1)), s.dies_in != 0 ? ", the device dies" : "",
        s.is_frozen ? ", frozen" : "", s.is_stalled ? ", guard stands still" : "", s.is_cut ? ", cut off" : "",
        s.is_here ? ", RUNS HERE" : "", s.is_there ? ", RUNS THERE" : "");
}

}  // namespace steward::model_check
