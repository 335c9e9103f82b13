#include "services/hooks/guest_hooks.hpp"

#include "base/clean_text.hpp"
#include "base/log.hpp"
#include "observe/ledger.hpp"
#include "services/failover/guest_keeper.hpp"
#include "services/leadership/leadership.hpp"

#include <fmt/core.h>

namespace steward {
namespace asio = boost::asio;
using failover::hook_event;
using failover::hook_moment;
using failover::hook_point;
namespace {

constexpr std::size_t longest_log = 8U << 10U;
constexpr std::size_t longest_reason = 200;

const std::vector<config::hook>& hooks_of(const config::hooks& all, hook_event event, hook_point point) {
    const config::hook_set& set = event == hook_event::restart ? all.restart : all.handover;
    switch (point) {
        case hook_point::pre: return set.pre;
        case hook_point::post: return set.post;
        case hook_point::failed: return set.failed;
    }
    return set.pre;
}

}  // namespace

duration longest(const std::vector<config::hook>& hooks) {
    duration all{};
    for (const config::hook& h : hooks) all += h.timeout;
    return all;
}

guest_hooks::guest_hooks(keeper_world& world, guest_id guest)
    : world_(world), guest_(guest), running_(std::make_unique<task_group>(world.executor)) {}

hook_facts guest_hooks::facts(hook_moment moment, failover::record saved) const {
    hook_facts about(std::move(moment), std::move(saved));
    if (world_.name_of) about.name = world_.name_of(guest_);
    if (world_.home_of) about.home = world_.home_of(guest_);
    if (world_.lead != nullptr) about.daemon = world_.lead->self().str();
    return about;
}

asio::awaitable<std::optional<failover::finished>> guest_hooks::before(std::vector<config::hook> hooks,
                                                                       hook_event event, failover::record saved) {
    if (world_.hooks == nullptr) co_return std::nullopt;
    const hook_facts about = facts(hook_moment(event, hook_point::pre, ""), std::move(saved));
    for (const config::hook& h : hooks) {
        config::hook one = h;
        hook_facts told = about;
        const std::string problem = co_await run_one(std::move(one), std::move(told));
        if (problem.empty() || !h.is_required) continue;
        failover::finished refused;
        refused.how = failover::outcome::blocked;
        refused.code = failover::hook_failed;
        refused.text = fmt::format("{} {}; nothing was touched", h.command.front(), problem);
        co_return refused;
    }
    co_return std::nullopt;
}

void guest_hooks::after(const config::hooks& all, const failover::record& was, const failover::record& is_now) {
    if (world_.hooks == nullptr || !world_.armed) return;
    auto moment = failover::hooks_after(was, is_now);
    if (!moment) return;
    std::vector<config::hook> wanted = hooks_of(all, moment->event, moment->point);
    if (wanted.empty()) return;
    // What it was about, as it stood when it ended: a record that goes on may forget its target.
    failover::record saved = is_now;
    if (moment->event == hook_event::restart) saved.restarts = was.restarts;
    running_->spawn(fmt::format("{} hooks of {}", failover::name_of(moment->point), to_string(guest_)),
                    tell(std::move(wanted), facts(std::move(*moment), std::move(saved))));
}

asio::awaitable<void> guest_hooks::tell(std::vector<config::hook> hooks, hook_facts about) {
    for (const config::hook& h : hooks) {
        config::hook one = h;
        hook_facts told = about;
        const std::string problem = co_await run_one(std::move(one), std::move(told));
        (void)problem;  // an alert has been raised
    }
}

asio::awaitable<std::string> guest_hooks::run_one(config::hook hook, hook_facts about) {
    hook_call call;
    call.command = hook.command;
    call.environment = hook_environment(about);
    call.input = hook_input(about);
    call.limit = hook.timeout;
    log::info("hook.run", {{"guest", to_string(guest_)},
                           {"hook", failover::name_of(about.moment.point)},
                           {"event", failover::name_of(about.moment.event)},
                           {"id", failover::hook_id(about.moment.event, about.saved)},
                           {"command", hook.command.front()}});
    const time_point begun = world_.time.now();
    const hook_end end = co_await world_.hooks->run(std::move(call));
    note(hook, about, end, world_.time.now() - begun);
    co_return end.problem;
}

void guest_hooks::raise_alert(const char* code, const std::string& text) const {
    log::warning("alert", {{"guest", to_string(guest_)}, {"code", code}, {"reason", text}});
    if (world_.lead != nullptr && world_.lead->on_alert) world_.lead->on_alert(code, text);
}

void guest_hooks::note(const config::hook& hook, const hook_facts& about, const hook_end& end, duration took) {
    const char* const point = failover::name_of(about.moment.point);
    const char* const event = failover::name_of(about.moment.event);
    const std::string id = failover::hook_id(about.moment.event, about.saved);
    const bool is_good = end.problem.empty();
    log::info("hook.ended", {{"guest", to_string(guest_)},
                             {"hook", point},
                             {"event", event},
                             {"id", id},
                             {"command", hook.command.front()},
                             {"reason", is_good ? "ok" : end.problem},
                             {"took", describe_duration(took)},
                             {"output", one_line(end.output, longest_log)}});
    // A required one holds the guest, and the hold is the alert.
    if (!is_good && !hook.is_required)
        raise_alert(end.is_timed_out ? "hook_timeout" : "hook_failed",
                    fmt::format("the {} hook {} of the {} of {} {}: {}", point, hook.command.front(), event,
                                to_string(guest_), end.problem, one_line(end.output, longest_reason)));
    if (world_.book == nullptr) return;
    decision d;
    d.when = world_.time.wall_now();
    d.about = to_string(guest_);
    d.kind = "hook";
    d.verdict = is_good ? "ok" : hook.is_required ? "refused" : "failed";
    d.text = fmt::format("{} {} {}{}{}", event, point, hook.command.front(), is_good ? "" : ": ", end.problem);
    d.from = d.to = failover::name_of(about.saved.at);
    d.generation = about.moment.event == hook_event::handover ? about.saved.claim : about.saved.generation;
    d.epoch = about.saved.epoch;
    d.observed.emplace_back("id", id);
    d.observed.emplace_back("took", describe_duration(took));
    if (!end.output.empty()) d.observed.emplace_back("output", end.output);
    world_.book->add(std::move(d));
}

asio::awaitable<void> guest_hooks::stop() {
    running_->cancel();
    co_await running_->join();
}

}  // namespace steward
