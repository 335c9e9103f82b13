#include "services/failover/guest_keeper.hpp"

#include "base/log.hpp"
#include "core/failover/plan_move.hpp"
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

namespace {

constexpr duration preflight_jitter = 10s;

/// Operations whose effect must be on record before it happens; the others only read.
bool changes_the_world(failover::operation o) {
    return o != failover::operation::none && o != failover::operation::preflight &&
           o != failover::operation::plan_move && o != failover::operation::look_at_target;
}

}  // namespace

static_assert(static_cast<int>(config::fresh_backup::require) == static_cast<int>(failover::fresh_backup::require));
static_assert(static_cast<int>(config::archive_choice::newest) == static_cast<int>(backup::choice::newest));
static_assert(static_cast<int>(config::on_shutdown::evacuate) == static_cast<int>(failover::shutdown_policy::evacuate));

failover::policy policy_of(const config::guest& g) {
    failover::policy p;
    p.accept_weak_fence = g.failover.accept_weak_fence;
    p.restart_attempts = g.restart.attempts;
    p.restart_window = g.restart.window;
    p.restart_settle = g.restart.settle;
    p.failover_enabled = g.failover.enabled;
    p.needs_approval = g.failover.approval;
    p.only_targets = g.failover.strict;
    p.apart = g.failover.apart;
    p.together = g.failover.together;
    p.targets = g.failover.targets;
    p.avoid = g.failover.avoid;
    p.storage = g.failover.storage;
    p.backup_storages = g.failover.backup_storages;
    p.max_backup_age = g.failover.max_backup_age;
    p.prefer = static_cast<backup::choice>(g.backup.prefer);
    p.before = static_cast<failover::fresh_backup>(g.failover.before);
    p.attempts = g.failover.attempts;
    p.stop_timeout = g.failover.stop_timeout;
    p.stall_timeout = g.failover.stall_timeout;
    p.start_timeout = g.failover.start_timeout;
    p.verify_timeout = g.failover.verify_timeout;
    p.cooldown = g.failover.cooldown;
    p.max_per_day = g.failover.max_per_day;
    p.shutdown = static_cast<failover::shutdown_policy>(g.failover.shutdown);
    p.reboot_grace = g.failover.reboot_grace;
    p.evacuate_timeout = g.failover.evacuate_timeout;
    p.fails_back = g.failover.fails_back;
    p.failback_stable = g.failover.failback_stable;
    return p;
}

guest_keeper::guest_keeper(keeper_world& world, config::guest settings, failover::state first)
    : world_(world),
      settings_(std::move(settings)),
      rules_(policy_of(settings_)),
      state_(std::move(first)),
      board_(world.executor, world.time, world.chance, to_string(settings_.id)),
      context_(world.pve, world.store, world.own_user, world.lead) {
    const guest_id id = settings_.id;
    board_.make_prober = [this](const config::check& spec) { return make_prober(spec); };
    board_.excuse = [this, id](const config::check& spec) {
        return world_.around ? health::excuse(world_.around(id), spec.start_period) : std::string();
    };
    board_.has_looked_since = world_.has_looked_since;
    board_.gateways = world_.gateways;
    board_.on_answer = [this] { on_answer(); };
    state_.saved.section = settings_.section;
}

guest_keeper::~guest_keeper() = default;

std::unique_ptr<net::prober> guest_keeper::make_prober(const config::check& spec) {
    const guest_id id = settings_.id;
    if (spec.kind == config::check_kind::pve) return make_state_prober(world_.sources, id, spec.timeout);
    if (spec.kind == config::check_kind::agent) return make_agent_prober(world_.sources, id, spec.timeout);
    if (!is_at_guest(spec)) return world_.make_prober(id, spec);
    auto make = [this, id](const config::check& placed) { return world_.make_prober(id, placed); };
    return make_addressed_prober(world_.sources, id, spec, std::move(make));
}

void guest_keeper::post(failover::event e) { inbox_.post({0, std::move(e)}); }

void guest_keeper::post_news(const failover::event& e) {
    if (!is_following_ && failover::is_news(state_, e)) post(e);
}

void guest_keeper::apply(config::guest settings) {
    board_.apply(settings.checks);
    settings_ = std::move(settings);
    rules_ = policy_of(settings_);
    state_.saved.section = settings_.section;
}

void guest_keeper::forget_checks() {
    board_.forget();
    last_opinion_ = {};
    past_.forget(world_.time.wall_now());
}

/// A guest that does not run is not broken: an archive of it may be the best there is.
void guest_keeper::remember(health::standing now) {
    const bool may_run = !world_.around || world_.around(settings_.id).is_running == true;
    past_.note(may_run ? now : health::standing::unknown, world_.time.wall_now());
}

void guest_keeper::on_answer() {
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
    if (world_.lead == nullptr) return own_view();
    const node_name home = world_.home_of ? world_.home_of(settings_.id) : node_name();
    lease::opinion all = world_.lead->opinion_of(settings_.id, own_view(), home);
    path_problem_ = std::move(all.path_problem);
    alone_ = std::move(all.alone);
    is_contradicted_ = all.is_contradicted;
    return all.all;
}

/// Nobody leads here, and nothing can be written; but whoever asks this node should hear why nothing happens.
void guest_keeper::tell_of_lost_quorum() {
    const bool has_quorum = world_.lead->state().fit.is_quorate;
    const bool is_told = state_.saved.at == phase::held && state_.saved.held && state_.saved.held->code == "quorum";
    if (has_quorum || is_told || own_view().now != health::standing::down) return;
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
    const health::summary seen = own_view();
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

asio::awaitable<result<guest_keeper::envelope>> guest_keeper::receive() {
    envelope e = co_await inbox_.receive();
    co_return e;
}

asio::awaitable<void> guest_keeper::run(bool is_resumed) {
    board_.apply(settings_.checks);
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
    co_await board_.stop();
    for (auto& group : retired_) co_await group->join();
    retired_.clear();
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
    around.alone = alone_;
    around.is_contradicted = is_contradicted_;
    if (world_.around) around.lock = world_.around(settings_.id).lock_that_excuses();
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
    board_.sweep();
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
        if (is_first_look) co_await world_.time.sleep_for(jitter(preflight_jitter, world_.chance));
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
    failover::operation_news news;
    news.task_started = [this, number](const upid& task) {
        log::info("pve.task", {{"guest", to_string(settings_.id)}, {"node", task.node.str()}, {"upid", task.text}});
        inbox_.post({number, failover::task_started{task.text}});
    };
    news.progress = [this](const std::string& line) { progress_ = line; };
    const failover::finished end =
        co_await failover::carry_out(context_, what, state_.saved, rules_, is_resumed, std::move(news));
    inbox_.post({number, end});
}

}  // namespace steward
