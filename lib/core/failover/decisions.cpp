#include "core/failover/decisions.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::failover {
namespace {

template <class T>
bool is(const event& e) {
    return std::holds_alternative<T>(e);
}

const char* name_of(const event& e) {
    constexpr std::array<const char*, std::variant_size_v<event>> names{
        "seen",        "tick",          "reconsider",   "resumed", "planned",       "ordered",
        "retry",       "finished",      "task_started", "ha_seen", "target_gone",   "disable",
        "abort_order", "moved_by_hand", "home_gone",    "go_home", "placement_seen"};
    return names.at(e.index());
}

const char* name_of(outcome how) {
    switch (how) {
        case outcome::ok: return "ok";
        case outcome::failed: return "failed";
        case outcome::blocked: return "blocked";
        case outcome::unknown: return "unknown";
    }
    return "unknown";
}

bool only_looks(operation o) {
    return o == operation::preflight || o == operation::plan_move || o == operation::look_at_target;
}

const char* verdict_of(const step& next) {
    if (next.run != operation::none) return only_looks(next.run) ? "look" : "act";
    switch (next.now.saved.at) {
        case phase::held: return "hold";
        case phase::frozen: return "wait";
        case phase::aborted_safe:
        case phase::rolled_back: return "give_up";
        case phase::failed_parked: return "needs_person";
        case phase::done: return "done";
        case phase::disabled:
        case phase::operator_moved: return "left_alone";
        default: return "watch";
    }
}

bool has_new_hold(const record& before, const record& after) {
    if (!after.held) return false;
    return !before.held || before.held->code != after.held->code || before.held->text != after.held->text;
}

/// Whether somebody, or an operation that ended, said something: what became of it is told even when that is nothing.
bool is_worth_telling(const event& e) {
    return is<finished>(e) || is<ordered>(e) || is<retry>(e) || is<disable>(e) || is<abort_order>(e) ||
           is<moved_by_hand>(e);
}

const char* kind_of(const state& before, const event& e, const step& next) {
    if (before.saved.at != next.now.saved.at) return next.now.saved.at == phase::held ? "hold" : "transition";
    if (has_new_hold(before.saved, next.now.saved)) return "hold";
    if (is<finished>(e)) return "outcome";
    return is_worth_telling(e) ? "order" : "step";
}

void see(decision& to, std::string_view name, std::string value) {
    if (!value.empty()) to.observed.emplace_back(name, std::move(value));
}

void add_observations(decision& to, const state& before, const event& e, const surroundings& around, const step& next) {
    see(to, "event", name_of(e));
    see(to, "health", health::name_of(next.now.last));
    see(to, "checks", next.now.last_reason);
    if (const auto* end = std::get_if<finished>(&e)) {
        see(to, "outcome", name_of(end->how));
        see(to, "said", end->text);
        see(to, end->how == outcome::blocked ? "blocked_by" : "answer", end->code);
        see(to, "warning", end->warning);
    }
    if (const auto* order = std::get_if<ordered>(&e)) {
        see(to, "asked_for", order->asked.to ? order->asked.to->str() : "any node");
        if (order->asked.force) see(to, "force", "yes");
    }
    if (around.is_home_gone) see(to, "home", "out of the cluster");
    if (around.leaving)
        see(to, "node_leaves", around.leaving->what == lease::departure::reboot ? "reboot" : "shutdown");
    const record& r = next.now.saved;
    if (r.chosen && is_in_flight(r.at)) {
        see(to, "strategy", failover::name_of(r.chosen->how));
        see(to, "source", r.chosen->source.str());
        see(to, "target", r.target.str());
        if (r.chosen->archive) see(to, "archive", r.chosen->archive->volume.str());
    }
    if (is_in_flight(r.at)) see(to, "proof", r.proof);
    see(to, "task", before.saved.task != r.task ? r.task : "");
    for (const alert& a : next.alerts) see(to, "alert", a.code);
}

/// What stands between a fault and a hand-over, as it is now. After the claim only the proof is left to wait for.
void add_gates(decision& to, const state& before, const surroundings& around, const record& after) {
    const record& r = before.saved;
    const policy& rules = around.rules;
    const bool is_claimed = is_in_flight(r.at) && r.at != phase::claimed;
    if (is_claimed) return;
    to.gates.emplace_back("armed", around.armed, around.armed ? "" : "observe mode changes nothing");
    to.gates.emplace_back("seen_up", after.seen_up, after.seen_up ? "" : "no check has ever succeeded");
    if (around.paused != nullptr)
        to.gates.emplace_back("pause", false, around.paused->text);
    else
        to.gates.emplace_back("pause", true);
    to.gates.emplace_back("lock", around.lock.empty(), around.lock);
    to.gates.emplace_back("second_opinion", around.alone.empty(), around.alone);
    to.gates.emplace_back("settled", around.no_claims.empty(), around.no_claims);
    to.gates.emplace_back("restarts", std::cmp_less(r.restarts.size(), rules.restart_attempts),
                          fmt::format("{} of {}", r.restarts.size(), rules.restart_attempts));
    to.gates.emplace_back("failovers_a_day", std::cmp_less(r.failovers.size(), rules.max_per_day),
                          fmt::format("{} of {}", r.failovers.size(), rules.max_per_day));
    if (rules.needs_approval)
        to.gates.emplace_back("approval", after.ordered, after.ordered ? "" : "nobody has agreed");
}

/// Counting the others costs a look at all of them: only for one that could begin.
void add_turn(decision& to, const surroundings& around, const planned& answer) {
    if (!around.others || !std::holds_alternative<plan>(answer.answer)) return;
    const traffic all = around.others();
    to.gates.emplace_back("turn", all.under_way + all.ahead < traffic::most,
                          fmt::format("{} under way, {} come first", all.under_way, all.ahead));
}

std::string by_whom(const event& e) {
    if (const auto* wish = std::get_if<disable>(&e)) return wish->by;
    if (const auto* wish = std::get_if<abort_order>(&e)) return wish->by;
    const bool is_a_persons = is<ordered>(e) || is<retry>(e) || is<moved_by_hand>(e);
    return is_a_persons ? "an operator" : "";
}

decision about(const state& before, const state& after, wall_time now) {
    decision d;
    const record& r = after.saved;
    d.when = now;
    d.about = to_string(r.guest);
    d.from = failover::name_of(before.saved.at);
    d.to = failover::name_of(r.at);
    d.text = r.reason;
    d.epoch = r.epoch;
    d.generation = is_in_flight(r.at) ? r.claim : r.generation;
    if (r.at == phase::held && r.held) {
        d.code = r.held->code;
        d.text = r.held->text;
        d.release = r.held->release;
    }
    return d;
}

}  // namespace

void add_plan(decision& to, const std::variant<plan, refusal>& answer) {
    const auto add_rejections = [&](const std::vector<rejected>& all) {
        for (const rejected& x : all) to.gates.emplace_back("choice " + x.what, false, x.why);
    };
    if (const auto* no = std::get_if<refusal>(&answer)) {
        to.gates.emplace_back("plan", false, no->code + ": " + no->text);
        return add_rejections(no->rejections);
    }
    const plan& p = std::get<plan>(answer);
    std::string text = fmt::format("{} {} →", failover::name_of(p.how), p.source.str());
    for (const node_name& n : p.targets) text += " " + n.str();
    if (p.archive) text += " from " + p.archive->volume.str();
    to.gates.emplace_back("plan", true, std::move(text));
    add_rejections(p.rejections);
}

std::optional<decision> decision_of(const state& before, const event& what, const surroundings& around,
                                    const step& next) {
    const record& was = before.saved;
    const record& is_now = next.now.saved;
    const bool begins = next.run != operation::none && !only_looks(next.run);
    const bool is_news =
        was.at != is_now.at || begins || has_new_hold(was, is_now) || is_worth_telling(what) || !next.alerts.empty();
    if (!is_news) return std::nullopt;
    decision d = about(before, next.now, around.wall);
    d.kind = kind_of(before, what, next);
    d.verdict = verdict_of(next);
    if (next.run != operation::none) d.begins = failover::name_of(next.run);
    d.by = by_whom(what);
    if (d.code.empty() && !next.alerts.empty()) d.code = next.alerts.front().code;
    add_observations(d, before, what, around, next);
    add_gates(d, before, around, is_now);
    if (const auto* answer = std::get_if<planned>(&what)) {
        add_turn(d, around, *answer);
        add_plan(d, answer->answer);
    }
    return d;
}

decision hold_decision(const state& before, const state& held, wall_time now) {
    decision d = about(before, held, now);
    d.kind = "hold";
    d.verdict = "hold";
    see(d, "health", health::name_of(held.last));
    see(d, "checks", held.last_reason);
    return d;
}

}  // namespace steward::failover
