#include "core/failover/machine_parts.hpp"

#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <string_view>

/// Away from a node before it goes down: by PVE's migration while both nodes work, never by a restore. What cannot be
/// moved in time waits for its node like any other guest.
namespace steward::failover::detail {
namespace {

template <std::size_t N>
bool is_one_of(const std::string& code, const std::array<std::string_view, N>& codes) {
    return std::find(codes.begin(), codes.end(), code) != codes.end();
}

/// Nothing was learned, or nothing has to be done: it is asked again.
bool says_nothing(const std::string& code) {
    constexpr std::array<std::string_view, 5> codes{"unknown", "quorum", "no_fence", "node_away", "not_leaving"};
    return is_one_of(code, codes);
}

/// It goes down with its node, and that is as it should be.
bool is_left_alone(const std::string& code) {
    constexpr std::array<std::string_view, 6> codes{"disabled", "not_running",      "ha_managed",
                                                    "template", "operator_stopped", "guest_suspended"};
    return is_one_of(code, codes);
}

/// Its node is about to go down, is still there, and there is time.
bool has_time(stepper& s) {
    const auto& notice = s.around().leaving;
    return notice && notice->ago < s.rules().evacuate_timeout && !s.around().is_home_gone;
}

bool may_move(stepper& s) {
    const record& r = s.saved();
    const bool is_held = r.at == phase::held && r.held && r.held->until <= s.around().wall &&
                         r.held->code != "ha_managed" && r.held->code != placement_mismatch && !is_unverified(r) &&
                         !is_parked(r);
    const bool is_at_rest = r.at == phase::watching || r.at == phase::suspect || is_held;
    return is_at_rest && !r.ordered && s.around().armed && s.around().paused == nullptr &&
           s.rules().shutdown == shutdown_policy::evacuate && has_time(s);
}

/// For whoever shuts that node down: this guest will not be moved.
void stay(stepper& s, const refusal& no) {
    std::string text = no.text;
    for (const rejected& x : no.rejections) text += fmt::format("; {}: {}", x.what, x.why);
    const bool is_news = s.saved().at != phase::held || !s.saved().held || s.saved().held->code != no.code;
    if (is_news)
        s.alarm("evacuation_blocked",
                fmt::format("{} is not moved away before its node goes down: {}", guest_name(s), text));
    s.hold_for(no.code, std::move(text), no.release + ", or its node is back");
}

void go(stepper& s, plan p) {
    if (!finds_its_turn(s, p)) return;
    record& r = s.saved();
    r.target = p.targets.front();
    r.tried.clear();
    r.story.clear();
    r.chosen = std::move(p);
    s.enter(phase::evacuating,
            fmt::format("from {} to {} by migration, before {} goes down", r.chosen->source.str(), r.target.str(),
                        r.chosen->source.str()),
            limits::failing_back)
        .run(operation::migrate);
}

void take_answer(stepper& s, const planned& answer) {
    if (const auto* p = std::get_if<plan>(&answer.answer)) return go(s, *p);
    const refusal& no = std::get<refusal>(answer.answer);
    if (says_nothing(no.code)) return;
    if (is_left_alone(no.code)) return freeze(s);
    stay(s, no);
}

}  // namespace

bool must_move(stepper& s, const event& e) {
    if (std::holds_alternative<ordered>(e) || !may_move(s)) return false;
    if (const auto* answer = std::get_if<planned>(&e); answer && answer->is_move) {
        take_answer(s, *answer);
        return true;
    }
    const auto& held = s.saved().held;
    const bool is_called =
        std::holds_alternative<retry>(e) || (std::holds_alternative<reconsider>(e) && held && held->code == "queue");
    if (!is_called && s.around().now < s.now().next_move) return true;
    s.now().next_move = s.around().now + limits::held_recheck;
    s.set_deadline(limits::held_recheck);
    s.run(operation::plan_move);
    return true;
}

void on_evacuating(stepper& s, const event& e) {
    record& r = s.saved();
    const finished* end = end_of_migration(s, e);
    if (end == nullptr) return;
    s.now().next_move = s.around().now + limits::held_recheck;  // the list may be older than the migration
    if (end->how == outcome::ok) {
        ++r.generation;
        s.alarm("evacuated",
                fmt::format("{} runs on {}: {} goes down", guest_name(s), r.target.str(), r.chosen->source.str()));
        s.enter(phase::watching, fmt::format("moved to {} as generation {}", r.target.str(), r.generation));
        return;
    }
    mark_tried(r, end->text);
    const auto next = has_time(s) ? next_target(r, s.rules()) : std::nullopt;
    if (next) {
        r.target = *next;
        s.enter(phase::evacuating, fmt::format("{}; next is {}", r.tried.back(), next->str()), limits::failing_back)
            .run(operation::migrate);
        return;
    }
    refusal no;
    no.code = "no_target";
    no.text = "its migration failed";
    for (const std::string& t : r.tried) no.text += "; " + t;
    no.release = "one of the reasons goes away";
    r.target = r.chosen->source;  // PVE has left it where it was
    stay(s, no);
}

}  // namespace steward::failover::detail
