#include "services/keeper.hpp"

#include "base/log.hpp"
#include "services/failover/gather.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward {
namespace asio = boost::asio;
namespace {

constexpr const char* mode_record = "mode";
/// A look at the cluster that is older says nothing about now.
constexpr duration sight_limit = std::chrono::seconds(60);
constexpr duration storm_settle = std::chrono::seconds(60);

const char* name_of(config::mode m) { return m == config::mode::armed ? "armed" : "observe"; }

/// A record that cannot be understood is no licence to act: a hand-over may be under way in it (reliability X11).
failover::state unreadable_state(guest_id guest, time_point now, wall_time wall, const std::string& why) {
    failover::state s = failover::first_state(guest, now, wall);
    s.saved.at = failover::phase::held;
    s.saved.held = failover::hold{"record_unreadable", "its record cannot be read: " + why,
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
      ends_(world.executor),
      role_(world.executor) {}

keeper::~keeper() = default;

asio::awaitable<result<void>> keeper::start() {
    auto records = co_await world_.store.load_records();
    if (!records) co_return records.error();
    for (stored_record& r : *records) records_[r.name] = std::move(r.text);
    const auto remembered = records_.find(mode_record);
    const bool was_armed =
        remembered != records_.end() ? remembered->second == "armed" : settings_.run_mode == config::mode::armed;
    world_.armed = was_armed;
    allow_writes_(was_armed);
    log::info("mode", {{"mode", name_of(mode())}});
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
    return unreadable_state(guest, now, wall, saved.error().text());
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

asio::awaitable<void> keeper::watch_cluster() {
    for (;;) {
        auto view = co_await world_.pve.look();
        const std::string problem = view ? std::string() : view.error().text();
        if (problem.empty() != sight_.problem.empty() || !sight_.view) {
            if (problem.empty())
                log::info("cluster.seen",
                          {{"node", view->contacted.str()}, {"guests", std::to_string(view->guests.size())}});
            else if (problem != sight_.problem)
                log::warning("cluster.unseen", {{"reason", problem}});
        }
        sight_.problem = problem;
        if (view) {
            sight_.view = std::move(*view);
            sight_.taken = world_.time.now();
            if (cluster_ != nullptr) cluster_->see_members(*sight_.view);
            tell_guests();
        }
        take_leave();
        co_await world_.time.sleep_for(settings_.pve.poll_interval);
    }
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
        if (row != nullptr) guest->post_news(failover::ha_seen{!row->hastate.empty() && row->hastate != "ignored"});
        if (!failover::is_in_flight(r.at) || !r.chosen) continue;
        const auto target = sight_.view->nodes.find(r.target);
        if (target != sight_.view->nodes.end() && target->second.online == false)
            guest->post_news(failover::target_gone{});
    }
}

void keeper::join(leadership& cluster) {
    cluster_ = &cluster;
    world_.lead = &cluster;
    world_.storm = [this] { return storm(); };
    world_.home_of = [this](guest_id guest) {
        const auto* row = sight_.view ? sight_.view->find(guest) : nullptr;
        return row != nullptr ? row->node : node_name();
    };
    cluster.words = [this] { return words(); };
    cluster.own_view = [this](guest_id guest) {
        const guest_keeper* known = find(guest);
        return known != nullptr ? known->own_view() : health::summary();
    };
    cluster.fitness = [this] {
        leader::fitness f;
        f.is_quorate = sight_.view && sight_.view->is_quorate == true && world_.time.now() - sight_.taken < sight_limit;
        f.is_wanted = !guests_.empty();
        return f;
    };
    cluster.on_change = [this](bool leads, std::uint64_t) { change_role(leads); };
}

/// What this daemon sees, for the lease of its node.
daemon_words keeper::words() const {
    daemon_words w;
    w.config_digest = cluster_->config_digest;
    w.is_fit = sight_.view.has_value() && world_.time.now() - sight_.taken < sight_limit;
    for (const auto& [id, guest] : guests_) {
        const health::standing s = guest->own_view().now;
        if (s == health::standing::down) w.down.push_back(id);
        if (s == health::standing::unknown || s == health::standing::suspicious) w.unsure.push_back(id);
    }
    return w;
}

void keeper::change_role(bool leads) {
    is_leading_ = leads;
    if (leads) {
        role_.spawn("take the lead", take_lead());
        return;
    }
    for (auto& [id, guest] : guests_) guest->follow();
}

/// Everything is read again, behind the write that made us leader: what was under way is ours now (L5).
asio::awaitable<void> keeper::take_lead() {
    for (;;) {
        auto records = co_await world_.store.load_records();
        if (records) {
            records_.clear();
            for (stored_record& r : *records) records_[r.name] = std::move(r.text);
            break;
        }
        log::error("records.unreadable", {{"reason", records.error().text()}});
        co_await world_.time.sleep_for(std::chrono::seconds(2));
    }
    if (!is_leading_) co_return;
    const auto remembered = records_.find(mode_record);
    if (remembered != records_.end()) {
        world_.armed = remembered->second == "armed";
        allow_writes_(world_.armed);
    }
    for (auto& [id, guest] : guests_) {
        bool is_resumed = false;
        failover::state from = state_from(id, is_resumed);
        guest->take_over(std::move(from), is_resumed);
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
        const health::standing s = guest->own_view().now;
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
    role_.cancel();
    co_await role_.join();
    co_await ends_.join();
    guests_.clear();
    runs_.clear();
    leaving_.clear();
}

asio::awaitable<result<void>> keeper::set_mode(config::mode mode) {
    const auto saved = co_await world_.store.save_record(mode_record, name_of(mode));
    if (!saved) co_return saved;
    world_.armed = mode == config::mode::armed;
    allow_writes_(world_.armed);
    log::warning("mode", {{"mode", name_of(mode)}});
    for (auto& [id, guest] : guests_) guest->post(failover::reconsider{});
    co_return result<void>();
}

asio::awaitable<result<std::variant<failover::plan, failover::refusal>>> keeper::plan_for(guest_id guest,
                                                                                          failover::wish asked) {
    const guest_keeper* known = find(guest);
    if (!known)
        co_return fault(errc::not_found, "",
                        fmt::format("{} is not in the configuration of this daemon", to_string(guest)));
    const failover::policy rules = policy_of(known->settings());
    const failover::facts seen =
        co_await failover::gather_facts(world_.pve, world_.store, guest, rules, world_.own_user, world_.lead);
    co_return failover::make_plan(seen, rules, asked);
}

result<void> keeper::must_lead() const {
    if (cluster_ == nullptr || is_leading_) return {};
    return fault(errc::refused, "", "another daemon leads: ask the leader");
}

result<void> keeper::order_failover(guest_id guest, failover::wish asked) {
    const auto known = guests_.find(guest);
    if (known == guests_.end())
        return fault(errc::not_found, "",
                     fmt::format("{} is not in the configuration of this daemon", to_string(guest)));
    if (auto leads = must_lead(); !leads) return leads;
    const failover::phase at = known->second->state().saved.at;
    if (failover::is_in_flight(at))
        return fault(errc::refused, "",
                     fmt::format("a hand-over of {} is under way ({})", to_string(guest), failover::name_of(at)));
    if (at == failover::phase::failed_parked)
        return fault(errc::refused, "",
                     fmt::format("{} is failed_parked; use steward retry {}", to_string(guest), to_string(guest)));
    if (!world_.armed)
        return fault(errc::refused, "", "observe mode changes nothing; see steward plan, or steward arm first");
    known->second->post(failover::ordered{std::move(asked)});
    return {};
}

asio::awaitable<result<void>> keeper::confirm_fence(node_name node, std::string by) {
    if (cluster_ == nullptr) co_return fault(errc::unsupported, "", "this daemon shares its work with no other");
    const auto known = sight_.view ? sight_.view->nodes.find(node) : std::map<node_name, model::node>::const_iterator();
    if (!sight_.view || known == sight_.view->nodes.end())
        co_return fault(errc::not_found, "", "there is no node " + node.str());
    if (known->second.online != false)
        co_return fault(errc::refused, "",
                        node.str() + " is a member of the cluster right now: nobody needs to vouch for it");
    const lease::node_lease* last = cluster_->leases().last(node);
    fencing::confirmation c;
    c.boot_id = last != nullptr ? last->boot_id : "unknown";
    c.by = std::move(by);
    c.when = world_.time.wall_now();
    auto written = co_await cluster_->store().write_confirmation(node, fencing::to_text(c));
    if (!written) co_return written;
    log::warning("fence.confirmed", {{"node", node.str()}, {"by", c.by}});
    for (auto& [id, guest] : guests_) guest->post(failover::reconsider{});
    co_return result<void>();
}

result<void> keeper::retry(guest_id guest) {
    const auto known = guests_.find(guest);
    if (known == guests_.end())
        return fault(errc::not_found, "",
                     fmt::format("{} is not in the configuration of this daemon", to_string(guest)));
    if (auto leads = must_lead(); !leads) return leads;
    const failover::phase at = known->second->state().saved.at;
    if (at != failover::phase::failed_parked && at != failover::phase::held)
        return fault(errc::refused, "",
                     fmt::format("{} is {}: there is nothing to try again", to_string(guest), failover::name_of(at)));
    known->second->post(failover::retry{});
    return {};
}

const guest_keeper* keeper::find(guest_id guest) const {
    const auto it = guests_.find(guest);
    return it == guests_.end() ? nullptr : it->second.get();
}

}  // namespace steward
