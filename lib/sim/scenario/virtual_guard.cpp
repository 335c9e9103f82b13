#include "sim/scenario/virtual_guard.hpp"

#include "core/fencing/corosync_config.hpp"
#include "core/fencing/proof.hpp"
#include "core/handover/handover.hpp"
#include "sim/model_store.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <utility>

namespace steward::sim {
namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr duration daemon_limit = 60s;

}  // namespace

virtual_guard::virtual_guard(cluster& model, sim_time& time, node_name node, std::string boot_id,
                             const guard_setup& setup, guard_listener listener)
    : model_(model),
      time_(time),
      clock_(time, model, node),
      node_(std::move(node)),
      boot_id_(std::move(boot_id)),
      setup_(setup),
      listener_(std::move(listener)),
      tasks_(std::make_unique<task_group>(time.io().get_executor())) {
    tasks_->spawn("guard renewals", renew());
    tasks_->spawn("guard", watch());
}

virtual_guard::~virtual_guard() {
    tasks_->cancel();
    time_.run_for(duration::zero());
    tasks_.reset();
    sim_node* n = model_.find_node(node_);
    if (!watchdog_ || !n->powered) return;
    n->watchdog.close(*watchdog_, false, model_.now());
    model_.watch_watchdog(node_);
}

void virtual_guard::hear(daemon_words words) {
    words_ = std::move(words);
    heard_ = clock_.now();
}

std::string virtual_guard::lease_text() {
    lease::node_lease l;
    l.node = node_;
    l.boot_id = boot_id_;
    l.renewals = ++renewals_;
    l.promise = state_.promise;
    l.leaving = leaving_;
    lease::add_words(l, words_, clock_.now() - heard_ < lease::words_last && heard_ != time_point{});
    return lease::to_text(l);
}

asio::awaitable<void> virtual_guard::renew() {
    for (;;) {
        const time_point begun = clock_.now();
        co_await wait_until_writable(model_, clock_, node_);
        remember();
        read_own_lease();
        const bool is_forced = sees_forced_majority();
        const bool ok = model_.is_quorate(node_) && !is_forced;
        const lease::contract promised = state_.promise;
        has_news_ = false;
        if (ok) model_.files().tree().write("priv/steward/nodes/" + node_.str(), lease_text());
        take(fencing::renewal_ended{ok, begun, ok ? promised : lease::contract::none});
        if (ok) take(fencing::records_read{});
        // A promise that no longer holds is withdrawn before its time; but never more than one write a second (P10).
        next_renewal_ = begun + (ok ? fencing::guard_timing::renewal : duration(2s));
        co_await renewal_due_.wait();
    }
}

/// At every renewal; of the last ten minutes.
void virtual_guard::remember() {
    memory now;
    now.at = clock_.now();
    now.state = state_;
    now.renewals = renewals_;
    memories_.push_back(now);
    if (memories_.front().at + 600s < now.at) memories_.pop_front();
}

void virtual_guard::roll_back(duration by) {
    const time_point then = clock_.now() - by;
    const auto later = std::find_if(memories_.begin(), memories_.end(), [&](const memory& m) { return m.at > then; });
    if (later == memories_.begin()) return;  // it had not begun yet
    const memory& was = *std::prev(later);
    const fencing::guard_phase before = state_.at;
    state_ = was.state;
    // Its clock went back with its memory: for it no time has passed since.
    state_.lease_since += clock_.now() - was.at;
    state_.has_watchdog = watchdog_.has_value();
    renewals_ = was.renewals;
    memories_.erase(later, memories_.end());
    if (state_.at != before && listener_.on_phase) listener_.on_phase(state_.at);
}

/// As lease_writer does.
void virtual_guard::read_own_lease() {
    const auto text = model_.files(node_).tree().read("priv/steward/nodes/" + node_.str());
    const auto standing = lease::parse_node_lease(text.value_or(""));
    if (renewals_ == 0 || !standing || standing->boot_id != boot_id_ || standing->renewals <= renewals_) return;
    renewals_ = standing->renewals;
    if (listener_.on_alert)
        listener_.on_alert("memory_went_back", node_.str() + " was set back to a snapshot of itself");
    take(fencing::memory_went_back{});
}

asio::awaitable<void> virtual_guard::watch() {
    for (;;) {
        co_await clock_.sleep_for(1s);
        model_.advance_to(clock_.now());
        // Its age first: a guard that has just woken does nothing before it knows how late it is (E6).
        take(fencing::guard_tick{});
        watch_clock();
        look_at_guests();
        take(fencing::guard_wishes{has_guests_, setup_.wanted, setup_.no_promise.empty(), leaving_, runs_guests_});
        if (!setup_.no_promise.empty() && !has_refused_ && listener_.on_alert)
            listener_.on_alert(setup_.no_promise.c_str(),
                               node_.str() + " promises nothing: in this cluster a promise could not be kept");
        has_refused_ = true;
        const bool is_silent = clock_.now() - heard_ > daemon_limit && heard_ != time_point{};
        if (is_silent && !has_complained_ && listener_.on_alert)
            listener_.on_alert("daemon_unresponsive",
                               "stewardd has not been heard for a minute; its guests are not in danger");
        has_complained_ = is_silent;
        if (has_news_ || clock_.now() >= next_renewal_) renewal_due_.wake();
    }
}

void virtual_guard::watch_clock() {
    const auto step = steps_.step(clock_.wall_now(), clock_.now());
    if (step == 0s) return;
    if (listener_.on_alert)
        listener_.on_alert("clock_step", fmt::format("the clock of {} was set by {} s", node_.str(), step.count()));
    if (step < fencing::clock_watch::too_far_back) take(fencing::clock_went_back{});
    has_news_ = true;
}

bool virtual_guard::sees_forced_majority() {
    fencing::membership configured;
    configured.nodes = static_cast<int>(model_.nodes().size());
    configured.has_qdevice = model_.configured().has_qdevice;
    int online = 0;
    for (const sim_node& n : model_.nodes()) online += model_.is_member(node_, n.name) ? 1 : 0;
    const bool now = model_.is_quorate(node_) && fencing::is_forced(configured, online);
    if (now && !is_forced_ && listener_.on_alert)
        listener_.on_alert(fencing::expected_votes_overridden, node_.str() + " can write without a majority");
    return is_forced_ = now;
}

void virtual_guard::leave(lease::departure what) {
    leaving_ = what;
    has_news_ = true;
}

void virtual_guard::lose_watchdog() {
    sim_node* n = model_.find_node(node_);
    if (watchdog_) n->watchdog.close(*watchdog_, true, model_.now());
    watchdog_.reset();
    setup_.wanted = lease::contract::none;
    take(fencing::watchdog_answer{false});
    has_news_ = true;
    if (listener_.on_alert)
        listener_.on_alert("contract_downgraded",
                           node_.str() + " has lost its watchdog: its guests will not be failed over without a person");
}

std::string virtual_guard::status() const {
    const std::string code = is_forced_ ? fencing::expected_votes_overridden : setup_.no_promise;
    return fencing::describe(state_, {code, ""}, clock_.now());
}

/// Only when anything has begun or ceased to run, or was written, since.
void virtual_guard::look_at_guests() {
    static const std::string parked = handover::parked_directory;
    const file_tree& tree = model_.files(node_).tree();
    std::array<std::uint64_t, 4> now{model_.instance_changes(), tree.changes(), tree.stamp(parked), serves_changes()};
    if (std::exchange(seen_, now) == now) return;
    runs_guests_ = !running_here().empty();
    has_guests_ = has_guests();
    if (serves_changes()) kill_strangers();
}

bool virtual_guard::has_guests() const {
    if (!running_here().empty()) return true;
    return std::any_of(setup_.managed.begin(), setup_.managed.end(), [this](guest_id g) {
        const auto place = model_.files(node_).find(g.id);
        return place && place->node == node_;
    });
}

/// Of the managed ones.
std::vector<guest_id> virtual_guard::running_here() const {
    std::vector<guest_id> found;
    const auto& all = model_.instances();
    for (auto it = all.lower_bound({node_, guest_id()}); it != all.end() && it->first.first == node_; ++it)
        if (setup_.managed.count(it->first.second) != 0) found.push_back(it->first.second);
    return found;
}

void virtual_guard::take(const fencing::guard_event& what) {
    const fencing::guard_state before = state_;
    const fencing::guard_step next = fencing::advance(state_, what, clock_.now());
    state_ = next.now;
    if (state_.promise != before.promise) has_news_ = true;
    if (!before.is_slow && state_.is_slow && listener_.on_alert)
        listener_.on_alert("contract_downgraded", node_.str() + " writes its lease too slowly to feed its watchdog");
    if (state_.at != before.at && listener_.on_phase) listener_.on_phase(state_.at);
    carry_out(next.run);
}

void virtual_guard::carry_out(fencing::guard_effect what) {
    const auto mux = [this]() -> watchdog_mux& { return model_.find_node(node_)->watchdog; };
    switch (what) {
        case fencing::guard_effect::none: return;
        case fencing::guard_effect::open_watchdog:
            watchdog_ = mux().connect(model_.now());
            if (watchdog_) model_.watch_watchdog(node_);
            return take(fencing::watchdog_answer{watchdog_.has_value()});
        case fencing::guard_effect::feed:
            if (watchdog_) mux().feed(*watchdog_, model_.now());
            return model_.watch_watchdog(node_);
        case fencing::guard_effect::close_watchdog:
            if (watchdog_) mux().close(*watchdog_, true, model_.now());
            watchdog_.reset();
            return;
        case fencing::guard_effect::kill_guests: return kill_guests();
    }
}

void virtual_guard::kill_guests() {
    // So late that others may have brought them up elsewhere: whether they have is read when it can be.
    const bool is_late = clock_.now() - state_.lease_since >= fencing::timing::take;
    for (const guest_id g : running_here()) {
        if (is_late) ended_late_.insert(g);
        if (listener_.on_kill) listener_.on_kill(g);
        model_.halt(node_, g);
    }
    seen_ = {};
    take(fencing::all_killed{});
}

bool virtual_guard::was_taken(guest_id guest) const {
    const auto place = model_.files(node_).find(guest.id);
    if (place && place->node == node_) return false;
    return handover::was_parked(model_.files(node_).tree().list(handover::parked_directory), guest.id, node_);
}

void virtual_guard::tell_of_copy(guest_id guest) {
    if (listener_.on_alert)
        listener_.on_alert("double_run_detected",
                           fmt::format("{} ran on {}, which it was taken from", to_string(guest), node_.str()));
}

/// Something runs here whose record says that it is elsewhere: the last line against a second copy (I1).
void virtual_guard::kill_strangers() {
    for (const guest_id g : std::exchange(ended_late_, {}))
        if (was_taken(g)) tell_of_copy(g);
    for (const guest_id g : running_here()) {
        if (!was_taken(g)) continue;
        tell_of_copy(g);
        if (listener_.on_kill) listener_.on_kill(g);
        model_.halt(node_, g);
    }
}

}  // namespace steward::sim
