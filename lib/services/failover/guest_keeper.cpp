#include "services/failover/guest_keeper.hpp"

#include "base/log.hpp"
#include "core/failover/decisions.hpp"
#include "core/failover/hooks.hpp"
#include "core/failover/plan_move.hpp"
#include "observe/ledger.hpp"
#include "runtime/with_timeout.hpp"
#include "services/failover/gather.hpp"
#include "services/health/watch.hpp"
#include "services/leadership/leadership.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward {
namespace asio = boost::asio;
using failover::phase;
using namespace std::chrono_literals;

/// One configured check with its memory. Its probe loop refers to it, so it never moves.
struct guest_keeper::check_slot {
    check_slot(config::check s, std::unique_ptr<net::prober> p, const asio::any_io_executor& ex)
        : spec(std::move(s)), prober(std::move(p)), task(std::make_unique<task_group>(ex)) {}
    config::check spec;
    std::unique_ptr<net::prober> prober;
    health::check_state state;
    probe_result last;
    std::unique_ptr<task_group> task;
    bool is_retired = false;
};

namespace {

constexpr duration preflight_jitter = 10s;

/// Operations whose effect must be on record before it happens; the others only read.
bool changes_the_world(failover::operation o) {
    return o != failover::operation::none && o != failover::operation::preflight &&
           o != failover::operation::plan_move && o != failover::operation::look_at_target;
}

}  // namespace

guest_keeper::guest_keeper(keeper_world& world, config::guest settings, failover::state first)
    : world_(world),
      settings_(std::move(settings)),
      rules_(policy_of(settings_)),
      state_(std::move(first)),
      context_(world.pve, world.store, world.own_user, world.lead),
      hooks_(world, settings_.id) {
    state_.saved.section = settings_.section;
}

guest_keeper::~guest_keeper() = default;

void guest_keeper::post(failover::event e) { inbox_.post({0, std::move(e)}); }

void guest_keeper::post_news(const failover::event& e) {
    if (!is_following_ && failover::is_news(state_, e)) post(e);
}

std::unique_ptr<guest_keeper::check_slot> guest_keeper::make_slot(const config::check& spec) {
    auto slot = std::make_unique<check_slot>(spec, world_.make_prober(settings_.id, spec), world_.executor);
    check_slot& own = *slot;
    auto report = [this, &own](const probe_result& answer) { on_probe(own, answer); };
    slot->task->spawn(
        fmt::format("check {} {}", to_string(settings_.id), spec.name),
        watch_check(world_.time, *slot->prober, jittered(spec.interval, world_.chance), std::move(report)));
    return slot;
}

void guest_keeper::apply(config::guest settings) {
    std::vector<std::unique_ptr<check_slot>> next;
    for (const config::check& spec : settings.checks) {
        const auto same =
            std::find_if(slots_.begin(), slots_.end(), [&](const auto& s) { return s && s->spec == spec; });
        if (same != slots_.end())
            next.push_back(std::move(*same));
        else
            next.push_back(make_slot(spec));
    }
    for (auto& left : slots_) {
        if (!left) continue;
        // Its loop may be in the middle of a probe: cancelled now, freed when it has ended.
        left->is_retired = true;
        left->task->cancel();
    }
    std::swap(slots_, next);
    for (auto& left : next)
        if (left) slots_.push_back(std::move(left));
    settings_ = std::move(settings);
    rules_ = policy_of(settings_);
    state_.saved.section = settings_.section;
}

void guest_keeper::forget_checks() {
    for (auto& slot : slots_) slot->state = {};
    last_opinion_ = {};
    past_.forget(world_.time.wall_now());
}

/// A guest that does not run is not broken: an archive of it may be the best there is.
void guest_keeper::remember(health::standing now) {
    const bool may_run = !world_.up_for || world_.up_for(settings_.id).has_value();
    past_.note(may_run ? now : health::standing::unknown, world_.time.wall_now());
}

health::summary guest_keeper::summary() const {
    std::vector<health::named_check> all;
    for (const auto& slot : slots_)
        if (!slot->is_retired) all.push_back({slot->spec.name, slot->state});
    return health::summarise(all);
}

health::standing guest_keeper::own_standing() const {
    bool has_checks = false;
    health::standing worst = health::standing::up;
    for (const auto& slot : slots_) {
        if (slot->is_retired) continue;
        has_checks = true;
        worst = health::worse(worst, slot->state.now);
    }
    return has_checks ? worst : health::standing::unknown;
}

bool guest_keeper::is_starting(const config::check& spec) const {
    if (spec.start_period == duration::zero() || !world_.up_for) return false;
    const auto up = world_.up_for(settings_.id);
    return up && *up < spec.start_period;
}

void guest_keeper::on_probe(check_slot& slot, const probe_result& given) {
    if (slot.is_retired) return;
    probe_result answer = given;
    if (answer.answer == verdict::unhealthy && is_starting(slot.spec)) {
        // It is not expected to work yet, so that it does not says nothing.
        answer.answer = verdict::unknown;
        answer.reason += " (it was started less than " + format_duration(slot.spec.start_period) + " ago)";
    }
    const health::standing before = slot.state.now;
    slot.state =
        health::after_probe(std::move(slot.state), answer.answer, answer.reason, {slot.spec.rise, slot.spec.fall});
    slot.last = answer;
    if (slot.state.now != before)
        log::info("check.state", {{"guest", to_string(settings_.id)},
                                  {"check", slot.spec.name},
                                  {"from", health::name_of(before)},
                                  {"to", health::name_of(slot.state.now)},
                                  {"reason", answer.reason}});
    if (is_following_) return tell_of_lost_quorum();
    const health::summary now = opinion();
    // While all is well only news matters. What was bad before the guest came to rest has to be heard again.
    const bool is_news = now.now != last_opinion_.now || now.reason != last_opinion_.reason;
    const bool is_quiet = state_.saved.at == phase::watching && now.now == health::standing::up;
    last_opinion_ = now;
    remember(now.now);
    if (is_news || !is_quiet) post(failover::seen{now.now, now.reason});
}

/// What all observers together think, when there are several.
health::summary guest_keeper::opinion() {
    if (world_.lead == nullptr) return summary();
    const node_name home = world_.home_of ? world_.home_of(settings_.id) : node_name();
    lease::opinion all = world_.lead->opinion_of(settings_.id, summary(), home);
    path_problem_ = std::move(all.path_problem);
    return all.all;
}

/// Nobody leads here, and nothing can be written; but whoever asks this node should hear why nothing happens.
void guest_keeper::tell_of_lost_quorum() {
    const bool has_quorum = world_.lead->state().fit.is_quorate;
    const bool is_told = state_.saved.at == phase::held && state_.saved.held && state_.saved.held->code == "quorum";
    if (has_quorum || is_told || summary().now != health::standing::down) return;
    state_ = show_hold("quorum", "this node is not part of a majority", "quorum is back");
}

/// A hold that cannot be written down, for whoever asks this daemon.
failover::state guest_keeper::show_hold(std::string code, std::string text, std::string release) {
    failover::step shown;
    shown.now = state_;
    shown.now.saved.at = phase::held;
    shown.now.saved.held = failover::hold{std::move(code), std::move(text), std::move(release), {}};
    shown.now.saved.reason = shown.now.saved.held->text;
    tell(state_, shown);
    if (world_.book != nullptr) world_.book->add(failover::hold_decision(state_, shown.now, world_.time.wall_now()));
    return std::move(shown.now);
}

void guest_keeper::follow() {
    ++life_;
    is_following_ = true;
    cancel_operation();
    state_.deadline.reset();
    last_opinion_ = {};
    past_.forget(world_.time.wall_now());
}

void guest_keeper::show(failover::record saved) {
    if (!is_following_) return;
    state_.saved = std::move(saved);
    const health::summary seen = summary();
    state_.last = seen.now;
    state_.last_reason = seen.reason;
}

void guest_keeper::take_over(failover::state from, bool is_resumed) {
    ++life_;
    cancel_operation();
    state_ = std::move(from);
    state_.saved.section = settings_.section;
    is_following_ = false;
    is_unsaved_ = false;
    last_opinion_ = {};
    if (is_resumed) post(failover::resumed{});
}

std::vector<guest_keeper::check_view> guest_keeper::checks() const {
    std::vector<check_view> out;
    for (const auto& slot : slots_)
        if (!slot->is_retired) out.push_back({slot->spec.name, slot->state, slot->last});
    return out;
}

asio::awaitable<result<guest_keeper::envelope>> guest_keeper::receive() {
    envelope e = co_await inbox_.receive();
    co_return e;
}

asio::awaitable<void> guest_keeper::run(bool is_resumed) {
    for (const config::check& spec : settings_.checks) slots_.push_back(make_slot(spec));
    if (is_resumed) {
        failover::event resume = failover::resumed();
        co_await handle(std::move(resume));
    }
    for (;;) {
        failover::event what = failover::tick{};
        if (state_.deadline && inbox_.empty()) {
            auto got = co_await with_deadline(world_.time, *state_.deadline, receive());
            if (got && got->operation != 0 && got->operation != operation_number_) continue;
            if (got) what = std::move(got->what);
        } else {
            envelope got = co_await inbox_.receive();
            if (got.operation != 0 && got.operation != operation_number_) continue;
            what = std::move(got.what);
        }
        co_await handle(std::move(what));
    }
}

asio::awaitable<void> guest_keeper::stop() {
    cancel_operation();
    for (auto& slot : slots_) slot->task->cancel();
    for (auto& slot : slots_) co_await slot->task->join();
    for (auto& group : retired_) co_await group->join();
    retired_.clear();
    co_await hooks_.stop();
    slots_.clear();
}

asio::awaitable<void> guest_keeper::handle(failover::event e) {
    if (is_following_) co_return;
    is_resuming_ = std::holds_alternative<failover::resumed>(e);
    const bool has_ended = std::holds_alternative<failover::finished>(e);
    const bool was_done = state_.saved.operation_done;
    if (has_ended) running_ = failover::operation::none;
    std::string no_claims;
    if (world_.lead != nullptr)
        no_claims = world_.lead->claims_forbidden(world_.home_of ? world_.home_of(settings_.id) : node_name());
    const auto paused = world_.paused ? world_.paused(settings_.id) : std::nullopt;
    const auto others = [this] { return world_.traffic ? world_.traffic(settings_.id) : failover::traffic(); };
    failover::surroundings around{rules_,
                                  world_.armed && (!world_.is_disarming || failover::is_acting(state_.saved.at)),
                                  std::move(no_claims),
                                  world_.time.now(),
                                  world_.time.wall_now(),
                                  paused ? &*paused : nullptr,
                                  others,
                                  world_.leaving ? world_.leaving(settings_.id) : std::nullopt,
                                  false};
    around.is_home_gone =
        world_.lead != nullptr && world_.home_of && world_.lead->is_gone(world_.home_of(settings_.id));
    const bool was_traffic = failover::is_traffic(state_.saved);
    failover::step next = failover::advance(state_, e, around);
    // A new leader signs what it takes over (I11).
    const std::uint64_t epoch = world_.lead == nullptr ? 0 : world_.lead->state().epoch;
    const bool is_adopted = is_resuming_ && state_.saved.epoch != epoch;
    next.dirty = next.dirty || is_adopted;
    if (next.dirty) {
        ++next.now.saved.sequence;
        next.now.saved.epoch = epoch;
    }
    tell(state_, next);
    if (world_.book != nullptr)
        if (auto decided = failover::decision_of(state_, e, around, next)) world_.book->add(std::move(*decided));

    hooks_.after(settings_.own_hooks, state_.saved, next.now.saved);
    const bool is_new_phase = next.now.saved.at != state_.saved.at;
    const bool has_restarted = next.now.saved.at == phase::restarting && next.now.saved.operation_done && !was_done;
    // What was seen before a start says nothing about the guest after it.
    if ((is_new_phase && next.now.saved.at == phase::verifying) || has_restarted) forget_checks();
    state_ = std::move(next.now);
    if (was_traffic && !failover::is_traffic(state_.saved) && world_.on_turn_free) world_.on_turn_free();
    if (next.cancel) cancel_operation();
    is_unsaved_ = is_unsaved_ || next.dirty;
    const std::uint64_t life = life_;
    const time_point begun = world_.time.now();
    if (is_unsaved_) co_await persist(changes_the_world(next.run));
    // A limit counts from when the record stands: until then nothing could be done.
    if (state_.deadline && next.dirty) *state_.deadline += world_.time.now() - begun;
    // While it was being written another daemon may have taken over, or this one anew.
    if (is_following_ || life != life_) co_return;
    if (next.run != failover::operation::none) start_operation(next.run);
    std::erase_if(retired_, [](const auto& group) { return group->size() == 0; });
    std::erase_if(slots_, [](const auto& slot) { return slot->is_retired && slot->task->size() == 0; });
}

void guest_keeper::tell(const failover::state& before, const failover::step& s) {
    if (world_.on_step) world_.on_step(before, s);
    const failover::record& r = s.now.saved;
    const std::string guest = to_string(settings_.id);
    if (r.at != before.saved.at) {
        log::info("failover.phase", {{"guest", guest},
                                     {"from", failover::name_of(before.saved.at)},
                                     {"to", failover::name_of(r.at)},
                                     {"reason", r.reason},
                                     {"generation", std::to_string(r.claim)},
                                     {"took", describe_duration(world_.time.now() - before.entered)}});
    }
    for (const failover::alert& a : s.alerts)
        log::warning("alert", {{"guest", guest}, {"code", a.code}, {"reason", a.text}});
}

asio::awaitable<void> guest_keeper::persist(bool is_needed) {
    for (bool is_shown = false;;) {
        const auto saved =
            co_await world_.store.save_record(failover::record_name(settings_.id), failover::to_json(state_.saved));
        if (saved && is_complaining_) log::info("record.writable", {{"guest", to_string(settings_.id)}});
        if (!saved && !is_complaining_)
            log::error("record.unwritable", {{"guest", to_string(settings_.id)}, {"reason", saved.error().text()}});
        // Told, not taken: what is to be done next waits in the state until it can be written.
        if (!saved && !is_shown && is_needed && saved.error().code == errc::io)
            (void)show_hold("journal_unwritable", "its record cannot be written: " + saved.error().text(),
                            "it can be written again");
        is_shown = is_shown || !saved;
        is_complaining_ = !saved;
        is_unsaved_ = !saved;
        // Without the record no effect: a crash would repeat or forget it (reliability I5). Looking needs none.
        if (saved || !is_needed || is_following_) co_return;
        co_await world_.time.sleep_for(2s);
    }
}

asio::awaitable<void> guest_keeper::wait_until_armed() {
    while (!world_.armed) co_await world_.time.sleep_for(1s);
}

void guest_keeper::cancel_operation() {
    ++operation_number_;
    running_ = failover::operation::none;
    if (!operation_) return;
    operation_->cancel();
    retired_.push_back(std::move(operation_));
}

void guest_keeper::start_operation(failover::operation what) {
    cancel_operation();
    running_ = what;
    progress_.clear();
    context_.own_user = world_.own_user;  // a reload may have brought other credentials
    operation_ = std::make_unique<task_group>(world_.executor);
    operation_->spawn(fmt::format("{} {}", failover::name_of(what), to_string(settings_.id)),
                      carry_out(what, operation_number_, is_resuming_));
}

/// Where nothing may be brought, and what other guests are about to take.
void guest_keeper::see_others(failover::facts& seen) const {
    if (world_.closed) seen.closed.merge(world_.closed());
    if (world_.reserved) seen.reserved = world_.reserved(settings_.id);
    if (world_.bound) seen.bound = world_.bound(settings_.id);
}

asio::awaitable<void> guest_keeper::carry_out(failover::operation what, std::uint64_t number, bool is_resumed) {
    if (what == failover::operation::preflight) {
        // Guests of one node that fail together are not all planned in the same moment.
        const bool is_first_look =
            world_.lead != nullptr && state_.saved.at == phase::confirming && !state_.saved.ordered;
        if (is_first_look) co_await world_.time.sleep_for(jittered(preflight_jitter, world_.chance).first_delay);
        failover::facts seen = co_await failover::gather_facts(world_.pve, world_.store, settings_.id, rules_,
                                                               world_.own_user, world_.lead);
        seen.path_problem = path_problem_;
        if (world_.storm) seen.storm = world_.storm();
        if (world_.lead != nullptr) seen.divergence = world_.lead->divergence();
        see_others(seen);
        inbox_.post({number, failover::planned{failover::make_plan(seen, rules_, state_.saved.asked)}});
        co_return;
    }
    if (what == failover::operation::plan_move) {
        failover::facts seen = co_await failover::gather_guest(world_.pve, settings_.id, world_.own_user, world_.lead,
                                                               rules_.accept_weak_fence);
        see_others(seen);
        inbox_.post({number, failover::planned{failover::make_move(seen, rules_), true}});
        co_return;
    }
    if (changes_the_world(what) && !world_.armed) {
        log::info("failover.frozen", {{"guest", to_string(settings_.id)}, {"operation", failover::name_of(what)}});
        co_await wait_until_armed();
    }
    const failover::finished end = co_await carry_out_here(what, number, is_resumed);
    inbox_.post({number, end});
}

/// Those that come before it, again after a crash: its number is the same.
asio::awaitable<std::optional<failover::finished>> guest_keeper::ask_hooks(failover::operation what) {
    const auto event = failover::hooks_before(what);
    if (!event) co_return std::nullopt;
    const config::hooks& all = settings_.own_hooks;
    std::vector<config::hook> wanted = *event == failover::hook_event::restart ? all.restart.pre : all.handover.pre;
    failover::record saved = state_.saved;
    auto refused = co_await hooks_.before(std::move(wanted), *event, std::move(saved));
    co_return refused;
}

asio::awaitable<failover::finished> guest_keeper::carry_out_here(failover::operation what, std::uint64_t number,
                                                                 bool is_resumed) {
    // A restart is asked for before anything is done; a hand-over once its number is its own.
    if (what == failover::operation::restart) {
        auto refused = co_await ask_hooks(what);
        if (refused) co_return std::move(*refused);
    }
    failover::operation_news news;
    news.task_started = [this, number](const upid& task) {
        log::info("pve.task", {{"guest", to_string(settings_.id)}, {"node", task.node.str()}, {"upid", task.text}});
        inbox_.post({number, failover::task_started{task.text}});
    };
    news.progress = [this](const std::string& line) { progress_ = line; };
    failover::finished end =
        co_await failover::carry_out(context_, what, state_.saved, rules_, is_resumed, std::move(news));
    if (what == failover::operation::claim && end.how == failover::outcome::ok) {
        auto refused = co_await ask_hooks(what);
        if (refused) co_return std::move(*refused);
    }
    co_return end;
}

}  // namespace steward
