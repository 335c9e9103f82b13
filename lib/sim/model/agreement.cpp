#include "sim/model/cluster.hpp"

#include <algorithm>
#include <bit>
#include <fmt/core.h>

/// Who is in the cluster with whom, and what that means for /etc/pve (pve-facts D.3, E; recorded:
/// _partition_write_loop).
namespace steward::sim {

std::size_t cluster::node_count() const {
    return static_cast<std::size_t>(
        std::count_if(nodes_.begin(), nodes_.end(), [](const sim_node& n) { return !n.is_removed; }));
}

bool cluster::is_majority(node_set members) const {
    const auto votes = static_cast<std::size_t>(std::popcount(members));
    if (!options_.has_qdevice) return votes * 2 > node_count();
    // The quorum device votes for the largest part, of equal ones for that with the lowest node.
    bool has_device = !faults_.qdevice_off;
    for (const sim_node& other : nodes_) {
        const auto theirs = static_cast<std::size_t>(std::popcount(other.members));
        if ((other.members & members) != 0) continue;
        if (theirs > votes || (theirs == votes && std::countr_zero(other.members) < std::countr_zero(members)))
            has_device = false;
    }
    return (votes + (has_device ? 1 : 0)) * 2 > node_count() + 1;
}

/// A side that the quorum device has just chosen has to agree on that before it can write.
bool cluster::is_quorate(const node_name& seen_from) const {
    return has_majority(seen_from) && old_views_.count(seen_from) == 0;
}

bool cluster::has_majority(const node_name& seen_from) const {
    const sim_node* self = find_node(seen_from);
    if (self == nullptr || !self->powered || faults_.quorum_off || self->pmxcfs == service::stopped) return false;
    if (nodes_.size() == 1) return true;
    const auto expected = faults_.expected_votes.find(seen_from);
    const int votes = std::popcount(self->members);
    if (expected != faults_.expected_votes.end() && votes * 2 > expected->second) return true;
    return self->members != 0 && is_majority(self->members);
}

bool cluster::is_member(const node_name& seen_from, const node_name& other) const {
    if (seen_from == other) return true;
    const sim_node* self = find_node(seen_from);
    const sim_node* them = find_node(other);
    return self != nullptr && them != nullptr && holds(self->members, them->index);
}

bool cluster::is_blocked(const node_name& node) const {
    const sim_node* n = find_node(node);
    return n != nullptr && (n->is_agreeing || syncing_.count(node) != 0);
}

node_set cluster::up_nodes() const {
    node_set up = 0;
    for (const sim_node& n : nodes_)
        if (n.takes_part()) up |= only(n.index);
    return up;
}

void cluster::expect_votes(const node_name& node, int votes) {
    faults_.expected_votes[node] = votes;
    if (has_majority(node)) old_views_.erase(node);
    changed();
}

void cluster::connect(const node_name& node, bool on) {
    sim_node* n = find_node(node);
    if (n == nullptr || n->connected == on) return;
    n->connected = on;
    seek_agreement();
    changed();
}

void cluster::connect_cluster_network(const node_name& node, bool on) {
    sim_node* n = find_node(node);
    if (n == nullptr || n->cluster_network == on) return;
    n->cluster_network = on;
    seek_agreement();
    changed();
}

void cluster::cut(const node_name& from, const node_name& to) {
    network_.set_link(find_node(from)->index, find_node(to)->index, false);
    seek_agreement();
    changed();
}

void cluster::mend_network() {
    network_.mend_all();
    for (sim_node& n : nodes_) n.connected = n.cluster_network = true;
    seek_agreement();
    changed();
}

/// Something changed between the nodes: each whose membership will be another one has to agree on it first.
void cluster::seek_agreement() {
    const node_set up = up_nodes();
    for (sim_node& n : nodes_) {
        // A node that stands still or whose corosync is gone agrees on nothing; it is alone when it wakes.
        if (!n.powered || n.frozen || n.pmxcfs == service::stopped) {
            n.is_agreeing = false;
            ++n.agreement;
            continue;
        }
        const node_set wanted = holds(up, n.index) ? network_.group_of(n.index, up) : only(n.index);
        if (n.is_agreeing ? wanted == n.wanted : wanted == n.members) continue;
        n.wanted = wanted;
        ++n.agreement;
        if (wanted == n.members) {
            n.is_agreeing = false;
            continue;
        }
        n.is_agreeing = true;
        const bool only_grows = (n.members & ~wanted) == 0;
        const duration takes = only_grows ? options_.takes.rejoin : options_.takes.membership_change;
        at(now_ + takes, [this, node = n.index, attempt = n.agreement] {
            if (nodes_[node].agreement == attempt && nodes_[node].is_agreeing) agree(node);
        });
    }
}

void cluster::agree(std::size_t node) {
    sim_node& n = nodes_[node];
    const bool was_quorate = is_quorate(n.name);
    n.members = n.wanted;
    faults_.expected_votes.erase(n.name);  // whoever joins brings its vote along
    n.is_agreeing = false;
    const bool quorate = has_majority(n.name);
    if (was_quorate && !quorate) keep_old_view(n.name);
    if (!was_quorate && quorate) {
        // It takes over what the majority has; what it had is dropped (pve-facts E.3).
        if (n.syncs_for) begin_sync(n.name);
        old_views_.erase(n.name);
        n.quorate_since = now_;
    }
    if (quorate && n.waits_to_autostart) {
        n.waits_to_autostart = false;
        autostart(n.name);
    }
    changed();
}

/// One copy serves all that need it in the same moment.
std::shared_ptr<const config_files> cluster::present_view() {
    if (!newest_view_ || newest_view_taken_ != now_) {
        newest_view_ = std::make_shared<config_files>(std::make_shared<memory_tree>(files_.tree()), options_.nodes);
        newest_view_taken_ = now_;
    }
    return newest_view_;
}

void cluster::keep_old_view(const node_name& node) {
    if (nodes_.size() == 1 || old_views_.count(node) != 0) return;
    old_views_[node] = present_view();
}

void cluster::stop_updates(const node_name& node, bool stop) {
    if (stop)
        stale_views_[node] = present_view();
    else
        stale_views_.erase(node);
    changed();
}

/// Quorum is back before the state is (reliability P2, P12): until then writes wait, and reads are answered from what
/// the node had before.
void cluster::begin_sync(const node_name& node) {
    const auto old = old_views_.find(node);
    if (old != old_views_.end()) stale_views_[node] = old->second;
    syncing_.insert(node);
    const duration lasts = *std::exchange(find_node(node)->syncs_for, std::nullopt);
    at(now_ + lasts, [this, node] {
        syncing_.erase(node);
        stale_views_.erase(node);
        changed();
    });
}

void cluster::boot_stale(const node_name& node, duration lasts) {
    find_node(node)->syncs_for = lasts;
    power(node, true);
}

void cluster::remove_node(const node_name& node) {
    find_node(node)->is_removed = true;
    seek_agreement();
    changed();
}

void cluster::add_node_again(const node_name& node) {
    find_node(node)->is_removed = false;
    power(node, true);
}

const config_files& cluster::files(const node_name& node) const {
    const auto stale = stale_views_.find(node);
    if (stale != stale_views_.end()) return *stale->second;
    const auto old = old_views_.find(node);
    return old == old_views_.end() ? files_ : *old->second;
}

result<void> cluster::acquire_lock(const node_name& node, const std::string& name) {
    if (!is_quorate(node)) return fault(errc::no_quorum, "mkdir priv/lock/" + name, "Permission denied");
    return cluster_locks_.acquire(name, node, now_);
}

result<void> cluster::refresh_lock(const node_name& node, const std::string& name) {
    if (!is_quorate(node)) return fault(errc::no_quorum, "utime priv/lock/" + name, "Permission denied");
    return cluster_locks_.refresh(name, node, now_);
}

result<bool> cluster::request_unlock(const node_name& node, const std::string& name) {
    if (!is_quorate(node)) return fault(errc::no_quorum, "utime priv/lock/" + name, "Permission denied");
    const auto judge = static_cast<std::size_t>(std::countr_zero(find_node(node)->members));
    return cluster_locks_.request_release(name, now_, nodes_[judge].quorate_since);
}

result<void> cluster::release_lock(const node_name& node, const std::string& name) {
    if (!is_quorate(node)) return fault(errc::no_quorum, "rmdir priv/lock/" + name, "Permission denied");
    return cluster_locks_.release(name, node);
}

}  // namespace steward::sim
