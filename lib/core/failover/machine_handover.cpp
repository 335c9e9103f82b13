#include "core/failover/hooks.hpp"
#include "core/failover/machine_parts.hpp"

#include <algorithm>
#include <fmt/core.h>

/// From claimed to the end. Before `parked` everything can be undone; after it only forward, or back home, or
/// `failed_parked` with everything kept (reliability §1.3).
namespace steward::failover::detail {
namespace {

using health::standing;

template <class T>
bool is(const event& e) {
    return std::holds_alternative<T>(e);
}

void abort_safely(stepper& s, std::string why) {
    s.enter(phase::aborted_safe, why, s.rules().cooldown)
        .alarm("aborted_safe", fmt::format("{} stays where it is: {}", guest_name(s), why));
}

std::string what_is_kept(const record& r) {
    if (r.chosen->how == strategy::relocate)
        return fmt::format("Its configuration is on {} or {}, and its disks are where they were", r.target.str(),
                           r.chosen->source.str());
    return fmt::format("Its configuration is kept in {} and its volumes are untouched on {}", r.parked_path,
                       r.chosen->source.str());
}

void fail_parked(stepper& s, std::string code, std::string why) {
    s.enter(phase::failed_parked, why)
        .alarm(std::move(code),
               fmt::format("{} is down and needs a person: {}. {}", guest_name(s), why, what_is_kept(s.saved())));
}

void roll_back(stepper& s, std::string why) {
    if (s.saved().chosen->is_source_gone) {
        // There is no home to go back to. Before the commit nothing has changed.
        if (s.saved().at == phase::isolating) return abort_safely(s, std::move(why));
        return fail_parked(s, "failover_failed", std::move(why));
    }
    s.enter(phase::rolling_back, std::move(why), limits::rolling_back + s.rules().start_timeout)
        .run(operation::roll_back);
}

/// Our half-made replacement is gone from the target; another one, or back home.
void try_next(stepper& s) {
    record& r = s.saved();
    const auto next = next_target(r, s.rules());
    const std::string last = r.tried.empty() ? std::string("no target is left") : r.tried.back();
    if (!next) return roll_back(s, last);
    r.target = *next;
    r.attempt_since = s.around().wall;
    s.enter(phase::parked, fmt::format("{}; next is {}", last, next->str()), limits::next_target);
}

void give_up_target(stepper& s, const std::string& why) {
    mark_tried(s.saved(), why);
    s.enter(phase::cleaning, s.saved().tried.back(), limits::cleaning).run(operation::clean);
}

/// Beside the one that is being tried.
bool has_another_target(record r, const policy& rules) {
    mark_tried(r, "is not there");
    return next_target(r, rules).has_value();
}

/// There is no home to go back to, and the only node that may take it is down: that one may come back.
void wait_for_target(stepper& s, const std::string& why) {
    s.saved().attempt_since = s.around().wall;  // what was begun there before has ended with it
    s.hold_for(
        "no_target",
        fmt::format("{} is down, and no other node may take it: {}. {}", guest_name(s), why, what_is_kept(s.saved())),
        s.saved().target.str() + " comes back");
}

void tell_warnings(stepper& s, plan& p) {
    for (const rejected& w : p.warnings) s.alarm(w.what, w.why);
    p.warnings.clear();
}

void verify(stepper& s, std::string why) {
    s.now().last = standing::unknown;
    s.now().last_reason = "not probed since the start";
    s.enter(phase::verifying, std::move(why), s.rules().verify_timeout);
}

void complete(stepper& s, const std::string& why) {
    record& r = s.saved();
    r.generation = r.claim;
    r.failovers.push_back(s.around().wall);
    r.restarts.clear();
    r.ordered = false;
    r.asked = {};
    s.enter(phase::done, why, s.rules().cooldown);
}

}  // namespace

std::optional<node_name> next_target(const record& r, const policy& rules) {
    if (std::cmp_greater_equal(r.tried.size(), rules.attempts)) return std::nullopt;
    for (const node_name& n : r.chosen->targets) {
        const auto failed = [&](const std::string& t) { return t.starts_with(n.str() + ":"); };
        if (std::none_of(r.tried.begin(), r.tried.end(), failed)) return n;
    }
    return std::nullopt;
}

void mark_tried(record& r, const std::string& why) {
    const bool is_marked = !r.tried.empty() && r.tried.back().starts_with(r.target.str() + ":");
    if (!is_marked) r.tried.push_back(fmt::format("{}: {}", r.target.str(), why));
}

bool again_when_late(stepper& s, const event& e, duration limit, operation o) {
    if (!is_time_up(s, e)) return false;
    s.saved().operation_done = false;
    s.set_deadline(limit);
    s.run(o);
    return true;
}

void look_again(stepper& s, const std::string& why) {
    s.saved().reason = why;
    s.set_deadline(limits::retry);
    s.now().saved.operation_done = true;
    s.mark_dirty();
}

void claim_hand_over(stepper& s, plan chosen) {
    record& r = s.saved();
    r.claim = std::max(r.claim, r.generation) + 1;
    r.target = chosen.targets.front();
    r.tried.clear();
    r.parked_path.clear();
    std::string why = fmt::format("{} from {} to {}, generation {}", name_of(chosen.how), chosen.source.str(),
                                  r.target.str(), r.claim);
    if (chosen.archive)
        why += fmt::format(", backup {} ({} old)", chosen.archive->volume.str(),
                           describe_duration(s.around().wall - chosen.archive->created));
    for (const rejected& x : chosen.rejections) why += fmt::format("; not {}: {}", x.what, x.why);
    chosen.rejections.clear();
    // Of a source that is gone they are told when it is sure that it matters.
    if (!chosen.is_source_gone) tell_warnings(s, chosen);
    r.chosen = std::move(chosen);
    s.enter(phase::claimed, std::move(why), claim_limit(s.rules())).run(operation::claim);
}

void on_claimed(stepper& s, const event& e) {
    if (const auto* news = std::get_if<seen>(&e); news && news->now == standing::up && !s.saved().ordered)
        return abort_safely(s, "it is healthy again");
    if (is_time_up(s, e)) return abort_safely(s, "the claim could not be written in time");
    const auto* end = std::get_if<finished>(&e);
    if (!end) return;
    if (end->how == outcome::blocked && end->code == hook_failed) return hold_for_hook(s, *end);
    if (end->how != outcome::ok) return abort_safely(s, end->text);
    if (s.saved().chosen->is_source_gone) {
        s.enter(phase::fencing, fmt::format("number {} is ours; {} cannot be reached and must be proven to run nothing",
                                            s.saved().claim, s.saved().chosen->source.str()))
            .run(operation::fence);
        return;
    }
    s.enter(phase::stopping,
            fmt::format("number {} is ours; {} must be proven to run nothing", s.saved().claim,
                        s.saved().chosen->source.str()),
            stopping_limit(s.rules()))
        .run(operation::stop);
}

void on_stopping(stepper& s, const event& e) {
    const auto* end = std::get_if<finished>(&e);
    if (end && end->how == outcome::blocked && end->code == "fresh_backup_failed") {
        s.hold_for(end->code, fmt::format("{} was not stopped: {}", guest_name(s), end->text),
                   "a backup succeeds, or failover.fresh_backup says less", limits::fresh_backup_pause);
        return;
    }
    if (end && !end->warning.empty()) s.alarm("fresh_backup_failed", guest_name(s) + ": " + end->warning);
    if (end && end->how == outcome::ok) {
        if (end->fresh) s.saved().chosen->archive = end->fresh;
        s.saved().proof = fencing::name_of(fencing::proof::stopped);
        s.enter(phase::isolating, end->text, limits::isolating).run(operation::isolate);
        return;
    }
    if (!end && !is_time_up(s, e)) return;
    const std::string why = end ? end->text : "it did not stop in time";
    s.hold_for("stop_unverified",
               fmt::format("{} is not proven stopped on {}: {}. Nothing else was changed", guest_name(s),
                           s.saved().chosen->source.str(), why),
               "it can be stopped, or it recovers");
}

/// It costs nothing to give up here: nothing has changed yet.
void on_fencing(stepper& s, const event& e) {
    if (again_when_late(s, e, limits::retry, operation::fence)) return;
    const auto* end = std::get_if<finished>(&e);
    if (!end) return;
    switch (end->how) {
        case outcome::ok:
            s.saved().proof = end->code;
            tell_warnings(s, *s.saved().chosen);
            s.enter(phase::isolating, end->text, limits::isolating).run(operation::isolate);
            return;
        case outcome::failed: return abort_safely(s, end->text);
        case outcome::blocked:
            if (end->code == "fence_failed") s.alarm(end->code, end->text);
            s.hold_for(end->code == "fence_failed" ? "no_fence" : end->code, end->text,
                       "a proof that its node runs nothing");
            return;
        case outcome::unknown: return look_again(s, end->text);
    }
}

void on_isolating(stepper& s, const event& e) {
    record& r = s.saved();
    if (is_time_up(s, e)) {
        // Also the pause after an unknown outcome: read again, as often as it takes.
        if (!r.operation_done) s.alarm("isolating", guest_name(s) + ": moving its configuration takes unusually long");
        r.operation_done = false;
        s.set_deadline(limits::isolating);
        s.run(operation::isolate);
        return;
    }
    const auto* end = std::get_if<finished>(&e);
    if (!end) return;
    switch (end->how) {
        case outcome::ok:
            r.parked_path = end->parked_path;
            r.attempt_since = s.around().wall;
            if (r.chosen->how == strategy::relocate) {
                s.enter(phase::starting, "its configuration is on " + r.target.str(), s.rules().start_timeout)
                    .run(operation::start);
                return;
            }
            s.enter(phase::parked, "configuration kept in " + r.parked_path, limits::parked)
                .run(operation::look_at_target);
            return;
        case outcome::unknown: return look_again(s, end->text);
        case outcome::failed:
        case outcome::blocked:
            // It was stopped by us, and nothing has moved: the original comes back.
            return roll_back(s, end->text);
    }
}

void on_parked(stepper& s, const event& e) {
    record& r = s.saved();
    if (again_when_late(s, e, limits::parked, operation::look_at_target)) return;
    const auto* end = std::get_if<finished>(&e);
    if (!end) return;
    switch (end->how) {
        case outcome::ok:
            if (end->code == "home") {
                s.alarm("operator_moved", fmt::format("{} {}", guest_name(s), end->text));
                s.saved().parked_path.clear();
                s.enter(phase::watching, end->text);
                return;
            }
            if (end->code == "present") {
                s.enter(phase::restored, end->text, limits::parked).run(operation::look_at_target);
                return;
            }
            s.enter(phase::restoring, fmt::format("restoring on {}", r.target.str())).run(operation::restore);
            if (!end->code.empty()) r.task = end->code;  // a restore of ours runs there already: follow it
            return;
        case outcome::unknown: return look_again(s, end->text);
        case outcome::failed:
            if (end->code != "target_gone") return give_up_target(s, end->text);
            // Nothing can be removed there, and it is proven that nothing runs.
            if (r.chosen->is_source_gone && !has_another_target(r, s.rules())) return wait_for_target(s, end->text);
            mark_tried(r, end->text);
            return try_next(s);
        case outcome::blocked: return fail_parked(s, "vmid_conflict", end->text);
    }
}

void on_held_while_parked(stepper& s, const event& e) {
    if (is<finished>(e)) return on_parked(s, e);
    const bool is_due = is<reconsider>(e) || is<retry>(e) || (is<tick>(e) && s.is_overdue());
    if (!is_due) return;
    s.set_deadline(limits::held_recheck);
    s.run(operation::look_at_target);
}

void on_restoring(stepper& s, const event& e) {
    const auto* end = std::get_if<finished>(&e);
    if (!end) return;
    switch (end->how) {
        case outcome::ok: s.enter(phase::restored, end->text, limits::parked).run(operation::look_at_target); return;
        case outcome::unknown:
            s.enter(phase::parked, "outcome of the restore is unknown: " + end->text, limits::parked)
                .run(operation::look_at_target);
            return;
        case outcome::failed:
        case outcome::blocked: return give_up_target(s, end->text);
    }
}

void on_cleaning(stepper& s, const event& e) {
    if (again_when_late(s, e, limits::cleaning, operation::clean)) return;
    const auto* end = std::get_if<finished>(&e);
    if (!end) return;
    switch (end->how) {
        case outcome::ok:
            if (end->code == "running") return verify(s, end->text);
            return try_next(s);
        case outcome::unknown: return look_again(s, end->text);
        case outcome::failed:
        case outcome::blocked:
            // A second copy under the same vmid cannot be made while this one is in the way (PVE refuses it).
            return fail_parked(
                s, "manual_cleanup",
                fmt::format("what is left on {} could not be removed: {}", s.saved().target.str(), end->text));
    }
}

void on_restored(stepper& s, const event& e) {
    if (again_when_late(s, e, limits::parked, operation::look_at_target)) return;
    const auto* end = std::get_if<finished>(&e);
    if (!end) return;
    if (end->how == outcome::unknown || end->code.starts_with("UPID:")) return look_again(s, end->text);
    if (end->how == outcome::ok && end->code == "present") {
        s.enter(phase::starting, end->text, s.rules().start_timeout).run(operation::start);
        return;
    }
    if (end->how == outcome::blocked) return fail_parked(s, "vmid_conflict", end->text);
    give_up_target(s, end->how == outcome::ok ? "the restore left nothing behind" : end->text);
}

void on_starting(stepper& s, const event& e) {
    const auto* end = std::get_if<finished>(&e);
    if (end && end->how == outcome::ok) return verify(s, end->text);
    // It may run by now, whatever we could not learn: only a failure that PVE tells counts.
    if (end && end->how == outcome::unknown) return look_again(s, end->text);
    if (again_when_late(s, e, s.rules().start_timeout, operation::start) || !end) return;
    const std::string why = "start failed: " + end->text;
    if (s.saved().chosen->how == strategy::relocate) {
        mark_tried(s.saved(), why);
        return roll_back(s, why);
    }
    give_up_target(s, why);
}

void on_verifying(stepper& s, const event& e) {
    record& r = s.saved();
    if (const auto* news = std::get_if<seen>(&e); news && news->now == standing::up) {
        complete(s, fmt::format("its checks succeed on {}", r.target.str()));
        s.alarm("failover_done",
                fmt::format("{} runs on {} (generation {})", guest_name(s), r.target.str(), r.generation));
        return;
    }
    if (!is_time_up(s, e)) return;
    // A running replacement stays, whatever its checks say: no ping-pong (reliability X21).
    const std::string why =
        fmt::format("runs on {} but its checks do not succeed: {}", r.target.str(), s.now().last_reason);
    complete(s, unverified + why);
    s.alarm("verify_failed", guest_name(s) + " " + why);
}

void on_rolling_back(stepper& s, const event& e) {
    record& r = s.saved();
    const auto* end = std::get_if<finished>(&e);
    if (end && end->how == outcome::ok && end->code == "running") return verify(s, end->text);
    if (end && end->how == outcome::ok && end->code == "gone") {
        s.enter(phase::aborted_safe, end->text, s.rules().cooldown)
            .alarm("aborted_safe", end->text + " while it was handed over, and is left to them");
        return;
    }
    if (end && end->how == outcome::ok) {
        const bool was_committed = !r.tried.empty();
        const std::string why = r.tried.empty() ? r.reason : r.tried.back();
        r.parked_path.clear();
        if (!was_committed) return abort_safely(s, "started again at home after: " + why);
        s.enter(phase::rolled_back, "the original runs at home again after: " + why)
            .alarm("failover_failed",
                   fmt::format("{} could not be brought up elsewhere ({}); the original runs again on {}",
                               guest_name(s), why, r.chosen->source.str()));
        return;
    }
    if (end && end->how == outcome::unknown) return look_again(s, end->text);
    if (is<tick>(e) && s.is_overdue() && r.operation_done) {
        r.operation_done = false;
        s.set_deadline(limits::rolling_back);
        s.run(operation::roll_back);
        return;
    }
    if (end || is_time_up(s, e))
        fail_parked(
            s, "failover_failed",
            end ? "bringing the original back failed: " + end->text : "bringing the original back took too long");
}

void on_news(stepper& s, const event& e) {
    record& r = s.saved();
    if (const auto* ha = std::get_if<ha_seen>(&e)) {
        if (!ha->is_managed) return s.enter(phase::watching, "no longer managed by Proxmox HA"), void();
        // Two managers would fight (I7). What was begun stays as it is: HA has it now.
        s.hold_for("ha_managed", guest_name(s) + " is managed by Proxmox HA, which does this itself",
                   "it is removed from HA");
        return;
    }
    if (const auto* place = std::get_if<placement_seen>(&e)) {
        if (!place->doubt) return s.enter(phase::watching, "it runs where its configuration is"), void();
        s.hold_for(place->doubt->code, place->doubt->text, place->doubt->release);
        return;
    }
    if (const auto* gone = std::get_if<home_gone>(&e)) return hold_for_life(s, gone->node);
    if (const auto* moved = std::get_if<moved_by_hand>(&e)) {
        const std::string how =
            fmt::format("its configuration was moved from {} to {} by hand", moved->from.str(), moved->to.str());
        s.enter(phase::operator_moved, how, s.rules().cooldown)
            .alarm("operator_moved", guest_name(s) + ": " + how + "; left to whoever did it for now");
        return;
    }
    const std::string gone = fmt::format("{} cannot be reached any more", r.target.str());
    // Its configuration is there, and with it the guest: what follows is a hand-over from there.
    if (r.chosen->how == strategy::relocate) return complete(s, gone);
    s.enter(phase::parked, gone, limits::parked).run(operation::look_at_target);
}

void on_abort(stepper& s, const abort_order& wish) {
    record& r = s.saved();
    r.ordered = false;
    r.asked = {};
    const std::string why = "given up by " + wish.by;
    // It may be down by now, and by our hand.
    if (r.at == phase::stopping) return roll_back(s, why);
    if (wish.is_quiet) return s.enter(phase::aborted_safe, why, s.rules().cooldown), void();
    abort_safely(s, why);
}

void resume(stepper& s) {
    record& r = s.saved();
    s.now().entered = s.around().now;
    s.now().unknown_since = s.around().now;
    const bool was_restarted = r.at == phase::restarting && r.operation_done;
    r.operation_done = was_restarted;
    switch (r.at) {
        case phase::watching: return;
        case phase::restarting:
            // A guest that was shut down half-way through a restart must come up again.
            s.set_deadline(was_restarted ? s.rules().restart_settle : restart_limit(s.rules()));
            if (!was_restarted) s.run(operation::restart);
            return;
        case phase::suspect:
        case phase::confirming:
            // Nothing irreversible was under way; the checks will say how the guest is.
            if (!r.ordered) {
                s.enter(phase::watching, "the daemon was restarted");
                return;
            }
            s.enter(phase::confirming, "ordered by an operator; the daemon was restarted", limits::confirming)
                .run(operation::preflight);
            return;
        case phase::frozen:
        case phase::held: return s.set_deadline(limits::held_recheck);
        case phase::claimed:
            s.set_deadline(claim_limit(s.rules()));
            s.run(operation::claim);
            return;
        case phase::stopping:
            s.set_deadline(stopping_limit(s.rules()));
            s.run(operation::stop);
            return;
        case phase::fencing: s.run(operation::fence); return;
        case phase::isolating:
            s.set_deadline(limits::isolating);
            s.run(operation::isolate);
            return;
        case phase::parked:
        case phase::restored:
            s.set_deadline(limits::parked);
            s.run(operation::look_at_target);
            return;
        case phase::restoring:
            if (r.task.empty()) {
                // The request may or may not have left: the target knows.
                s.enter(phase::parked, "the daemon was restarted", limits::parked).run(operation::look_at_target);
                return;
            }
            s.run(operation::restore);
            return;
        case phase::cleaning:
            s.set_deadline(limits::cleaning);
            s.run(operation::clean);
            return;
        case phase::starting:
            s.set_deadline(s.rules().start_timeout);
            s.run(operation::start);
            return;
        case phase::verifying: return s.set_deadline(s.rules().verify_timeout);
        case phase::evacuating:
        case phase::failing_back:
            s.set_deadline(limits::failing_back);
            s.run(operation::migrate);
            return;
        case phase::rolling_back:
            s.set_deadline(limits::rolling_back + s.rules().start_timeout);
            s.run(operation::roll_back);
            return;
        case phase::done:
        case phase::aborted_safe: return s.set_deadline(s.rules().cooldown);
        case phase::operator_moved: return s.set_deadline(s.rules().cooldown);
        case phase::rolled_back:
        case phase::failed_parked:
        case phase::disabled: return;
    }
}

}  // namespace steward::failover::detail
