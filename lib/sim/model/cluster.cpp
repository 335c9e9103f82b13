#include "sim/model/cluster.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim {

using namespace std::chrono_literals;

const char* name_of(service_state state) noexcept {
    switch (state) {
        case service_state::healthy: return "healthy";
        case service_state::dead: return "dead";
        case service_state::refusing: return "refusing";
        case service_state::hung: return "hung";
    }
    return "?";
}

namespace {

constexpr duration pvestatd_cycle = 10s;  // pve-facts D.3

std::shared_ptr<file_tree> tree_of(const options& o) {
    if (o.files) return o.files;
    return std::make_shared<memory_tree>();
}

}  // namespace

cluster::cluster(options o)
    : options_(std::move(o)),
      now_(options_.start),
      chance_(options_.seed),
      files_(tree_of(options_), options_.nodes),
      access_(options_, files_.tree()) {
    for (const node_name& name : options_.nodes) {
        sim_node& node = nodes_.emplace_back(name);
        node.booted = now_ - 1h;
        node.next_pid = static_cast<std::uint32_t>(1000 + chance_.below(1000));
    }
    create_storages();
    for (const guest_options& g : options_.guests) create_guest(g);
    publish();
}

wall_time cluster::wall_at(time_point t) const {
    return options_.wall_start + std::chrono::duration_cast<std::chrono::seconds>(t - options_.start);
}

void cluster::advance_to(time_point t) {
    while (!events_.empty() && events_.begin()->first.first <= t) {
        auto next = events_.extract(events_.begin());
        now_ = std::max(now_, next.key().first);
        next.mapped()();
    }
    now_ = std::max(now_, t);
}

std::optional<time_point> cluster::next_event() const {
    if (events_.empty()) return std::nullopt;
    return events_.begin()->first.first;
}

cluster::event_key cluster::at(time_point when, std::function<void()> what) {
    const event_key key{std::max(when, now_), ++sequence_};
    events_.emplace(key, std::move(what));
    if (events_.begin()->first == key) changed();
    return key;
}

void cluster::changed() {
    if (on_change) on_change();
}

sim_node* cluster::find_node(const node_name& name) {
    const auto found = std::find_if(nodes_.begin(), nodes_.end(), [&](const sim_node& n) { return n.name == name; });
    return found == nodes_.end() ? nullptr : &*found;
}

const sim_node* cluster::find_node(const node_name& name) const {
    return const_cast<cluster*>(this)->find_node(name);  // NOLINT: the same search
}

bool cluster::is_quorate(const node_name& seen_from) const {
    if (faults_.quorum_off) return false;
    const sim_node* self = find_node(seen_from);
    if (self == nullptr || !self->reachable()) return nodes_.size() == 1 && self != nullptr && self->powered;
    const auto up = std::count_if(nodes_.begin(), nodes_.end(), [](const sim_node& n) { return n.reachable(); });
    return static_cast<std::size_t>(up) * 2 > nodes_.size();
}

bool cluster::can_reach(const node_name& from, const node_name& to) const {
    const sim_node* a = find_node(from);
    const sim_node* b = find_node(to);
    if (a == nullptr || b == nullptr || !a->powered || !b->powered) return false;
    return from == to || (a->connected && b->connected);
}

bool cluster::is_blocked(const node_name&) const { return false; }

bool cluster::is_cluster_lock_held(const std::string& name) const {
    const auto held = files_.tree().list("priv/lock");
    return std::find(held.begin(), held.end(), name) != held.end();
}

const config_files& cluster::files(const node_name&) const { return files_; }

void cluster::membership_settles(const node_name& node) {
    const sim_node* n = find_node(node);
    const duration takes = n->reachable() ? options_.takes.rejoin : options_.takes.membership_change;
    at(now_ + takes, [this, node] {
        sim_node* settled = find_node(node);
        const bool joined = settled->reachable() && !settled->member;
        settled->member = settled->reachable();
        if (joined) autostart(node);
        changed();
    });
}

void cluster::power(const node_name& node, bool on) {
    sim_node* n = find_node(node);
    if (n == nullptr || n->powered == on) return;
    n->powered = on;
    if (on) {
        n->booted = now_;
        n->member = false;
    } else {
        kill_tasks_on(node);
        std::erase_if(instances_, [&](const auto& i) { return i.first.first == node; });
    }
    membership_settles(node);
    changed();
}

void cluster::connect(const node_name& node, bool on) {
    sim_node* n = find_node(node);
    if (n == nullptr || n->connected == on) return;
    n->connected = on;
    membership_settles(node);
    changed();
}

/// pve-guests.service: a node that boots into a quorate cluster starts its onboot guests (pve-facts D.9).
void cluster::autostart(const node_name& node) {
    if (!is_quorate(node)) return;
    for (const config_files::place& p : files_.guests()) {
        if (p.node != node || is_running(node, p.guest) || ha_.count(p.guest) != 0) continue;
        const auto text = config(node, p.guest);
        if (text && text->get("onboot") == "1" && text->get("template") != "1") begin_start(node, p.guest, "root@pam");
    }
}

void cluster::publish() {
    for (const config_files::place& p : files_.guests()) {
        const sim_node* n = find_node(p.node);
        if (n == nullptr || !n->reachable()) continue;
        broadcast& b = broadcasts_[p.guest];
        b.at = now_;
        const instance* i = find_instance(p.node, p.guest);
        b.running = i != nullptr;
        b.paused = i != nullptr && i->paused;
        b.started = i != nullptr ? i->started : time_point{};
    }
    at(now_ + pvestatd_cycle, [this] { publish(); });
}

std::string cluster::new_mac() {
    const std::uint64_t r = chance_.next();
    return fmt::format("BC:24:11:{:02X}:{:02X}:{:02X}", r & 0xFFU, r >> 8U & 0xFFU, r >> 16U & 0xFFU);
}

}  // namespace steward::sim
