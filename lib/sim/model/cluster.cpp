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
      access_(options_, files_.tree()),
      network_(options_.nodes.size()),
      heard_(options_.nodes.size()),
      cluster_locks_(files_.tree()) {
    for (const node_name& name : options_.nodes) {
        sim_node& node = nodes_.emplace_back(name, nodes_.size());
        node.booted = now_ - 1h;
        node.next_pid = static_cast<std::uint32_t>(1000 + chance_.below(1000));
        node.quorate_since = now_ - 1h;
        node.wanted = node.members = static_cast<node_set>((std::uint64_t{1} << options_.nodes.size()) - 1);
    }
    create_storages();
    for (guest_options& g : options_.guests) create_guest(g);
    for (const sim_node& node : nodes_) publish(node.index);
    files_.is_writable = [this](const node_name& node) { return is_quorate(node); };
}

wall_time cluster::wall_at(time_point t) const {
    return options_.wall_start + std::chrono::duration_cast<std::chrono::seconds>(t - options_.start);
}

void cluster::advance_to(time_point t) {
    files_.look_outside();
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

std::string cluster::new_mac() {
    const std::uint64_t r = chance_.next();
    return fmt::format("BC:24:11:{:02X}:{:02X}:{:02X}", r & 0xFFU, r >> 8U & 0xFFU, r >> 16U & 0xFFU);
}

}  // namespace steward::sim
