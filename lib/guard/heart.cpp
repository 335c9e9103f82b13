#include "guard/heart.hpp"

#include "base/key_lines.hpp"
#include "base/log.hpp"
#include "core/fencing/corosync_config.hpp"
#include "core/fencing/proof.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <fstream>
#include <iterator>

namespace steward::guard {

using namespace std::chrono_literals;

namespace {

/// What was read longer ago may no longer be so: nothing is ended by it.
constexpr duration sight_lasts = 5s;

}  // namespace

heart::heart(heart_setup setup, clocks time)
    : setup_(std::move(setup)), time_(std::move(time)), running_(setup_.cgroup_root) {
    read_managed();
}

std::string heart::next_lease(lease::contract& promised) {
    const locked hold(mutex_);
    lease::node_lease l;
    l.node = setup_.node;
    l.boot_id = setup_.boot_id;
    l.renewals = ++renewals_;
    l.promise = promised = state_.promise;
    l.leaving = leaving_;
    lease::add_words(l, words_, heard_ && time_.boottime() - *heard_ < lease::words_last);
    has_news_ = false;
    return lease::to_text(l);
}

void heart::remember(const lease::node_lease& standing) {
    const locked hold(mutex_);
    // A guard that has only just begun knows nothing of those before it.
    const bool is_ours = renewals_ != 0 && standing.boot_id == setup_.boot_id;
    if (!is_ours || standing.renewals <= renewals_) return;
    log::error(
        "guard.alert",
        {{"node", setup_.node.str()},
         {"code", "memory_went_back"},
         {"reason", "its lease is newer than what its guard remembers: this machine was set back to a snapshot"}});
    renewals_ = standing.renewals;
    take(fencing::memory_went_back{});
}

void heart::renewed(bool ok, time_point begun, lease::contract promised) {
    const locked hold(mutex_);
    take(fencing::renewal_ended{ok, begun, promised});
}

void heart::see(home_sight seen, time_point begun) {
    const locked hold(mutex_);
    if (!seen.no_promise.code.empty() && setup_.wanted != lease::contract::none)
        complain(seen.no_promise.code.c_str(), seen.no_promise.text);
    seen_ = std::move(seen);
    take(fencing::records_read{});
    kill_taken(begun);
    wish();
}

void heart::see_forced() {
    const locked hold(mutex_);
    seen_.no_promise = {
        fencing::expected_votes_overridden,
        "no majority of the nodes is online; somebody has lowered the expected votes, and the other part may "
        "be quorate as well"};
    complain(seen_.no_promise.code.c_str(), seen_.no_promise.text);
}

void heart::tick() {
    const locked hold(mutex_);
    // Its age first: a guard that has just woken does nothing before it knows how late it is (E6).
    take(fencing::guard_tick{});
    watch_clock();
    if (watchdog_ && !watchdog_->is_alive()) {
        watchdog_.reset();
        complain("contract_downgraded",
                 "watchdog-mux has gone: this node's guests are not failed over without a person");
        take(fencing::watchdog_answer{false});
    }
    wish();
}

void heart::hear(daemon_words words) {
    const locked hold(mutex_);
    heard_ = time_.boottime();
    // A daemon that has just begun to lead, sees something else, or asks or answers, is worth a lease of its own.
    const bool is_news = words.leads != words_.leads || words.is_fit != words_.is_fit || words.asks != words_.asks ||
                         words.answers != words_.answers;
    if (is_news) announce();
    const bool is_same = words.managed == managed_;
    managed_ = words.managed;
    // Beside those that were ended late and are looked after no longer.
    ended_late_.reserve(ended_late_.size() + managed_.size());
    words_ = std::move(words);
    if (!is_same) keep_managed();
}

bool heart::serves_changes() const {
    const locked hold(mutex_);
    return fencing::serves_changes(state_, time_.boottime());
}

duration heart::lease_age() const {
    const locked hold(mutex_);
    return time_.boottime() - state_.lease_since;
}

bool heart::has_left_embargo() const {
    const locked hold(mutex_);
    return state_.at != fencing::guard_phase::embargo;
}

std::vector<guest_id> heart::managed() const {
    const locked hold(mutex_);
    return managed_;
}

std::string heart::status() const {
    const locked hold(mutex_);
    return fencing::describe(state_, seen_.no_promise, time_.boottime());
}

void heart::leave(lease::departure what) {
    const locked hold(mutex_);
    if (what == leaving_) return;
    leaving_ = what;
    log::info("guard.leaving", {{"node", setup_.node.str()}, {"for", lease::name_of(what)}});
    wish();
    announce();
}

void heart::withdraw() {
    const locked hold(mutex_);
    is_ending_ = true;
    wish();
    announce();
}

bool heart::is_withdrawn() const {
    const locked hold(mutex_);
    return is_ending_ && !state_.is_relied_on && !watchdog_;
}

bool heart::has_said_all() const {
    const locked hold(mutex_);
    return leaving_ == lease::departure::none || state_.written == state_.promise;
}

bool heart::wait_for_news(duration at_least, duration at_most) {
    locked hold(mutex_);
    news_.wait_for(hold, at_least, [] { return false; });
    return news_.wait_for(hold, at_most - at_least, [this] { return has_news_; });
}

void heart::announce() {
    has_news_ = true;
    news_.notify_all();
}

void heart::take(const fencing::guard_event& what) {
    const fencing::guard_state before = state_;
    const fencing::guard_step next = fencing::advance(state_, what, time_.boottime());
    state_ = next.now;
    // Guests are ended first and written about afterwards.
    const bool is_urgent = next.run == fencing::guard_effect::kill_guests;
    if (is_urgent) carry_out(next.run);
    if (before.promise != next.now.promise) announce();
    if (!before.is_slow && next.now.is_slow)
        complain(
            "contract_downgraded",
            "/etc/pve takes writes so slowly that the watchdog cannot be fed in time: nothing is promised until it "
            "is faster");
    if (before.at != next.now.at)
        log::info("guard.phase", {{"node", setup_.node.str()},
                                  {"from", fencing::name_of(before.at)},
                                  {"to", fencing::name_of(next.now.at)},
                                  {"contract", lease::name_of(next.now.promise)}});
    if (!is_urgent) carry_out(next.run);
}

void heart::carry_out(fencing::guard_effect what) {
    switch (what) {
        case fencing::guard_effect::none: return;
        case fencing::guard_effect::open_watchdog: return open_watchdog();
        case fencing::guard_effect::feed: return feed();
        case fencing::guard_effect::close_watchdog:
            if (watchdog_) watchdog_->close_cleanly();
            watchdog_.reset();
            return;
        case fencing::guard_effect::kill_guests: return kill_all();
    }
}

void heart::open_watchdog() {
    auto client = watchdog_client::connect(setup_.watchdog);
    const bool works = client && client->feed();
    if (works)
        watchdog_.emplace(std::move(*client));
    else
        complain("contract_downgraded",
                 "watchdog-mux cannot be used: " + (client ? std::string("it hangs up") : client.error().text()));
    take(fencing::watchdog_answer{works});
}

void heart::feed() {
    const bool is_fed = watchdog_ && watchdog_->feed();
    // The guard may have slept between the decision and the byte (E2): its age again.
    take(fencing::guard_tick{});
    if (is_fed) return;
    watchdog_.reset();
    complain("contract_downgraded", "watchdog-mux has gone: this node's guests are not failed over without a person");
    take(fencing::watchdog_answer{false});
}

/// Again with each tick, until none is left. Nothing here allocates before all have been told to end.
void heart::kill_all() {
    // So late that others may have brought them up elsewhere: whether they have is read when it can be.
    const bool is_late = time_.boottime() - state_.lease_since >= fencing::timing::take;
    std::size_t alive = 0;
    bool is_refused = false;
    for (const guest_id g : managed_) {
        if (!running_.is_running(g)) continue;
        ++alive;
        if (!running_.kill(g)) is_refused = true;
        const bool is_known = std::find(ended_late_.begin(), ended_late_.end(), g) != ended_late_.end();
        if (is_late && !is_known && ended_late_.size() < ended_late_.capacity()) ended_late_.push_back(g);
    }
    if (alive == 0) return take(fencing::all_killed{});
    log::error("guard.killing", {{"node", setup_.node.str()},
                                 {"guests", std::to_string(alive)},
                                 {"reason", "no lease could be written for 55 s: the others take this node for dead"}});
    if (is_refused) complain("kill_refused", "the kernel refused to end a guest by its control group");
}

/// Something runs here whose configuration was taken away: the last line against a second copy (I1).
void heart::kill_taken(time_point begun) {
    for (const guest_id g : seen_.taken)
        if (std::find(ended_late_.begin(), ended_late_.end(), g) != ended_late_.end())
            log::error("guard.double_run", {{"guest", to_string(g)},
                                            {"node", setup_.node.str()},
                                            {"reason",
                                             "it was taken from this node, which ended what it ran only late: "
                                             "it may have run twice"}});
    ended_late_.clear();
    for (const guest_id g : seen_.taken) {
        if (time_.boottime() - begun > sight_lasts || !running_.is_running(g)) continue;
        const bool is_killed = running_.kill(g);
        log::error("guard.double_run",
                   {{"guest", to_string(g)},
                    {"node", setup_.node.str()},
                    {"reason", is_killed ? "it ran here, but was taken from this node: ended"
                                         : "it runs here, was taken from this node, and cannot be ended"}});
    }
}

void heart::wish() {
    fencing::guard_wishes w;
    const auto runs = [this](guest_id g) { return running_.is_running(g); };
    w.runs_guests = std::any_of(managed_.begin(), managed_.end(), runs);
    w.has_guests = w.runs_guests || !seen_.at_home.empty();
    w.leaving = leaving_;
    w.wanted = setup_.wanted;
    w.may_arm = !is_ending_ && seen_.no_promise.code.empty();
    take(w);
}

/// watchdog-mux judges its clients by the wall clock.
void heart::watch_clock() {
    const auto step = clock_.step(time_.wall(), time_.boottime());
    if (step == 0s) return;
    log::warning("guard.clock_step", {{"node", setup_.node.str()}, {"seconds", std::to_string(step.count())}});
    if (step < fencing::clock_watch::too_far_back) take(fencing::clock_went_back{});
    announce();
}

/// Once each, until something else has been complained about.
void heart::complain(const char* code, const std::string& text) {
    if (told_ == code) return;
    told_ = code;
    log::error("guard.alert", {{"node", setup_.node.str()}, {"code", code}, {"reason", text}});
}

void heart::read_managed() {
    std::ifstream file(setup_.managed_file);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (auto guests = split_guests(text)) managed_ = std::move(*guests);
    ended_late_.reserve(managed_.size());
}

void heart::keep_managed() const {
    if (setup_.managed_file.empty()) return;
    std::filesystem::path fresh = setup_.managed_file;
    fresh += ".tmp";
    std::ofstream(fresh) << join_guests(managed_);
    std::error_code ec;
    std::filesystem::rename(fresh, setup_.managed_file, ec);
    if (ec) log::warning("guard.not_kept", {{"path", setup_.managed_file.string()}, {"reason", ec.message()}});
}

}  // namespace steward::guard
