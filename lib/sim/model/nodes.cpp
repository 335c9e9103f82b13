#include "sim/model/bulk.hpp"
#include "sim/model/cluster.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim {

using namespace std::chrono_literals;

namespace {
constexpr duration pvestatd_cycle = 10s;  // pve-facts D.3
}  // namespace

sim_node* cluster::find_node(const node_name& name) {
    if (name.empty()) return nullptr;
    // Asked at every step: names of nodes differ at their ends, if anywhere.
    const char last = name.str().back();
    const auto found = std::find_if(nodes_.begin(), nodes_.end(),
                                    [&](const sim_node& n) { return n.name.str().back() == last && n.name == name; });
    return found == nodes_.end() ? nullptr : &*found;
}

const sim_node* cluster::find_node(const node_name& name) const {
    return const_cast<cluster*>(this)->find_node(name);  // NOLINT: the same search
}

bool cluster::can_reach(const node_name& from, const node_name& to) const {
    const sim_node* a = find_node(from);
    const sim_node* b = find_node(to);
    if (a == nullptr || b == nullptr || !a->powered || !b->powered) return false;
    return from == to || (a->reachable() && b->reachable() && network_.is_open(a->index, b->index));
}

wall_time cluster::wall_now(const node_name& node) const {
    const sim_node* n = find_node(node);
    if (n == nullptr) return wall_now();
    const auto drifted = std::chrono::duration<double, std::nano>(now_ - n->clock_set) * n->clock_drift;
    return wall_at(now_ + n->clock_ahead + std::chrono::duration_cast<duration>(drifted));
}

void cluster::set_clock(const node_name& node, duration ahead, double drift) {
    sim_node* n = find_node(node);
    n->clock_ahead = ahead;
    n->clock_drift = drift;
    n->clock_set = now_;
}

/// Everything that lives in a node's memory is gone; what lives in /etc/pve stays where it is.
void cluster::go_down(sim_node& n) {
    n.powered = false;
    n.frozen = false;
    ++instance_changes_;
    kill_tasks_on(n.name);
    std::erase_if(instances_, [&](const auto& i) { return i.first.first == n.name; });
    n.watchdog.reboot();
    frozen_requests_.erase(n.name);
    keep_old_view(n.name);
    n.members = 0;
    stale_views_.erase(n.name);
    syncing_.erase(n.name);
}

void cluster::power(const node_name& node, bool on) {
    sim_node* n = find_node(node);
    if (n == nullptr || n->powered == on) return;
    if (on) {
        n->powered = true;
        n->booted = now_;
        n->waits_to_autostart = true;
        n->pveproxy = n->pvedaemon = n->pmxcfs = n->pvestatd = service::up;
        heard_.forget_all(n->index);
        // pvestatd is among the last that start.
        at(now_ + pvestatd_cycle, [this, sender = n->index, booted = n->booted] {
            if (nodes_[sender].booted == booted) publish(sender);
        });
    } else {
        go_down(*n);
    }
    seek_agreement();
    changed();
}

void cluster::reset(const node_name& node) {
    const sim_node* n = find_node(node);
    if (n == nullptr || !n->powered) return;
    ++resets_[node];
    ++reset_changes_;
    power(node, false);
    if (options_.boots_after_reset) at(now_ + options_.takes.boot, [this, node] { power(node, true); });
}

void cluster::watch_watchdog(const node_name& node) {
    const sim_node* n = find_node(node);
    const auto when = n->watchdog.resets_at();
    if (!when || !n->powered) return;
    at(*when, [this, node] {
        const sim_node* then = find_node(node);
        const auto still = then->watchdog.resets_at();
        if (still && *still <= now_ && !then->frozen) reset(node);
    });
}

/// Its own clock, its timers and its watchdog stand still with it; the others do not wait.
void cluster::freeze(const node_name& node, duration time) {
    sim_node* n = find_node(node);
    if (n == nullptr || !n->powered || n->frozen) return;
    n->frozen = true;
    ++instance_changes_;
    delay_tasks_on(node, time);
    seek_agreement();
    changed();
    at(now_ + time, [this, node] {
        sim_node* thawed = find_node(node);
        if (!thawed->frozen) return;
        thawed->frozen = false;
        ++instance_changes_;
        seek_agreement();
        watch_watchdog(node);
        changed();
    });
}

void cluster::set_service(const node_name& node, service sim_node::*which, service state) {
    sim_node* n = find_node(node);
    n->*which = state;
    if (which == &sim_node::pveproxy && state == service::up) {
        const auto waiting = std::move(frozen_requests_[node]);
        frozen_requests_.erase(node);
        for (const auto& request : waiting) request();
    }
    if (which == &sim_node::pveproxy && state == service::stopped) frozen_requests_.erase(node);
    seek_agreement();
    changed();
}

void cluster::when_thawed(const node_name& node, std::function<void()> what) {
    frozen_requests_[node].push_back(std::move(what));
}

/// pve-guests.service: a node that boots waits for quorum and starts its onboot guests in their order (pve-facts D.9).
void cluster::autostart(const node_name& node) {
    host_files_.boot(node);
    const auto own = guest_config::parse(files_.tree().read("nodes/" + node.str() + "/config").value_or(""));
    const auto delay = std::strtoll(own.get("startall-onboot-delay").c_str(), nullptr, 10);
    at(now_ + std::chrono::seconds(delay),
       [this, node, booted = find_node(node)->booted] { start_onboot(node, booted); });
}

/// Once whatever is ordered before pve-guests.service is ready.
void cluster::start_onboot(const node_name& node, time_point booted) {
    const sim_node* n = find_node(node);
    if (!n->powered || n->booted != booted) return;
    if (!may_autostart || may_autostart(node)) {
        begin_start_all(*this, bulk_order(node, "root@pam"));
        return;
    }
    at(now_ + 500ms, [this, node, booted] { start_onboot(node, booted); });
}

void cluster::publish(std::size_t sender) {
    sim_node& n = nodes_[sender];
    const time_point booted = n.booted;
    if (!n.powered) return;
    // Not all of them in the same moment.
    const duration offset = pvestatd_cycle * sender / (nodes_.size() + 1);
    const auto rounds = (now_ - n.booted - offset) / pvestatd_cycle + 1;
    const time_point next = n.booted + offset + rounds * pvestatd_cycle;
    at(next, [this, sender, booted] {
        if (nodes_[sender].booted == booted) publish(sender);
    });
    if (n.frozen || n.pmxcfs != service::up || n.pvestatd != service::up) return;
    auto report = std::make_shared<node_report>();
    report->at = now_;
    report->used_memory = used_memory(n.name);
    for (const auto& [id, e] : files(n.name).entries()) {
        if (e.where.node != n.name) continue;
        guest_report& g = report->guests[id.number()];
        const instance* i = find_instance(n.name, e.where.guest);
        g.running = i != nullptr;
        if (i == nullptr) continue;
        g.paused = i->paused;
        g.started = i->started;
    }
    node_set to = only(sender);
    for (const sim_node& other : nodes_)
        if (holds(n.members, other.index) && holds(other.members, sender) && !n.is_agreeing && !other.is_agreeing)
            to |= only(other.index);
    heard_.deliver(sender, to, std::move(report));
}

}  // namespace steward::sim
