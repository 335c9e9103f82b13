#include "core/failover/machine_parts.hpp"

#include <algorithm>
#include <fmt/core.h>

/// Everything before a hand-over is claimed, and the phases in which a guest rests afterwards.
namespace steward::failover::detail {
namespace {

using health::standing;

template <class T>
bool is(const event& e) {
    return std::holds_alternative<T>(e);
}

bool says(const event& e, standing what) {
    const auto* news = std::get_if<seen>(&e);
    return news && news->now == what;
}

void forget_before(std::vector<wall_time>& times, wall_time limit) {
    std::erase_if(times, [&](wall_time t) { return t < limit; });
}

bool may_restart(stepper& s) {
    const auto window = std::chrono::ceil<std::chrono::seconds>(s.rules().restart_window);
    forget_before(s.saved().restarts, s.around().wall - window);
    return std::cmp_less(s.saved().restarts.size(), s.rules().restart_attempts);
}

void restart(stepper& s) {
    s.saved().restarts.push_back(s.around().wall);
    s.enter(phase::restarting,
            fmt::format("restart in place {} of {}: {}", s.saved().restarts.size(), s.rules().restart_attempts,
                        s.now().last_reason),
            stop_limit(s.rules()) + s.rules().start_timeout)
        .run(operation::restart);
}

void confirm(stepper& s, std::string why) {
    s.enter(phase::confirming, std::move(why), limits::confirming).run(operation::preflight);
}

void back_to_watching(stepper& s, std::string why) {
    s.saved().ordered = false;
    s.saved().asked = {};
    s.enter(phase::watching, std::move(why));
}

std::string describe(const plan& p) {
    std::string text = fmt::format("{} to {}", name_of(p.how), p.targets.front().str());
    if (p.archive) text += fmt::format(" from {} of {}", p.archive->volume.str(), format_utc(p.archive->created));
    return text;
}

/// Whether a pause forbids to begin anything; then it is held for it. An order is above it.
bool is_paused(stepper& s) {
    const refusal* no = s.around().paused;
    if (no == nullptr || s.saved().ordered) return false;
    s.hold_for(no->code, no->text, no->release);
    return true;
}

/// A plan exists: go, unless a limit says no.
void decide(stepper& s, plan p) {
    record& r = s.saved();
    if (is_paused(s)) return;
    if (!s.around().armed) {
        const std::string first = may_restart(s) && !r.ordered ? "would restart it in place, then " : "would ";
        s.hold_for("observe_mode", "observe mode: " + first + describe(p), "steward arm");
        return;
    }
    if (s.rules().needs_approval && !r.ordered) {
        s.hold_for("approval", "waits for a person to agree: would " + describe(p),
                   fmt::format("steward approve {}", to_string(r.guest)));
        return;
    }
    if (!s.around().no_claims.empty() && !r.ordered) {
        s.hold_for("settling", s.around().no_claims, "it has settled");
        return;
    }
    forget_before(r.failovers, s.around().wall - std::chrono::hours(24));
    if (!r.ordered && std::cmp_greater_equal(r.failovers.size(), s.rules().max_per_day)) {
        s.hold_for("too_many_failovers",
                   fmt::format("{} was failed over {} times in 24 hours", to_string(r.guest), r.failovers.size()),
                   "a day passes, or an operator orders it");
        return;
    }
    if (!finds_its_turn(s, p)) return;
    claim_hand_over(s, std::move(p));
}

void hold_because(stepper& s, const refusal& no) {
    std::string text = no.text;
    for (const rejected& x : no.rejections) text += fmt::format("; {}: {}", x.what, x.why);
    const bool is_news = !s.saved().held || s.saved().held->text != text;
    s.hold_for(no.code, text, no.release);
    if (!no.also.empty() && is_news) s.alarm(no.also, std::move(text));
}

/// A held guest was looked at again. A restart in place needs less than a hand-over does.
void look_from_hold(stepper& s, const planned& answer) {
    const auto* p = std::get_if<plan>(&answer.answer);
    const auto* no = std::get_if<refusal>(&answer.answer);
    if (is_paused(s)) return;
    if (p && p->is_source_gone) return decide(s, *p);
    const bool may_touch_it = p || !no->is_untouchable;
    if (may_touch_it && s.around().armed && may_restart(s)) return restart(s);
    if (p) return decide(s, *p);
    hold_because(s, *no);
}

}  // namespace

/// Whether it may go now, beside what is under way.
static bool has_turn(stepper& s, plan& p, const traffic& all) {
    if (all.under_way + all.ahead >= traffic::most) return false;
    const auto free =
        std::find_if(p.targets.begin(), p.targets.end(), [&](const node_name& n) { return all.targets.count(n) == 0; });
    if (free == p.targets.end()) return false;
    // Those that belong together all wait for the same one.
    if (!s.rules().together.empty()) return free == p.targets.begin();
    std::rotate(p.targets.begin(), free, std::next(free));
    return true;
}

bool finds_its_turn(stepper& s, plan& p) {
    if (!s.around().others || p.how == strategy::relocate || s.saved().ordered) return true;
    const traffic all = s.around().others();
    if (has_turn(s, p, all)) return true;
    s.hold_for("queue",
               fmt::format("waits its turn: {} restores or evacuations are under way, {} guests come first",
                           all.under_way, all.ahead),
               "one of them ends");
    return false;
}

void react(stepper& s) {
    record& r = s.saved();
    if (!r.seen_up && !r.ordered) {
        s.hold_for("probe_never_succeeded",
                   fmt::format("no check of {} has ever succeeded ({}): the check may be wrong", to_string(r.guest),
                               s.now().last_reason),
                   "its checks succeed once");
        return;
    }
    if (is_paused(s)) return;
    if (s.around().armed && !r.ordered && may_restart(s)) return restart(s);
    confirm(s, s.now().last_reason);
}

void on_disable(stepper& s, const disable& wish) {
    record& r = s.saved();
    if (is_in_flight(r.at) || r.at == phase::failed_parked || is_parked(r)) return;
    r.ordered = false;
    r.asked = {};
    s.enter(phase::disabled, "disabled by " + wish.by);
}

void order(stepper& s, const ordered& o) {
    s.saved().ordered = true;
    s.saved().asked = o.asked;
    s.saved().story.clear();
    confirm(s, "ordered by an operator");
}

/// Whoever still answers is not taken for dead, whatever corosync says (reliability §1.3).
static bool shows_life_afar(stepper& s) {
    const auto& hold = s.saved().held;
    return hold && hold->code == "life_evidence" && s.around().is_home_gone;
}

void hold_for_life(stepper& s, const node_name& home) {
    s.hold_for("life_evidence", fmt::format("{} has left the cluster, but the guest still answers", home.str()),
               fmt::format("{} comes back, or the guest falls silent", home.str()));
}

/// What fails while PVE works on the guest is PVE's doing, and nothing is begun before that ends.
static bool is_locked(stepper& s, const event& e) {
    if (!says(e, standing::unknown) || s.around().lock.empty()) return false;
    s.hold_for("locked", fmt::format("{} is locked by PVE ({})", guest_name(s), s.around().lock),
               "the task that holds the lock ends");
    return true;
}

/// A failure that only this daemon sees is none (reliability §1.5). When others find the guest up a person is told that
/// something is wrong here; when nobody else can say it is held, so that it is not forgotten.
static bool stands_alone(stepper& s) {
    const auto& since = s.now().alone_since;
    if (!since || s.around().now - *since < limits::second_opinion) return false;
    if (!s.around().is_contradicted) {
        s.hold_for("no_second_opinion", s.around().alone, "another node's daemon finds it down as well, or it is up");
        return true;
    }
    if (!s.now().is_alone_told) s.alarm("no_second_opinion", s.around().alone);
    s.now().is_alone_told = true;
    return false;
}

void on_watching(stepper& s, const event& e) {
    if (const auto* o = std::get_if<ordered>(&e)) return order(s, *o);
    if (is_locked(s, e)) return;
    if (says(e, standing::suspicious)) {
        s.enter(phase::suspect, s.now().last_reason, limits::unknown);
    } else if (says(e, standing::down)) {
        s.enter(phase::suspect, s.now().last_reason, limits::unknown);
        react(s);
    }
}

void on_suspect(stepper& s, const event& e) {
    if (const auto* o = std::get_if<ordered>(&e)) return order(s, *o);
    if (says(e, standing::up)) return back_to_watching(s, "healthy again");
    if (says(e, standing::down)) return react(s);
    if (is_locked(s, e) || stands_alone(s)) return;
    if (!is<tick>(e) || !s.is_overdue()) return;
    if (s.now().last == standing::down) return react(s);
    if (s.now().last == standing::unknown && s.around().now - s.now().unknown_since >= limits::unknown) {
        s.hold_for("unknown",
                   fmt::format("for {} nothing could be learned about {}: {}", describe_duration(limits::unknown),
                               to_string(s.saved().guest), s.now().last_reason),
                   "its checks give an answer again");
        return;
    }
    s.set_deadline(limits::unknown);
}

void on_restarting(stepper& s, const event& e) {
    record& r = s.saved();
    if (const auto* o = std::get_if<ordered>(&e)) return order(s, *o);
    if (const auto* end = std::get_if<finished>(&e)) {
        switch (end->how) {
            case outcome::ok:
                r.operation_done = true;
                r.reason = end->text;
                s.set_deadline(s.rules().restart_settle);
                s.mark_dirty();
                return;
            case outcome::blocked:
                r.restarts.pop_back();  // nothing was tried, so nothing is used up
                s.hold_for(end->code, end->text, "the reason goes away");
                return;
            case outcome::unknown:
                r.restarts.pop_back();
                s.hold_for("unknown", end->text, "the API answers again");
                return;
            case outcome::failed: s.now().last_reason = end->text; return react(s);
        }
    }
    if (says(e, standing::up) && r.operation_done) {
        s.alarm("restarted", fmt::format("{} works again after a restart in place", to_string(r.guest)));
        return back_to_watching(s, "healthy after a restart in place");
    }
    if (!is<tick>(e) || !s.is_overdue()) return;
    if (r.operation_done) {
        if (s.now().last == standing::down) {
            s.now().last_reason = "restarting in place did not help: " + s.now().last_reason;
            return react(s);
        }
        // Still counting towards up or down, or blind: more time, no new action.
        s.set_deadline(s.rules().restart_settle);
        return;
    }
    s.hold_for("unknown", "the restart in place did not end in time", "its checks give an answer again");
}

void on_confirming(stepper& s, const event& e) {
    record& r = s.saved();
    if (const auto* o = std::get_if<ordered>(&e)) return order(s, *o);
    if (const auto* answer = std::get_if<planned>(&e)) {
        if (const auto* p = std::get_if<plan>(&answer->answer)) return decide(s, *p);
        // An order is for now: it does not wait in the hold to surprise somebody later.
        r.ordered = false;
        r.asked = {};
        return hold_because(s, std::get<refusal>(answer->answer));
    }
    if (says(e, standing::up) && !r.ordered) return back_to_watching(s, "healthy again");
    if (is<tick>(e) && s.is_overdue()) s.enter(phase::suspect, "the preflight did not end in time", limits::unknown);
}

/// Whether a guest of a node that goes down on purpose is left alone.
static bool is_waited_for(const policy& rules, const leave_notice& notice) {
    switch (rules.shutdown) {
        case shutdown_policy::failover: return false;
        case shutdown_policy::freeze: return true;
        case shutdown_policy::conditional:
        case shutdown_policy::evacuate: break;
    }
    return notice.what == lease::departure::shutdown || notice.ago < rules.reboot_grace;
}

void freeze(stepper& s) {
    const bool is_reboot = s.around().leaving->what == lease::departure::reboot;
    s.enter(phase::frozen, is_reboot ? "its node reboots" : "its node is shut down", limits::held_recheck);
}

bool must_freeze(stepper& s) {
    const record& r = s.saved();
    const bool is_at_rest = r.at == phase::watching || r.at == phase::suspect || r.at == phase::restarting ||
                            r.at == phase::confirming ||
                            (r.at == phase::held && r.held && r.held->until <= s.around().wall &&
                             r.held->code != "ha_managed" && !is_unverified(r));
    if (!is_at_rest || r.ordered || !s.around().leaving || !is_waited_for(s.rules(), *s.around().leaving)) return false;
    freeze(s);
    return true;
}

void on_frozen(stepper& s, const event& e) {
    if (const auto* o = std::get_if<ordered>(&e)) return order(s, *o);
    const auto& notice = s.around().leaving;
    if (!notice) return back_to_watching(s, "its node is back");
    s.set_deadline(limits::held_recheck);
    if (is_waited_for(s.rules(), *notice)) return;
    confirm(
        s, fmt::format("its node has not come back from its reboot for {}", describe_duration(s.rules().reboot_grace)));
}

void on_held(stepper& s, const event& e) {
    record& r = s.saved();
    // Until HA lets go of it, or it is seen to run where its configuration is.
    if (r.held && (r.held->code == "ha_managed" || r.held->code == placement_mismatch))
        return s.set_deadline(limits::held_recheck);
    if (is_parked(r)) return on_held_while_parked(s, e);
    if (const auto* o = std::get_if<ordered>(&e)) return order(s, *o);
    const bool is_timed = r.held && r.held->until > s.around().wall;
    if (says(e, standing::up) && !is_timed && !shows_life_afar(s)) return back_to_watching(s, "healthy again");
    if (const auto* answer = std::get_if<planned>(&e)) return look_from_hold(s, *answer);
    const bool now = is<reconsider>(e) || is<retry>(e) || (is<tick>(e) && s.is_overdue());
    if (!now || (is_timed && !is<retry>(e))) return;
    s.set_deadline(limits::held_recheck);
    if (s.now().last == standing::up && shows_life_afar(s)) return;
    if (s.now().last == standing::up) return back_to_watching(s, "healthy again");
    if (is_unverified(r) && !is<retry>(e)) return;
    // Looked at again from inside the hold: no new story, no new alert while the reason stays the same.
    if (s.now().last == standing::down && (r.seen_up || is<retry>(e))) s.run(operation::preflight);
}

void on_resting(stepper& s, const event& e) {
    record& r = s.saved();
    if (r.at == phase::failed_parked) {
        if (!is<retry>(e)) return;
        r.tried.clear();
        r.target = r.chosen->targets.front();
        r.attempt_since = s.around().wall;
        if (r.chosen->how == strategy::relocate) {
            // Nothing is parked, and there is nothing to restore: it only has to be started where its configuration is.
            s.enter(phase::starting, "an operator orders another try", s.rules().start_timeout).run(operation::start);
            return;
        }
        s.enter(phase::parked, "an operator orders another try", limits::parked).run(operation::look_at_target);
        return;
    }
    if (const auto* o = std::get_if<ordered>(&e)) return order(s, *o);
    if (r.at == phase::disabled) {
        if (is<retry>(e)) back_to_watching(s, "looked after again by order");
        return;
    }
    if (r.at == phase::rolled_back) {
        const duration pause = s.rules().cooldown;
        s.hold_for("rolled_back", "brought up again at home after a failed hand-over; waiting before another try",
                   "the cool-down ends, or an operator orders it", pause);
        return;
    }
    if (r.at == phase::aborted_safe && says(e, standing::up)) return back_to_watching(s, "healthy again");
    if (!is<tick>(e) || !s.is_overdue()) return;
    // Another restore of the same archive would not help it: it stays where it is until it has been healthy once.
    if (is_unverified(r) && s.now().last != standing::up) {
        s.hold_for("unverified", fmt::format("its replacement on {} has never passed its checks", r.target.str()),
                   "its checks succeed, or an operator orders a hand-over");
        return;
    }
    back_to_watching(s, "cool-down over");
}

}  // namespace steward::failover::detail
