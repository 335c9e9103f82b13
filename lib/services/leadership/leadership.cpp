#include "services/leadership/leadership.hpp"

#include "base/log.hpp"
#include "core/fencing/corosync_config.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <memory>

namespace steward {
namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr duration look_every = 2s;            ///< while it leads
constexpr duration look_while_following = 4s;  ///< what it waits for takes two minutes
/// A loop that was away for so much longer has missed what others did meanwhile: nothing that it counted holds any
/// more.
constexpr duration pause_noticed = 3s;
/// A loop that has just stood still may do so again.
constexpr duration unfit_for = 30s;
constexpr duration cold_boot = 300s;
constexpr duration node_grace = 60s;
/// A fence agent that failed is tried again after so long.
constexpr duration agent_again = 300s;

bool leads(leader::phase p) {
    return p == leader::phase::settling || p == leader::phase::leading || p == leader::phase::paused;
}

}  // namespace

asio::awaitable<void> leadership::run() {
    last_look_ = time_.now();
    for (;;) {
        co_await look();
        pause_ = is_leading_ ? look_every : look_while_following;
        const time_point wake = std::min(leader::next_tick(state_, time_.now()), time_.now() + pause_);
        co_await time_.sleep_until(std::max(wake, time_.now() + 100ms));
    }
}

asio::awaitable<void> leadership::look() {
    if (const duration away = time_.now() - last_look_; away > pause_ + pause_noticed) {
        leases_.start_again(time_.now());
        unfit_until_ = time_.now() + unfit_for;
        log::warning("observer.unfit",
                     {{"node", self_.str()}, {"reason", "its own loop stood still for " + describe_duration(away)}});
        if (on_stall) on_stall(away);
    }
    last_look_ = time_.now();
    // Its own age first: whatever it learns below may be late.
    if (const auto due = learn(leader::tick{}); due != leader::effect::none) co_await act(due);

    if (words) {
        daemon_words said = words();
        // A guard that does not answer renews without us.
        auto status = co_await store_.say(std::move(said));
        guard_status_ = std::move(status);
    }
    const auto seen = co_await store_.look();
    if (seen)
        for (const stored_record& r : seen->leases) observe(r);
    hear_question();
    if (fitness) {
        if (const auto due = learn(fitness()); due != leader::effect::none) co_await act(due);
    }
    if (!seen) co_return;
    if (const auto due = learn(leader::epoch_seen{seen->highest_epoch}); due != leader::effect::none) co_await act(due);
    // Cut off it reads what was: that nothing changes there says nothing about the lock (L3).
    if (seen->lock.stamp != stamp_ || !seen->lock.is_held || !state_.fit.is_quorate) {
        stamp_ = seen->lock.stamp;
        stamp_changed_ = time_.now();
    }
    const leader::lock_seen lock{seen->lock.is_held, time_.now() - stamp_changed_};
    if (const auto due = learn(lock); due != leader::effect::none) co_await act(due);
}

/// A lease changes every ten seconds and is read every two: what has not changed says nothing new.
void leadership::observe(const stored_record& r) {
    std::string& known = lease_texts_[r.name];
    if (known == r.text) return;
    known = r.text;
    const auto lease = lease::parse_node_lease(r.text);
    if (!lease || lease->node.str() != r.name) return;
    leases_.observe(*lease, time_.now());
    if (lease->leaving == lease::departure::none)
        leaving_since_.erase(lease->node);
    else
        leaving_since_.try_emplace(lease->node, time_.now());
}

std::optional<duration> leadership::gone_for(const node_name& node) const {
    const auto gone = gone_since_.find(node);
    if (gone == gone_since_.end()) return std::nullopt;
    return time_.now() - gone->second;
}

duration leadership::stable_for(const node_name& node) const {
    const auto silent = leases_.silence(node, time_.now());
    const bool is_alive = silent && *silent < lease::freshest_vote && !leaving(node) && !is_gone(node);
    if (!is_alive || !first_look_) return duration::zero();
    const auto back = back_since_.find(node);
    return time_.now() - (back == back_since_.end() ? *first_look_ : back->second);
}

std::string leadership::divergence() const {
    std::string nodes;
    for (const node_name& n : members_) {
        const lease::node_lease* last = leases_.last(n);
        const auto silent = leases_.silence(n, time_.now());
        const bool is_heard = last != nullptr && last->is_fit && silent && *silent < lease::freshest_vote;
        if (n == self_ || !is_heard || last->config_digest == config_digest) continue;
        nodes += (nodes.empty() ? "" : ", ") + n.str();
    }
    if (nodes.empty()) return {};
    return fmt::format("the daemons of {} and {} are configured differently", self_.str(), nodes);
}

bool leadership::is_forced() const {
    return guard_status_ &&
           guard_status_->find(std::string("no_promise=") + fencing::expected_votes_overridden) != std::string::npos;
}

std::optional<failover::leave_notice> leadership::leaving(const node_name& node) const {
    const auto since = leaving_since_.find(node);
    if (since == leaving_since_.end()) return std::nullopt;
    // It is there, and no guard of it has said anything for long: it has come back without one.
    const auto silent = leases_.silence(node, time_.now());
    if (!is_gone(node) && silent && *silent >= fencing::timing::take) return std::nullopt;
    return failover::leave_notice{leases_.last(node)->leaving, time_.now() - since->second};
}

std::set<node_name> leadership::all_leaving() const {
    std::set<node_name> all;
    for (const auto& [node, since] : leaving_since_)
        if (leaving(node)) all.insert(node);
    return all;
}

asio::awaitable<void> leadership::leave() {
    const leader::effect due = learn(leader::step_down{});
    co_await act(due);
}

/// One event; what is to be done about it.
leader::effect leadership::learn(const leader::event& what) {
    const leader::phase before = state_.at;
    const leader::step next = leader::advance(state_, what, time_.now());
    state_ = next.now;
    tell(before);
    return next.run;
}

/// That, and whatever follows from its answer.
asio::awaitable<void> leadership::act(leader::effect what) {
    while (what != leader::effect::none && what != leader::effect::drop) {
        if (what == leader::effect::release) {
            const auto released = co_await store_.release_lock();
            (void)released;  // it expires by itself
            co_return;
        }
        const leader::event answer = co_await carry_out(what);
        what = learn(answer);
    }
}

asio::awaitable<leader::event> leadership::carry_out(leader::effect what) {
    const time_point begun = time_.now();
    if (what == leader::effect::claim_epoch) {
        const std::uint64_t wanted = state_.epoch;
        const auto claimed = co_await store_.claim_epoch(wanted);
        co_return leader::epoch_answer{claimed.has_value() && *claimed, wanted, !claimed.has_value()};
    }
    if (what == leader::effect::renew) {
        const auto done = co_await store_.renew_lock();
        co_return leader::renewed{done.has_value(), begun};
    }
    const auto got = co_await store_.acquire_lock(what == leader::effect::ask_expiry);
    if (!got && got.error().code == errc::exists) tell_of_stuck_lock();
    co_return leader::acquired{got.has_value(), begun};
}

/// pmxcfs removes a lock that is too old for whoever asks, unless something lies in its directory (reliability P7).
void leadership::tell_of_stuck_lock() {
    const duration silence = time_.now() - stamp_changed_;
    if (silence < leader::timing::stuck || stuck_stamp_ == stamp_) return;
    stuck_stamp_ = stamp_;
    const std::string why = fmt::format(
        "the leader's lock has not been renewed for {}, and cannot be taken: something may lie in its directory. "
        "Nobody "
        "leads until it is gone (see docs/failover.md#alerts)",
        describe_duration(silence));
    log::warning("alert", {{"node", self_.str()}, {"code", "lock_stuck"}, {"reason", why}});
    if (on_alert) on_alert("lock_stuck", why);
}

void leadership::see_members(const model::cluster_view& view) {
    if (!first_look_) first_look_ = time_.now();
    members_.clear();
    see_removed(view);
    for (const auto& [name, node] : view.nodes) {
        members_.push_back(name);
        if (node.online == false)
            gone_since_.try_emplace(name, time_.now());
        else if (gone_since_.erase(name) != 0)
            back_since_[name] = time_.now();
    }
}

/// pvecm delnode takes a node out of the list; what it leaves in /etc/pve/nodes stays. Only a list that shows the
/// majority says that somebody is missing in it.
void leadership::see_removed(const model::cluster_view& view) {
    if (view.is_quorate != true || view.nodes.count(view.contacted) == 0) return;
    for (const auto& [id, row] : view.guests)
        if (view.nodes.count(row.node) == 0) gone_since_.try_emplace(row.node, time_.now());
}

/// With the question about that guest that they have to have answered.
lease::observers leadership::observers(guest_id about) const {
    lease::observers who(self_, members_, leases_, config_digest);
    for (const auto& [node, since] : gone_since_) who.gone.insert(node);
    if (is_leading_) who.asked = questions_.first_asked(about);
    return who;
}

lease::opinion leadership::opinion_of(guest_id guest, const health::summary& own, const node_name& home) const {
    lease::observers who = observers(guest);
    // It is asked about with our next words: nobody has looked yet.
    const bool is_asked_next = is_leading_ && !who.asked && own.now == health::standing::down;
    if (is_asked_next) who.asked = questions_.next(state_.epoch);
    return lease::opinion_of(guest, own, home, who, time_.now());
}

void leadership::ask(const std::vector<guest_id>& in_doubt) {
    if (is_leading_)
        questions_.ask(state_.epoch, in_doubt);
    else
        questions_.end();
}

/// The newest question of whoever leads. A later one replaces it: who has answered that has answered this.
void leadership::hear_question() {
    const lease::node_lease* l = leases_.last(leader());
    const question known = open_question_ ? std::max(open_question_->which, answered_) : answered_;
    if (l == nullptr || l->node == self_ || l->asks <= known) return;
    open_question_ = asked_of_us{l->asks, l->asked, time_.now()};
}

void leadership::answer_question() {
    if (open_question_) answered_ = open_question_->which;
    open_question_.reset();
}

std::string leadership::claims_forbidden(const node_name& home) const {
    const time_point now = time_.now();
    const auto back = back_since_.find(home);
    if (back != back_since_.end() && now - back->second < node_grace)
        return fmt::format("{} came back {} ago: its guests get a minute to start", home.str(),
                           describe_duration(now - back->second));
    if (is_newly_booted(now))
        return "this node was booted less than five minutes ago: others may still be on their way";
    if (!leader::may_claim(state_, now)) return "this daemon has not led for long enough";
    return {};
}

bool leadership::is_newly_booted(time_point now) const {
    return node_booted != time_point::min() && now - node_booted < cold_boot;
}

/// What stands about it in its lease and in our configuration.
fencing::evidence leadership::known_of(const node_name& node, bool accepts_weak) const {
    fencing::evidence e;
    e.node = node;
    const lease::node_lease* last = leases_.last(node);
    // A lease from before our own boot says nothing about what its node has done since, unless it was renewed before
    // our eyes: after a power cut that node may be a minute behind us.
    const bool is_leftover = last != nullptr && !leases_.has_changed(node) && node_booted != time_point::min() &&
                             leases_.first_seen(node) - node_booted < cold_boot;
    if (last != nullptr && !is_leftover) {
        e.lease = *last;
        e.silence = leases_.silence(node, time_.now());
        e.has_same_guests = last->config_digest == config_digest;
    }
    e.accepts_weak = accepts_weak;
    e.has_agent = agents != nullptr && agents->knows(node);
    return e;
}

asio::awaitable<fencing::evidence> leadership::evidence(node_name node, guest_id guest, bool accepts_weak) const {
    fencing::evidence e = known_of(node, accepts_weak);
    e.gone_for = gone_for(node);
    e.is_member = !e.gone_for;
    const bool is_up_here = own_view && own_view(guest).now == health::standing::up;
    e.shows_life = is_up_here || lease::is_seen_alive(guest, node, observers(guest), time_.now());
    const auto said = co_await store_.read_confirmation(node);
    if (said && !said->empty()) e.confirmed = fencing::parse_confirmation(*said);
    tell_of_agent(node, e);
    co_return e;
}

fencing::evidence leadership::evidence_once_dead(const node_name& node, bool accepts_weak) const {
    fencing::evidence e = known_of(node, accepts_weak);
    e.gone_for = fencing::timing::take;
    if (e.lease) e.silence = fencing::timing::take;
    if (e.has_agent) e.off_by_agent = fencing::timing::take;
    return e;
}

/// What a fence agent did or tried. Its word is about one boot of the node, as a person's is.
void leadership::tell_of_agent(const node_name& node, fencing::evidence& e) const {
    if (const auto failed = agent_failures_.find(node); failed != agent_failures_.end())
        if (time_.now() - failed->second.at < agent_again) e.agent_failure = failed->second.why;
    if (!e.confirmed || e.confirmed->by != fencing::by_fence_agent) return;
    if (!e.lease || e.lease->boot_id == e.confirmed->boot_id) e.off_by_agent = time_.wall_now() - e.confirmed->when;
    e.confirmed.reset();
}

asio::awaitable<result<void>> leadership::switch_off(node_name node) {
    if (!being_fenced_.insert(node).second) co_return fault(errc::locked, "", node.str() + " is being switched off");
    // Also when whoever asked is cancelled.
    const std::shared_ptr<void> over(nullptr, [this, node](void*) { being_fenced_.erase(node); });
    auto done = co_await agents->switch_off(node);
    if (done) {
        const lease::node_lease* last = leases_.last(node);
        fencing::confirmation c;
        c.boot_id = last != nullptr ? last->boot_id : "unknown";
        c.by = fencing::by_fence_agent;
        c.when = time_.wall_now();
        auto written = co_await store_.write_confirmation(node, fencing::to_text(c));
        done = std::move(written);
    } else {
        agent_failures_[node] = {time_.now(), done.error().text()};
    }
    if (done)
        log::warning("fence.agent", {{"node", node.str()}, {"reason", "switched off, and verified"}});
    else
        log::error("fence.failed", {{"node", node.str()}, {"reason", done.error().text()}});
    co_return done;
}

node_name leadership::leader() const {
    if (is_leading_) return self_;
    node_name found;
    std::uint64_t newest = 0;
    for (const node_name& n : members_) {
        const lease::node_lease* last = leases_.last(n);
        const auto silent = leases_.silence(n, time_.now());
        const bool is_newer = last != nullptr && last->leads > newest && silent && *silent < lease::freshest_vote;
        if (!is_newer || n == self_) continue;
        found = n;
        newest = last->leads;
    }
    return found;
}

bool leadership::sees_fit_observer() const {
    return std::any_of(members_.begin(), members_.end(), [&](const node_name& n) {
        const lease::node_lease* last = leases_.last(n);
        const auto silent = leases_.silence(n, time_.now());
        return n != self_ && last != nullptr && last->is_fit && silent && *silent < lease::freshest_vote;
    });
}

void leadership::tell(leader::phase before) {
    if (state_.at != before)
        log::info("leader.phase", {{"node", self_.str()},
                                   {"from", leader::name_of(before)},
                                   {"to", leader::name_of(state_.at)},
                                   {"epoch", std::to_string(state_.epoch)}});
    if (leads(state_.at) == is_leading_) return;
    is_leading_ = leads(state_.at);
    if (on_change) on_change(is_leading_, state_.epoch);
}

}  // namespace steward
