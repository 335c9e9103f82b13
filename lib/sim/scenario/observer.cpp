#include "sim/scenario/observer.hpp"

#include "base/guard_frames.hpp"
#include "core/lease/node_lease.hpp"
#include "sim/scenario/topology.hpp"

#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <utility>

namespace steward::sim::scenario {

namespace {

constexpr duration time_to_wake = std::chrono::seconds(5);

bool is_restore(const task& t) { return t.work.type == "vzrestore" || t.work.type == "qmrestore"; }
bool is_start(const task& t) { return t.work.type == "vzstart" || t.work.type == "qmstart"; }

/// "/nodes/n1/lxc/101/status/stop" → ct/101; a create call names it in its parameters.
std::optional<guest_id> guest_of(const pve::request& call) {
    for (const guest_type type : {guest_type::ct, guest_type::vm}) {
        const std::string word = fmt::format("/{}", api_word(type));
        const std::size_t at = call.path.find(word);
        if (at == std::string::npos) continue;
        std::string number;
        for (std::size_t i = at + word.size() + 1; i < call.path.size() && call.path[i] != '/'; ++i)
            number += call.path[i];
        for (const auto& [key, value] : call.params)
            if (number.empty() && key == "vmid") number = value;
        if (const auto id = parse_vmid(number)) return guest_id(type, *id);
    }
    return std::nullopt;
}

}  // namespace

observer::observer(const cluster& model, time_point now) : model_(model), zero_(now) {}

void observer::start(time_point now) {
    look();
    zero_ = now;
    is_recording_ = true;
    for (const auto& [where, volumes] : model_.all_volumes())
        for (const auto& [id, v] : volumes) originals_[v.owner].emplace(id, where.second);
    for (const auto& [id, e] : model_.files().entries()) first_home_[e.where.guest] = e.where.node.str();
    for (const auto& [where, since] : running_) add(sight::run, where.second, where.first);
    for (const auto& [guest, state] : states_) {
        const auto& hold = state.saved.held;
        if (state.saved.at != failover::phase::held || !hold) continue;
        add(sight::held, guest, node_name(), hold->code, hold->text);
        add(sight::alert, guest, node_name(), hold->code, hold->text);
        seen_.all.back().stands = true;
    }
    for (happening& h : standing_) note(std::move(h));
}

void observer::note_standing(happening h) {
    h.stands = !is_recording_;
    if (is_recording_) return note(std::move(h));
    h.at = duration::zero();
    standing_.push_back(std::move(h));
}

void observer::note(happening h) {
    if (is_recording_) seen_.all.push_back(std::move(h));
}

void observer::add(sight kind, guest_id guest, const node_name& node, std::string name, std::string text) {
    happening h(model_.now() - zero_, kind);
    h.guest = short_name(guest);
    h.node = node.str();
    h.name = std::move(name);
    h.text = std::move(text);
    note(std::move(h));
}

void observer::broken(const char* invariant, guest_id guest, std::string text) {
    if (!reported_.insert(fmt::format("{} {} {}", invariant, to_string(guest), text)).second) return;
    add(sight::broken, guest, node_name(), invariant, std::move(text));
}

void observer::look() {
    if (std::exchange(instances_seen_, model_.instance_changes()) != model_.instance_changes()) {
        look_at_instances();
        look_at_pauses();
        check_copies();
    }
    if (check_again_ && model_.now() >= *check_again_) check_copies();
    look_at_tasks();
    look_at_parked();
    look_at_resets();
    if (is_recording_ && std::exchange(volumes_seen_, model_.volume_changes()) != model_.volume_changes())
        check_volumes();
}

void observer::look_at_instances() {
    std::map<place, time_point> now;
    for (const auto& [key, i] : model_.instances()) now.emplace(place(i.node, i.guest), i.started);
    for (const auto& [where, since] : running_) {
        const auto still = now.find(where);
        if (still == now.end() || still->second != since) add(sight::stop, where.second, where.first);
    }
    for (const auto& [where, since] : now) {
        const auto before = running_.find(where);
        if (before == running_.end() || before->second != since) add(sight::run, where.second, where.first);
    }
    running_ = std::move(now);
}

/// By its number: a vmid is there once.
guest_id observer::guest_with(vmid number) const {
    for (const auto& [guest, home] : first_home_)
        if (guest.id == number) return guest;
    return guest_id(guest_type::ct, number);
}

void observer::look_at_tasks() {
    int restores = 0;
    std::map<node_name, int> per_target;
    for (const auto& [id, t] : model_.tasks()) {
        const bool is_new = known_tasks_.insert(id).second;
        const sim_node* n = model_.find_node(t.node);
        const bool stands_still = n != nullptr && n->frozen;  // its worker reads and writes nothing
        if (t.running() && is_restore(t) && !stands_still) {
            ++restores;
            ++per_target[t.node];
        }
        const auto number = parse_vmid(t.work.id);
        if (is_new && number && t.work.type == "vzdump") add(sight::backup, guest_with(*number), t.node);
        const bool is_ours = t.user == failover_token_id || t.user == failover_user;
        if (!is_new || !number || !is_ours || (!is_restore(t) && !is_start(t))) continue;
        const guest_type type = t.work.type.starts_with("vz") ? guest_type::ct : guest_type::vm;
        add(is_restore(t) ? sight::restore : sight::start, guest_id(type, *number), t.node);
    }
    int& most = seen_.peaks["concurrency restores"];
    most = std::max(most, restores);
    for (const auto& [node, count] : per_target) {
        int& here = seen_.peaks["concurrency restores-per-target"];
        here = std::max(here, count);
    }
}

void observer::look_at_parked() {
    static const std::string parked = "priv/steward/parked";
    const std::uint64_t stamp = model_.files().tree().stamp(parked);
    if (std::exchange(parked_stamp_, stamp) == stamp) return;
    for (const std::string& name : model_.files().tree().list(parked)) {
        if (!name.ends_with(".conf") || !parked_.insert(name).second) continue;
        const auto number = parse_vmid(std::string_view(name).substr(0, name.find('.')));
        for (const auto& [guest, home] : first_home_)
            if (number && guest.id == *number) add(sight::park, guest, node_name(home), "", name);
    }
}

void observer::look_at_resets() {
    if (std::exchange(resets_seen_, model_.reset_changes()) == model_.reset_changes()) return;
    for (const sim_node& n : model_.nodes()) {
        int& known = resets_[n.name];
        const int now = model_.resets(n.name);
        if (now > known) {
            happening h(model_.now() - zero_, sight::reset);
            h.node = n.name.str();
            note(std::move(h));
        }
        known = now;
    }
}

/// A machine that stood still as a whole wakes with its guests; its guard has a moment to end them (reliability A3).
void observer::look_at_pauses() {
    for (const sim_node& n : model_.nodes()) {
        const bool stood_still = std::exchange(frozen_[n.name], n.frozen);
        if (stood_still && !n.frozen) awake_since_[n.name] = model_.now();
    }
}

/// I1. A node that stands still serves nobody; what it does when it wakes is judged a moment later.
void observer::check_copies() {
    check_again_.reset();
    std::map<guest_id, std::string> where;
    std::set<guest_id> twice;
    for (const auto& [key, i] : model_.instances()) {
        const sim_node* n = model_.find_node(i.node);
        if (n == nullptr || !n->powered || n->frozen) continue;
        const auto awake = awake_since_.find(i.node);
        if (awake != awake_since_.end() && model_.now() < awake->second + time_to_wake) {
            check_again_ = awake->second + time_to_wake;
            continue;
        }
        std::string& nodes = where[i.guest];
        if (!nodes.empty()) twice.insert(i.guest);
        nodes += (nodes.empty() ? "" : " and ") + i.node.str();
    }
    if (expects_copies_) return;
    for (const guest_id guest : twice) broken("I1", guest, "runs on " + where[guest] + " at once");
}

bool observer::is_retained(guest_id guest) const {
    const auto volumes = originals_.find(guest);
    if (volumes == originals_.end()) return true;
    for (const auto& [id, node] : volumes->second) {
        const auto store = model_.all_volumes().find({storage_of(id), node});
        if (store == model_.all_volumes().end() || store->second.count(id) == 0) return false;
    }
    return true;
}

/// A migration removes a disk only once its copy belongs to the guest on the other node: there the original is then.
void observer::follow_migration(const failover::record& r) {
    const auto kept = originals_.find(r.guest);
    const bool goes_home = r.at == failover::phase::failing_back;
    if ((r.at != failover::phase::evacuating && !goes_home) || kept == originals_.end()) return;
    const node_name from = goes_home ? r.target : r.chosen->source;
    const node_name to = failover::bound_for(r);
    const auto config = model_.config(to, r.guest);
    if (!config) return;
    std::set<std::pair<volid, node_name>> copies;
    for (const auto& [key, id] : config->volumes()) {
        if (!model_.has_volume(id, to)) return;
        if (model_.all_volumes().count({storage_of(id), to}) != 0) copies.emplace(id, to);
    }
    std::erase_if(kept->second,
                  [&](const auto& v) { return v.second == from && !model_.has_volume(v.first, v.second); });
    kept->second.merge(copies);
}

/// I3: no volume of the start ever goes.
void observer::check_volumes() {
    for (const auto& [guest, state] : states_) follow_migration(state.saved);
    // What Proxmox HA moves is its own affair.
    for (const auto& [guest, volumes] : originals_)
        for (const sim_node& n : model_.nodes())
            if (model_.ha().is_managed(n.name, guest)) given_up_.insert(guest);
    for (const auto& [guest, volumes] : originals_)
        if (!is_retained(guest)) lost_.try_emplace(guest, model_.now() - zero_);
    for (const auto& [guest, volumes] : originals_)
        if (given_up_.count(guest) == 0 && !is_retained(guest)) broken("I3", guest, "a volume of the original is gone");
}

void observer::on_step(const failover::state& before, const failover::step& next) {
    const failover::record& was = before.saved;
    const failover::record& is = next.now.saved;
    states_[is.guest] = next.now;
    const auto name = [](const failover::record& r) {
        return r.at == failover::phase::held && r.held ? r.held->code : std::string();
    };
    if (is.at != was.at) add(sight::state, is.guest, is.target, failover::name_of(is.at), is.reason);
    look_at_knowledge(before, next.now);
    if (name(is) != name(was) && !name(is).empty()) add(sight::held, is.guest, node_name(), name(is), is.reason);
    if (is.at == failover::phase::claimed && was.at != is.at) targets_[is.guest] = is.target;
    if (is.at == failover::phase::aborted_safe && was.at != is.at) add(sight::abort, is.guest, node_name());
    if (is.proof != was.proof && !is.proof.empty() && is.chosen)
        add(sight::fence, is.guest, is.chosen->source, is.proof, is.reason);
    if (is.proof != was.proof && is.chosen) check_fence(is);
    for (const failover::alert& a : next.alerts) add(sight::alert, is.guest, node_name(), a.code, a.text);
}

/// Of a watched guest nothing may be known for a while; that is no phase of its own.
void observer::look_at_knowledge(const failover::state& before, const failover::state& now) {
    using health::standing;
    const failover::record& r = now.saved;
    if (r.at != failover::phase::watching || before.last == now.last) return;
    if (now.last == standing::unknown && unknown_.insert(r.guest).second)
        add(sight::state, r.guest, node_name(), "unknown", now.last_reason);
    if (now.last == standing::up && unknown_.erase(r.guest) != 0)
        add(sight::state, r.guest, node_name(), "watching", "its checks answer again");
}

void observer::on_record(const failover::record& written) {
    std::uint64_t& highest = epochs_[written.guest];
    if (written.epoch < highest)
        broken("I11", written.guest,
               fmt::format("a record of epoch {} was written after one of epoch {}", written.epoch, highest));
    highest = std::max(highest, written.epoch);
}

/// I12: a node is taken for fenced by its silence only when it had promised to be.
void observer::check_fence(const failover::record& r) {
    if (r.proof != "waitout" && r.proof != "selfstop") return;
    const auto text = model_.files().tree().read("priv/steward/nodes/" + r.chosen->source.str());
    const auto lease = lease::parse_node_lease(text.value_or(""));
    const auto wanted = r.proof == "waitout" ? lease::contract::watchdog : lease::contract::selfstop;
    // The first lease of its next boot has only just replaced that by which it was judged.
    if (lease && lease->renewals < 2) return;
    if (!lease || lease->promise != wanted)
        broken("I12", r.guest,
               fmt::format("{} was taken for fenced by {} without its promise", r.chosen->source.str(), r.proof));
}

void observer::on_write(const node_name& actor, std::uint64_t epoch, const pve::request& call) {
    const auto guest = guest_of(call);
    std::string params;
    for (const auto& [key, value] : call.params) params += (params.empty() ? "" : " ") + key + "=" + value;
    happening h(model_.now() - zero_, sight::write);
    if (guest) h.guest = short_name(*guest);
    h.node = actor.str();
    h.name = fmt::format("{} {}", pve::http_method(call.what), call.path);
    h.text = std::move(params);
    if (guest && model_.ha().is_managed(actor, *guest) && call.path.find("/config") == std::string::npos)
        broken("I7", *guest, h.name + " although Proxmox HA manages it");
    // Whoever acts after a later leader has acted does not know that it was replaced (I2).
    if (epoch < acting_epoch_)
        broken("I2", guest.value_or(guest_id()),
               fmt::format("{} acts in epoch {} after somebody acted in epoch {}", actor.str(), epoch, acting_epoch_));
    acting_epoch_ = std::max(acting_epoch_, epoch);
    note(std::move(h));
    if (guest) look_at_archive(*guest, call);
}

/// A restore of it is about to be ordered: from which of its backups, as they are at this moment?
void observer::look_at_archive(guest_id guest, const pve::request& call) {
    std::string from;
    for (const auto& [key, value] : call.params)
        if (key == "archive" || key == "ostemplate") from = value;
    if (from.empty()) return;
    std::set<std::pair<wall_time, std::string>> all;
    for (const storage_entry& s : model_.storages())
        for (const sim_node& n : model_.nodes())
            for (const sim::archive& a : model_.archives(s.id, n.name))
                if (a.guest == guest) all.emplace(a.created, a.id.str());
    constexpr std::array<const char*, 4> ranks{"newest", "second", "third", "older"};
    std::size_t rank = 0;
    for (auto a = all.rbegin(); a != all.rend() && a->second != from; ++a) ++rank;
    add(sight::archive, guest, node_name(), ranks[std::min(rank, ranks.size() - 1)], from);
}

/// A number was taken: whoever else wanted the same one did not get it.
void observer::on_claim(vmid number, std::uint32_t generation) {
    const guest_id guest = guest_with(number);
    add(sight::claim, guest, targets_[guest], fmt::format("g{}", generation));
}

std::map<std::string, end_of_guest> observer::ends() const {
    std::map<std::string, end_of_guest> all;
    for (const auto& [guest, home] : first_home_) {
        end_of_guest& end = all[short_name(guest)];
        for (const node_name& n : model_.running_on(guest)) end.runs_on += (end.runs_on.empty() ? "" : "+") + n.str();
        end.is_healthy = model_.service_of(guest) == service_state::healthy;
        end.is_retained = is_retained(guest);
        if (const auto lost = lost_.find(guest); lost != lost_.end()) end.lost_at = lost->second;
        if (const auto config = model_.files().find(guest.id)) end.remains_on.push_back(config->node.str());
        for (const auto& [where, volumes] : model_.all_volumes())
            for (const auto& [id, v] : volumes)
                if (v.owner == guest) end.remains_on.push_back(where.second.str());
        const auto state = states_.find(guest);
        if (state == states_.end()) {
            end.phase = "watching";
            end.generation = 1;
            continue;
        }
        const failover::record& r = state->second.saved;
        end.phase = failover::name_of(r.at);
        if (r.held && r.at == failover::phase::held) end.held = r.held->code;
        end.generation = static_cast<int>(r.generation);
        end.is_unverified = !end.runs_on.empty() && failover::is_unverified(r);
    }
    return all;
}

timeline observer::take() {
    seen_.guests = ends();
    return std::move(seen_);
}

}  // namespace steward::sim::scenario
