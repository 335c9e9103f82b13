#include "services/keeper.hpp"

#include "base/log.hpp"
#include "services/failover/gather.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward {
namespace asio = boost::asio;
namespace {

constexpr duration storm_settle = std::chrono::seconds(60);
/// Well below the minute after which what was seen is too old to go by.
constexpr duration follower_pause = std::chrono::seconds(30);

/// A record that cannot be understood is no licence to act: a hand-over may be under way in it (reliability X11).
failover::state unreadable_state(guest_id guest, time_point now, wall_time wall, const std::string& why) {
    failover::state s = failover::first_state(guest, now, wall);
    s.saved.at = failover::phase::held;
    s.saved.held = failover::hold{"record_corrupt", "its record cannot be read: " + why,
                                  "steward retry, after a person has looked", wall + std::chrono::hours(87600)};
    s.saved.reason = s.saved.held->text;
    return s;
}

/// The next write of that guest replaces its record; what could not be read may still tell a person something.
asio::awaitable<void> keep_evidence(cluster_store& store, std::string name, std::string text) {
    const auto kept = co_await store.save_record(name, std::move(text));
    if (!kept) log::warning("record.evidence_lost", {{"reason", kept.error().text()}});
}

asio::awaitable<void> end_guest(guest_keeper& guest) { co_await guest.stop(); }

}  // namespace

keeper::keeper(keeper_world& world, config::settings settings, std::function<void(bool)> allow_writes)
    : world_(world),
      settings_(std::move(settings)),
      allow_writes_(std::move(allow_writes)),
      gateways_(world.executor, world.time, world.chance, "gateways"),
      ends_(world.executor),
      role_(world.executor) {
    world_.home_of = [this](guest_id guest) {
        const auto* row = sight_.view ? sight_.view->find(guest) : nullptr;
        return row != nullptr ? row->node : node_name();
    };
    serve_checks();
    world_.paused = [this](guest_id guest) {
        auto no = failover::paused(pauses_, guest, world_.home_of(guest));
        if (!no) no = ignored(guest);
        return no ? no : misplaced(guest);
    };
    world_.closed = [this] { return closed_nodes(); };
    world_.traffic = [this](guest_id guest) { return traffic_beside(guest); };
    world_.reserved = [this](guest_id guest) { return reserved_beside(guest); };
    world_.bound = [this](guest_id guest) { return bound_beside(guest); };
    world_.on_turn_free = [this] { call_the_next(); };
}

keeper::~keeper() = default;

asio::awaitable<result<void>> keeper::start() {
    auto records = co_await world_.store.load_records();
    // Who shares the work reads them again before it leads: its guard may not be there yet.
    if (!records && cluster_ == nullptr) co_return records.error();
    if (!records) log::warning("records.unreadable", {{"reason", records.error().text()}});
    world_.armed = settings_.run_mode == config::mode::armed;
    allow_writes_(world_.armed);
    if (records) accept_records(std::move(*records));
    if (finds_newer_records()) co_return *misfit_;
    log::info("mode", {{"mode", mode_name()}});
    co_return result<void>();
}

/// As the record says; with one that cannot be understood it is held, and the record kept as evidence.
failover::state keeper::state_from(guest_id guest, bool& is_resumed) {
    const time_point now = world_.time.now();
    const wall_time wall = world_.time.wall_now();
    failover::state s = failover::first_state(guest, now, wall);
    const auto record = records_.find(failover::record_name(guest));
    if (record == records_.end()) return s;
    auto saved = failover::parse_record(record->second);
    if (saved && saved->guest != guest)
        saved = fault(errc::garbage, "record", fmt::format("is about {}", to_string(saved->guest)));
    if (saved) {
        s.saved = std::move(*saved);
        is_resumed = true;
        return s;
    }
    log::error("record.unreadable", {{"guest", to_string(guest)}, {"reason", saved.error().text()}});
    ends_.spawn("evidence", keep_evidence(world_.store, record->first + ".unreadable", record->second));
    failover::step quarantined;
    quarantined.now = unreadable_state(guest, now, wall, saved.error().text());
    quarantined.alerts.push_back({quarantined.now.saved.held->code, quarantined.now.saved.reason});
    log::warning("alert", {{"guest", to_string(guest)},
                           {"code", quarantined.alerts.front().code},
                           {"reason", quarantined.alerts.front().text}});
    if (world_.on_step) world_.on_step(s, quarantined);
    return quarantined.now;
}

void keeper::add_guest(const config::guest& g) {
    bool is_resumed = false;
    failover::state first = state_from(g.id, is_resumed);
    auto added = std::make_unique<guest_keeper>(world_, g, std::move(first));
    if (cluster_ != nullptr && !is_leading_) added->follow();
    auto group = std::make_unique<task_group>(world_.executor);
    group->spawn("guest " + to_string(g.id), added->run(is_resumed));
    guests_[g.id] = std::move(added);
    runs_[g.id] = std::move(group);
}

void keeper::apply(config::settings settings) {
    std::erase_if(settings.guests, [](const config::guest& g) { return !g.section.empty(); });
    // Who is not listed any more is forgotten with a new configuration; before that its absence says nothing.
    listed_.clear();
    if (sight_.view)
        for (const auto& [id, row] : sight_.view->guests) listed_.insert(id);
    add_chosen(settings);
    use(std::move(settings));
}

void keeper::use(config::settings settings) {
    gateways_.sweep();
    gateways_.apply(settings.gateways);
    for (const config::guest& g : settings.guests) {
        const auto known = guests_.find(g.id);
        if (known != guests_.end())
            known->second->apply(g);
        else
            add_guest(g);
    }
    settings_ = std::move(settings);
    take_leave();
}

/// Guests that are no longer configured go, unless a hand-over is under way: that is finished first.
void keeper::take_leave() {
    for (auto it = guests_.begin(); it != guests_.end();) {
        const bool is_configured = std::any_of(settings_.guests.begin(), settings_.guests.end(),
                                               [&](const config::guest& g) { return g.id == it->first; });
        const failover::phase at = it->second->state().saved.at;
        if (!is_configured && failover::is_in_flight(at) && failover::can_abort(at))
            it->second->post(failover::abort_order{"whoever took it out of the configuration", true});
        if (is_configured || failover::is_in_flight(it->second->state().saved.at)) {
            ++it;
            continue;
        }
        log::info("guest.removed", {{"guest", to_string(it->first)}});
        records_[failover::record_name(it->first)] = failover::to_json(it->second->state().saved);
        const auto run = runs_.find(it->first);
        run->second->cancel();
        ends_.spawn("end of " + to_string(it->first), end_guest(*it->second));
        leaving_.push_back(std::move(it->second));
        runs_.erase(run);
        it = guests_.erase(it);
    }
}

/// Who does not lead need not look as often: it only has to know where the guests are, and that it may lead. But
/// before it says that a guest is down it asks whether PVE knows why.
bool keeper::is_time_to_look() const {
    const bool is_relaxed = cluster_ != nullptr && !is_leading_ && sight_.problem.empty() && sight_.view &&
                            !cluster_->leaving(cluster_->self()) && !is_any_in_doubt();
    return !is_relaxed || world_.time.now() - sight_.taken >= follower_pause;
}

asio::awaitable<void> keeper::watch_cluster() {
    while (!misfit_) {
        if (is_time_to_look()) co_await look_at_cluster();
        if (cluster_ != nullptr && !is_leading_) co_await follow_records();
        co_await end_pauses();
        co_await finish_disarming();
        co_await inspect_next();
        if (foresees) co_await foresee_next();
        tell_nodes();
        take_leave();
        co_await world_.time.sleep_for(settings_.pve.poll_interval);
    }
}

asio::awaitable<void> keeper::look_at_cluster() {
    const time_point begun = world_.time.now();
    auto view = co_await world_.pve.look(pve::client::scope::guests);
    looked_ = begun;
    const std::string problem = view ? std::string() : view.error().text();
    if (problem.empty() != sight_.problem.empty() || !sight_.view) {
        if (problem.empty())
            log::info("cluster.seen",
                      {{"node", view->contacted.str()}, {"guests", std::to_string(view->guests.size())}});
        else if (problem != sight_.problem)
            log::warning("cluster.unseen", {{"reason", problem}});
    }
    sight_.problem = problem;
    // After a reload it only sees nothing any more: a slip of the pen is no reason to end.
    if (!view && !sight_.view && world_.pve.is_elsewhere())
        misfit_ = fault(errc::invalid, "cluster_mismatch", view.error().detail);
    if (view) {
        if (sight_.view) tell_moves(*sight_.view, *view);
        sight_.view = std::move(*view);
        sight_.taken = world_.time.now();
        if (cluster_ != nullptr) cluster_->see_members(*sight_.view);
        follow_sections();
        tell_guests();
        co_await look_at_boots();
    }
    if (!is_leading_ || !cannot_work()) co_return;
    log::warning("leader.step_down", {{"reason", "PVE cannot be reached from here: " + sight_.problem}});
    co_await cluster_->leave();
}

asio::awaitable<void> keeper::run() {
    config::settings settings = settings_;
    apply(std::move(settings));
    if (cluster_ != nullptr) role_.spawn("leadership", cluster_->run());
    co_await watch_cluster();
}

/// What the whole picture says about single guests.
void keeper::tell_guests() {
    for (const auto& [id, guest] : guests_) {
        const failover::record& r = guest->state().saved;
        const auto* row = sight_.view->find(id);
        if (row != nullptr) note_place(*row);
        // While it is restored its configuration is not complete.
        if (row != nullptr && row->max_memory != 0 && !failover::is_acting(r.at)) memory_of_[id] = row->max_memory;
        guest->post_news(failover::placement_seen{misplaced(id)});
        if (row != nullptr) guest->post_news(failover::ha_seen{!row->hastate.empty() && row->hastate != "ignored"});
        const auto away = row != nullptr && cluster_ != nullptr ? cluster_->gone_for(row->node) : std::nullopt;
        if (away && *away >= fencing::timing::off) guest->post_news(failover::home_gone{row->node});
        // Nothing may be heard of a guest that is well: whether it has to wait for its node is asked here.
        const bool is_left = row != nullptr && cluster_ != nullptr && cluster_->leaving(row->node);
        if (is_left && is_leading_ && r.at == failover::phase::watching) guest->post(failover::reconsider{});
        if (row != nullptr && wants_home(*guest, *row)) guest->post(failover::go_home{});
        if (!failover::is_in_flight(r.at) || !r.chosen) continue;
        const auto target = sight_.view->nodes.find(r.target);
        if (target != sight_.view->nodes.end() && target->second.online == false)
            guest->post_news(failover::target_gone{});
    }
}

/// By itself: once the node that it was taken from has been back for long enough (reliability §1.5).
bool keeper::wants_home(const guest_keeper& guest, const model::guest_row& row) const {
    const failover::record& r = guest.state().saved;
    const config::failover_policy& rules = guest.settings().failover;
    if (cluster_ == nullptr || !is_leading_ || !rules.fails_back || r.at != failover::phase::watching) return false;
    if (!failover::can_go_home(r) || row.node != r.target) return false;
    const node_name home = r.chosen->source;
    return cluster_->stable_for(home) >= rules.failback_stable && world_.closed().count(home) == 0;
}

const char* keeper::state_of(const node_name& node) const {
    const failover::pause* p = pauses_.find(failover::pause_object(node));
    if (p != nullptr && p->kind == failover::pause_kind::planned_off) return "planned_off";
    if (p != nullptr) return "maintenance";
    if (!sight_.view) return "unknown";
    const auto known = sight_.view->nodes.find(node);
    if (known == sight_.view->nodes.end()) return "gone";
    return !known->second.online ? "unknown" : *known->second.online ? "online" : "offline";
}

/// The more important one; of equals the one with the lower number.
bool keeper::comes_before(guest_id one, guest_id other) const {
    const auto rank = [&](guest_id g) {
        const guest_keeper* known = find(g);
        return std::pair(known == nullptr ? 0 : -known->settings().failover.priority, g.id.number());
    };
    return rank(one) < rank(other);
}

failover::traffic keeper::traffic_beside(guest_id guest) const {
    failover::traffic all;
    for (const auto& [id, other] : guests_) {
        const failover::record& r = other->state().saved;
        if (id == guest) continue;
        if (failover::is_waiting(r) && comes_before(id, guest)) ++all.ahead;
        if (!failover::is_traffic(r)) continue;
        ++all.under_way;
        all.targets.insert(r.target);
    }
    return all;
}

/// What replacements that are on their way, or have just come, will still take of their nodes' memory.
std::map<node_name, std::uint64_t> keeper::reserved_beside(guest_id guest) const {
    std::map<node_name, std::uint64_t> all;
    for (const auto& [id, other] : guests_) {
        const failover::record& r = other->state().saved;
        const node_name where = failover::bound_for(r);
        const auto wants = memory_of_.find(id);
        if (id == guest || where.empty() || wants == memory_of_.end()) continue;
        const model::guest_row* row = sight_.view ? sight_.view->find(id) : nullptr;
        const bool is_there = row != nullptr && row->node == where;
        if (r.at == failover::phase::done && !is_there) continue;  // somebody has moved it on
        // What it already uses there its node counts itself.
        const std::uint64_t has = is_there ? std::min(row->used_memory, wants->second) : 0;
        all[where] += wants->second - has;
    }
    return all;
}

std::map<guest_id, node_name> keeper::bound_beside(guest_id guest) const {
    std::map<guest_id, node_name> all;
    for (const auto& [id, other] : guests_) {
        const failover::record& r = other->state().saved;
        const node_name where = failover::is_in_flight(r.at) ? failover::bound_for(r) : node_name();
        if (id != guest && !where.empty()) all[id] = where;
    }
    return all;
}

void keeper::call_the_next() {
    for (const auto& [id, guest] : guests_) {
        const failover::record& r = guest->state().saved;
        if (r.at == failover::phase::held && r.held && r.held->code == "queue") guest->post(failover::reconsider{});
    }
}

/// One line per change; a node that has left the list is told once as gone.
void keeper::tell_nodes() {
    if (!sight_.view) return;
    for (const auto& [name, n] : sight_.view->nodes) node_states_.try_emplace(name);
    for (auto& [name, known] : node_states_) {
        const std::string now = state_of(name);
        if (now == known) continue;
        if (!known.empty()) log::info("node.state", {{"node", name.str()}, {"from", known}, {"to", now}});
        known = now;
        if (world_.on_node_state) world_.on_node_state(name, now);
    }
}

/// A configuration that is suddenly elsewhere, although we moved nothing.
void keeper::tell_moves(const model::cluster_view& before, const model::cluster_view& now) {
    for (const auto& [id, guest] : guests_) {
        const auto* was = before.find(id);
        const auto* is = now.find(id);
        if (was != nullptr && is != nullptr && was->node != is->node)
            guest->post_news(failover::moved_by_hand{was->node, is->node});
    }
}

/// Full disruption: when so much fails on nodes that are there, it is not the guests (reliability §1.5).
std::string keeper::storm() const {
    if (cluster_ == nullptr || !sight_.view) return {};
    std::size_t watched = 0;
    std::size_t failing = 0;
    for (const auto& [id, guest] : guests_) {
        const auto* row = sight_.view->find(id);
        if (row == nullptr) continue;
        const auto node = sight_.view->nodes.find(row->node);
        if (node == sight_.view->nodes.end() || node->second.online != true) continue;
        ++watched;
        const health::standing s = guest->own_standing();
        if (s == health::standing::down || s == health::standing::suspicious) ++failing;
    }
    const bool is_raging = failing >= 3 && failing * 100 >= watched * 55;
    if (is_raging) last_storm_ = world_.time.now();
    // When it ends not all of them are up at once: counts begin anew.
    if (!is_raging && (!last_storm_ || world_.time.now() - *last_storm_ >= storm_settle)) return {};
    return fmt::format("{} of {} watched guests on nodes that are online fail at once: the cause is not the guests",
                       failing, watched);
}

asio::awaitable<void> keeper::stop() {
    for (auto& [id, group] : runs_) group->cancel();
    for (auto& [id, group] : runs_) co_await group->join();
    for (auto& [id, guest] : guests_) co_await guest->stop();
    co_await gateways_.stop();
    role_.cancel();
    co_await role_.join();
    co_await ends_.join();
    guests_.clear();
    runs_.clear();
    leaving_.clear();
}

asio::awaitable<result<std::variant<failover::plan, failover::refusal>>> keeper::plan_for(guest_id guest,
                                                                                          failover::wish asked) {
    const guest_keeper* known = find(guest);
    if (!known)
        co_return fault(errc::not_found, "",
                        fmt::format("{} is not in the configuration of this daemon", to_string(guest)));
    const failover::policy rules = policy_of(known->settings());
    failover::facts seen =
        co_await failover::gather_facts(world_.pve, world_.store, guest, rules, world_.own_user, world_.lead);
    seen.closed.merge(closed_nodes());
    seen.reserved = reserved_beside(guest);
    seen.bound = bound_beside(guest);
    co_return failover::make_plan(seen, rules, asked);
}

const guest_keeper* keeper::find(guest_id guest) const {
    const auto it = guests_.find(guest);
    return it == guests_.end() ? nullptr : it->second.get();
}

}  // namespace steward
