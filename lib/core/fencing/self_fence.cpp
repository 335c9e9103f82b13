#include "core/fencing/self_fence.hpp"

#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <utility>

namespace steward::fencing {

namespace {

constexpr std::array<std::pair<guard_phase, const char*>, 9> names{{{guard_phase::embargo, "embargo"},
                                                                    {guard_phase::disarmed, "disarmed"},
                                                                    {guard_phase::arming, "arming"},
                                                                    {guard_phase::armed, "armed"},
                                                                    {guard_phase::withdrawing, "withdrawing"},
                                                                    {guard_phase::late, "late"},
                                                                    {guard_phase::starved, "starved"},
                                                                    {guard_phase::killing, "killing"},
                                                                    {guard_phase::killed, "killed"}}};

bool is_promising(lease::contract c) { return c == lease::contract::watchdog || c == lease::contract::selfstop; }

class stepper {
  public:
    stepper(guard_state before, time_point now) : now_(now) { out_.now = before; }
    guard_state& s() { return out_.now; }

    void on(const guard_tick&) {
        if (!s().has_renewed || s().at == guard_phase::embargo || s().at == guard_phase::killed) return;
        const duration age = now_ - s().lease_since;
        if (is_given_up() && age >= guard_timing::late) {
            s().at = guard_phase::killing;
            return run(guard_effect::kill_guests);
        }
        // Whoever has promised nothing has nothing to keep: its guests run on, and nobody takes them for dead. What
        // counts is what the others read, not what the next renewal would tell them.
        if (!is_promising(s().promise) && !s().is_relied_on && s().at != guard_phase::withdrawing) return;
        if (s().at == guard_phase::killing) return run(guard_effect::kill_guests);
        if (age >= guard_timing::kill) {
            s().at = guard_phase::killing;
            return run(guard_effect::kill_guests);
        }
        if (age >= guard_timing::hold && s().at != guard_phase::withdrawing)
            s().at = guard_phase::starved;
        else if (age >= guard_timing::late && s().at != guard_phase::withdrawing)
            s().at = guard_phase::late;
    }

    /// The others read that nothing of ours runs here any more, and are free to start it elsewhere as soon as this node
    /// has left and missed its renewals (timing::after_release); but a shutdown was called off, and something runs.
    bool is_given_up() { return lease::is_empty_handed(s().written) && s().wishes.runs_guests; }

    void on(const renewal_ended& r) {
        if (!r.ok) {
            // Whether it was written is not known: the stronger promise has to be kept.
            s().is_relied_on = s().is_relied_on || is_promising(r.promised);
            return on(guard_tick{});
        }
        s().lease_since = std::max(s().lease_since, r.begun);
        s().has_renewed = true;
        s().written = r.promised;
        s().is_relied_on = is_promising(r.promised);
        if (s().suspended_renewals > 0 && --s().suspended_renewals == 0 && s().has_watchdog)
            s().promise = lease::contract::watchdog;
        const duration age = now_ - s().lease_since;
        if (age <= guard_timing::feed_within) s().is_slow = false;
        switch (s().at) {
            case guard_phase::embargo: return;
            case guard_phase::killing: return run(guard_effect::kill_guests);
            case guard_phase::killed: s().at = guard_phase::embargo; return;
            case guard_phase::withdrawing:
                if (s().is_relied_on) return;  // that renewal was on its way before
                // The others know now that nothing is promised any more.
                s().at = guard_phase::disarmed;
                if (s().has_watchdog) run(guard_effect::close_watchdog);
                s().has_watchdog = false;
                return;
            case guard_phase::arming:
                if (age < guard_timing::late && s().is_relied_on) s().at = guard_phase::armed;
                break;
            case guard_phase::late:
            case guard_phase::starved:
                if (age < guard_timing::late) s().at = guard_phase::armed;
                break;
            case guard_phase::disarmed:
            case guard_phase::armed: break;
        }
        // Checked immediately before the feed, which is the caller's next instruction (E2).
        if (s().has_watchdog && age <= guard_timing::feed_within) {
            s().fed = now_;
            run(guard_effect::feed);
        }
        if (is_too_slow_for_the_watchdog(age)) return give_up_feeding();
        if (out_.run == guard_effect::none) reconsider();
    }

    /// Whether another renewal like this one would leave no time to take the promise back in writing before
    /// watchdog-mux has had enough. A change of the membership blocks one renewal for some seconds, and is none; one
    /// that has just fed it never is.
    bool is_too_slow_for_the_watchdog(duration age) {
        if (!s().has_watchdog || s().at == guard_phase::starved) return false;
        return now_ - s().fed + std::max(age, guard_timing::renewal) + age >= guard_timing::unfed;
    }

    /// A slow disk is no reason to reset a node that can still write: the others are told to count on nothing, and then
    /// the watchdog is closed.
    void give_up_feeding() {
        s().is_slow = true;
        s().at = guard_phase::withdrawing;
        s().promise = lease::contract::none;
        s().suspended_renewals = 0;
    }

    void on(const guard_wishes& w) {
        s().wishes = w;
        reconsider();
    }

    /// The system goes down and every guest of ours has ended: who reads that needs no other proof.
    void let_go() {
        const bool is_back = s().wishes.leaving == lease::departure::reboot;
        s().promise = is_back ? lease::contract::frozen : lease::contract::released;
        const bool stands = s().at == guard_phase::armed || s().at == guard_phase::arming;
        if (stands) s().at = guard_phase::withdrawing;  // the watchdog stays until that has been written
    }

    void reconsider() {
        const guard_wishes& w = s().wishes;
        if (w.leaving != lease::departure::none && !w.runs_guests && s().has_renewed) return let_go();
        // It was called off, or something was started after all.
        if (lease::is_empty_handed(s().promise)) s().promise = lease::contract::none;
        const bool is_hindered = s().is_slow && w.wanted == lease::contract::watchdog;
        const bool wants = w.has_guests && w.may_arm && w.wanted != lease::contract::none && !is_hindered;
        if (s().at == guard_phase::disarmed && wants && !s().has_watchdog) {
            s().at = guard_phase::arming;
            if (w.wanted == lease::contract::watchdog) return run(guard_effect::open_watchdog);
            s().promise = lease::contract::selfstop;
            return;
        }
        const bool stands = s().at == guard_phase::armed || s().at == guard_phase::arming;
        if (stands && !wants) {
            s().at = guard_phase::withdrawing;
            s().promise = lease::contract::none;
        }
    }

    void on(const watchdog_answer& a) {
        if (s().at == guard_phase::arming && a.works) {
            s().has_watchdog = true;
            s().fed = now_;
            s().promise = lease::contract::watchdog;
            return;
        }
        if (a.works) return;
        // Gone: what was promised cannot be kept, and the others must hear that first.
        s().has_watchdog = false;
        s().promise = lease::contract::none;
        if (s().at == guard_phase::arming) s().at = guard_phase::disarmed;
        if (s().at == guard_phase::armed) s().at = guard_phase::withdrawing;
    }

    void on(const clock_went_back&) {
        if (s().promise != lease::contract::watchdog) return;
        s().promise = lease::contract::none;
        s().suspended_renewals = 2;
    }

    /// Nothing that it knows of its lease counts: it neither feeds nor serves anything before it has written again.
    void on(const memory_went_back&) {
        s().lease_since = std::min(s().lease_since, now_ - guard_timing::hold);
        if (s().at == guard_phase::armed || s().at == guard_phase::late) s().at = guard_phase::starved;
    }

    void on(const records_read&) {
        if (s().at == guard_phase::embargo && s().has_renewed) s().at = guard_phase::disarmed;
    }

    void on(const all_killed&) {
        if (s().at == guard_phase::killing) s().at = guard_phase::killed;
    }

    void run(guard_effect e) { out_.run = e; }
    guard_step take() { return out_; }

  private:
    time_point now_;
    guard_step out_;
};

}  // namespace

const char* name_of(guard_phase p) noexcept {
    for (const auto& [value, name] : names)
        if (value == p) return name;
    return "embargo";
}

feasibility feasible(int nodes, duration token, duration coefficient) {
    using namespace std::chrono_literals;
    feasibility f;
    const duration real_token = token + coefficient * std::max(0, nodes - 2);
    f.membership = real_token * 22 / 10;  // token and consensus (P15)
    const duration needed = guard_timing::renewal + f.membership + 5s + 5s;
    f.is_possible = guard_timing::hold >= needed;
    f.has_slack = guard_timing::hold >= needed + 10s;
    return f;
}

no_promise promise_refusal(const membership& m) {
    if (m.nodes == 0) return {"membership_unknown", "corosync's configuration cannot be read"};
    if (m.is_two_node)
        return {"two_node_unsafe", "corosync has two_node: 1, so each half of a divided cluster would be quorate"};
    // Two nodes without a third vote can only guess which of them is left.
    if (m.nodes == 2 && !m.has_qdevice)
        return {"two_node_unsafe", "two nodes without a QDevice cannot tell which of them is left"};
    const feasibility f = feasible(m.nodes, m.token, m.coefficient);
    if (f.is_possible) return {};
    return {
        "timing_infeasible",
        fmt::format("with {} nodes corosync takes {} for a new membership: a healthy node could not renew its lease "
                    "in time; lower totem.token_coefficient",
                    m.nodes, describe_duration(f.membership))};
}

guard_step advance(guard_state before, const guard_event& what, time_point now) {
    stepper s(before, now);
    std::visit([&](const auto& e) { s.on(e); }, what);
    return s.take();
}

std::string describe(const guard_state& s, const no_promise& given, time_point now) {
    const no_promise slow{writes_too_slow, "a lease takes too long to write for the watchdog to be fed in time"};
    const no_promise& why = given.code.empty() && s.is_slow ? slow : given;
    const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(now - s.lease_since);
    return fmt::format("phase={}\ncontract={}\nwanted={}\nlease_age_ms={}\nno_promise={}\nreason={}\n", name_of(s.at),
                       lease::name_of(s.promise), lease::name_of(s.wishes.wanted), s.has_renewed ? age.count() : -1,
                       why.code, why.text);
}

std::chrono::seconds clock_watch::step(wall_time wall, time_point boottime) {
    using std::chrono::seconds;
    const auto offset = wall.time_since_epoch() - std::chrono::duration_cast<seconds>(boottime.time_since_epoch());
    const seconds moved = offset_ ? offset - *offset_ : seconds(0);
    offset_ = offset;
    return std::chrono::abs(moved) <= seconds(2) ? seconds(0) : moved;
}

bool serves_changes(const guard_state& s, time_point now) {
    return s.has_renewed && now - s.lease_since < guard_timing::hold;
}

}  // namespace steward::fencing
