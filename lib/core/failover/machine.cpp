#include "core/failover/machine.hpp"

#include "core/failover/hooks.hpp"
#include "core/failover/machine_parts.hpp"

#include <fmt/core.h>

namespace steward::failover {

const char* name_of(operation o) noexcept {
    switch (o) {
        case operation::none: return "none";
        case operation::restart: return "restart";
        case operation::preflight: return "preflight";
        case operation::plan_move: return "plan_move";
        case operation::claim: return "claim";
        case operation::stop: return "stop";
        case operation::fence: return "fence";
        case operation::isolate: return "isolate";
        case operation::look_at_target: return "look_at_target";
        case operation::restore: return "restore";
        case operation::clean: return "clean";
        case operation::start: return "start";
        case operation::migrate: return "migrate";
        case operation::roll_back: return "roll_back";
    }
    return "none";
}

namespace detail {

stepper& stepper::enter(phase p, std::string why, std::optional<duration> limit) {
    record& r = saved();
    const bool tells_a_story = p != phase::watching && p != phase::suspect;
    if (!r.story.empty() && r.story.back().at == r.at) r.story.back().took = around_.now - now().entered;
    // A new story begins when a fault begins; order() begins one as well.
    if (p == phase::suspect) r.story.clear();
    if (tells_a_story || p == phase::suspect) r.story.push_back({p, around_.wall, duration::zero(), why});
    if (r.story.size() > limits::longest_story) r.story.erase(r.story.begin());
    if (p != phase::held) r.held.reset();
    r.at = p;
    r.since = around_.wall;
    r.reason = std::move(why);
    r.task.clear();
    r.operation_done = false;
    now().entered = around_.now;
    now().deadline.reset();
    if (limit) set_deadline(*limit);
    out_.run = operation::none;
    out_.cancel = true;
    mark_dirty();
    return *this;
}

stepper& stepper::run(operation o) {
    out_.run = o;
    return *this;
}

stepper& stepper::alarm(std::string code, std::string text) {
    out_.alerts.push_back({std::move(code), std::move(text)});
    return *this;
}

bool passes_by_itself(const std::string& code) noexcept {
    return code == "node_away" || code == "queue" || code == "settling";
}

stepper& stepper::hold_for(std::string code, std::string text, std::string release, duration at_least) {
    const bool is_news = saved().at != phase::held || !saved().held || saved().held->code != code;
    hold h{code, text, std::move(release), {}};
    if (at_least != duration::zero()) h.until = around_.wall + std::chrono::ceil<std::chrono::seconds>(at_least);
    if (is_news) {
        enter(phase::held, code + ": " + text);
        if (!passes_by_itself(code)) alarm(code, text);
    } else {
        out_.cancel = true;
    }
    set_deadline(std::max(limits::held_recheck, at_least));
    if (!is_news && saved().held->text == h.text && saved().held->until == h.until) return *this;
    saved().held = std::move(h);
    mark_dirty();
    return *this;
}

duration stop_limit(const policy& rules) { return 2 * rules.stop_timeout + std::chrono::seconds(60); }

duration stopping_limit(const policy& rules) {
    const bool is_backed_up = rules.before != fresh_backup::off;
    return stop_limit(rules) + (is_backed_up ? limits::fresh_backup + limits::unknown : duration::zero());
}

duration restart_limit(const policy& rules) { return stop_limit(rules) + rules.start_timeout + rules.restart_hooks; }

duration claim_limit(const policy& rules) { return limits::claimed + rules.handover_hooks; }

void hold_for_hook(stepper& s, const finished& end) {
    s.hold_for(hook_failed, fmt::format("{} is left as it is, because its hook said no: {}", guest_name(s), end.text),
               fmt::format("the hook agrees: it is asked again after {}, or by steward retry {}",
                           describe_duration(limits::refused_by_hook), guest_name(s)),
               limits::refused_by_hook);
}

static void dispatch(stepper& s, const event& e) {
    switch (s.saved().at) {
        case phase::watching: return on_watching(s, e);
        case phase::suspect: return on_suspect(s, e);
        case phase::restarting: return on_restarting(s, e);
        case phase::confirming: return on_confirming(s, e);
        case phase::frozen: return on_frozen(s, e);
        case phase::held: return on_held(s, e);
        case phase::claimed: return on_claimed(s, e);
        case phase::stopping: return on_stopping(s, e);
        case phase::fencing: return on_fencing(s, e);
        case phase::isolating: return on_isolating(s, e);
        case phase::parked: return on_parked(s, e);
        case phase::restoring: return on_restoring(s, e);
        case phase::cleaning: return on_cleaning(s, e);
        case phase::restored: return on_restored(s, e);
        case phase::starting: return on_starting(s, e);
        case phase::verifying: return on_verifying(s, e);
        case phase::evacuating: return on_evacuating(s, e);
        case phase::failing_back: return on_failing_back(s, e);
        case phase::rolling_back: return on_rolling_back(s, e);
        case phase::done:
        case phase::rolled_back:
        case phase::aborted_safe:
        case phase::failed_parked:
        case phase::operator_moved:
        case phase::disabled: return on_resting(s, e);
    }
}

}  // namespace detail

step advance(state before, const event& what, const surroundings& around) {
    detail::stepper s(std::move(before), around);
    if (const auto* news = std::get_if<seen>(&what)) {
        if (s.now().last != health::standing::unknown) s.now().unknown_since = around.now;
        s.now().last = news->now;
        s.now().last_reason = news->reason;
        if (news->now == health::standing::up && !s.saved().seen_up) {
            s.saved().seen_up = true;
            s.mark_dirty();
        }
    }
    if (const auto* started = std::get_if<task_started>(&what)) {
        s.saved().task = started->upid;
        s.mark_dirty();
        return s.take();
    }
    if (std::holds_alternative<resumed>(what)) {
        detail::resume(s);
        return s.take();
    }
    if (const auto* wish = std::get_if<disable>(&what)) {
        detail::on_disable(s, *wish);
        return s.take();
    }
    if (const auto* wish = std::get_if<abort_order>(&what)) {
        if (can_abort(s.saved().at)) detail::on_abort(s, *wish);
        return s.take();
    }
    if (const auto* home = std::get_if<go_home>(&what)) {
        detail::on_go_home(s, *home);
        return s.take();
    }
    const bool is_from_the_picture =
        std::holds_alternative<ha_seen>(what) || std::holds_alternative<placement_seen>(what) ||
        std::holds_alternative<home_gone>(what) || std::holds_alternative<target_gone>(what) ||
        std::holds_alternative<moved_by_hand>(what);
    if (is_from_the_picture) {
        if (is_news(s.now(), what)) detail::on_news(s, what);
        return s.take();
    }
    // While only observing, a hand-over that is under way stands still: its limits do not run either.
    const phase at = s.saved().at;
    if (!around.armed && is_acting(at) && std::holds_alternative<tick>(what)) {
        s.set_deadline(detail::limits::held_recheck);
        return s.take();
    }
    if (detail::must_move(s, what)) return s.take();
    if (detail::must_freeze(s) && !std::holds_alternative<ordered>(what)) return s.take();
    detail::dispatch(s, what);
    // A limit that has passed without a consequence (a hold until a time of day, and the clock was set back) is looked
    // at again later: now it would be for ever.
    if (std::holds_alternative<tick>(what) && s.is_overdue()) s.set_deadline(detail::limits::held_recheck);
    return s.take();
}

bool is_news(const state& now, const event& what) {
    const record& r = now.saved;
    const bool is_held_for_ha = r.at == phase::held && r.held && r.held->code == "ha_managed";
    if (std::holds_alternative<home_gone>(what)) return r.at == phase::watching && now.last == health::standing::up;
    if (const auto* ha = std::get_if<ha_seen>(&what)) return ha->is_managed != is_held_for_ha;
    if (const auto* place = std::get_if<placement_seen>(&what)) {
        const bool is_held_for_it = r.at == phase::held && r.held && r.held->code == placement_mismatch;
        return place->doubt ? !is_held_for_it && (r.at == phase::watching || r.at == phase::suspect) : is_held_for_it;
    }
    if (std::holds_alternative<moved_by_hand>(what)) {
        const std::string code = r.at == phase::held && r.held ? r.held->code : std::string();
        return code == "no_fence" || code == "life_evidence" || code == "node_away";
    }
    if (!std::holds_alternative<target_gone>(what)) return false;
    return r.at == phase::restoring || r.at == phase::restored || r.at == phase::starting || r.at == phase::cleaning;
}

bool is_traffic(const record& r) noexcept {
    return is_in_flight(r.at) && r.at != phase::verifying && r.at != phase::failing_back && r.chosen &&
           r.chosen->how != strategy::relocate;
}

bool is_waiting(const record& r) noexcept {
    return r.at == phase::confirming || (r.at == phase::held && r.held && detail::passes_by_itself(r.held->code));
}

bool is_parked(const record& r) noexcept {
    return r.at == phase::held && r.chosen && !r.parked_path.empty() && r.claim > r.generation;
}

bool is_acting(phase p) noexcept { return is_in_flight(p) || p == phase::restarting; }

node_name bound_for(const record& r) {
    if (!r.chosen) return {};
    if (r.at == phase::failing_back) return r.chosen->source;
    return is_in_flight(r.at) || r.at == phase::done ? r.target : node_name();
}

bool is_unverified(const record& r) noexcept {
    if (r.at == phase::held) return r.held && r.held->code == "unverified";
    return r.at == phase::done && r.reason.starts_with(unverified);
}

bool can_abort(phase p) noexcept {
    return p == phase::suspect || p == phase::confirming || p == phase::claimed || p == phase::stopping ||
           p == phase::fencing;
}

state first_state(guest_id guest, time_point now, wall_time wall) {
    state s;
    s.saved.guest = guest;
    s.saved.since = wall;
    s.entered = now;
    s.unknown_since = now;
    return s;
}

}  // namespace steward::failover
