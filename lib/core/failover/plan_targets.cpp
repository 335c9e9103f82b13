#include "core/failover/plan_targets.hpp"

#include "core/failover/guest_disks.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <utility>

namespace steward::failover {
namespace {

using model::backup;

bool contains(const std::vector<std::string>& list, std::string_view item) {
    return std::find(list.begin(), list.end(), item) != list.end();
}
bool contains(const std::vector<node_name>& list, const node_name& item) {
    return std::find(list.begin(), list.end(), item) != list.end();
}

const char* disk_content(guest_type type) { return type == guest_type::ct ? "rootdir" : "images"; }

/// What a node has free and nobody else is on the way to. Bytes; nothing when its memory is not known.
std::optional<std::uint64_t> spare_memory(const facts& seen, const model::node& target) {
    if (target.free_memory == 0) return std::nullopt;
    const auto promised = seen.reserved.find(target.name);
    if (promised == seen.reserved.end()) return target.free_memory;
    return target.free_memory - std::min(target.free_memory, promised->second);
}

/// Bytes. Of a node that has been silent for some minutes PVE says nothing any more; the configuration does.
std::uint64_t wanted_memory(const facts& seen) {
    const std::uint64_t listed = seen.view->find(seen.guest)->max_memory;
    if (listed != 0) return listed;
    std::string configured = seen.config->get("memory");
    if (configured.starts_with("current=")) configured.erase(0, configured.find('=') + 1);
    constexpr std::uint64_t by_default = 512;  // MiB, of containers and virtual machines alike
    return size_in_bytes((configured.empty() ? std::to_string(by_default) : configured) + "M");
}

std::string memory_fault(const facts& seen, const model::node& target) {
    const std::uint64_t wanted = wanted_memory(seen);
    const auto spare = spare_memory(seen, target);
    if (!spare || wanted <= *spare) return {};
    const std::string promised =
        *spare == target.free_memory
            ? ""
            : fmt::format(" ({} of them for guests on their way there)", (target.free_memory - *spare) >> 20U);
    return fmt::format("has {} MiB of memory free{}, {} are needed", target.free_memory >> 20U, promised,
                       wanted >> 20U);
}

/// In tenths of its memory, so that a little more or less does not decide; -1 when that is not known.
int spare_tenths(const facts& seen, const model::node& n) {
    const auto spare = spare_memory(seen, n);
    if (!spare || n.memory == 0) return -1;
    return static_cast<int>((*spare * 10 + n.memory / 2) / n.memory);
}

/// Where another guest is or will be; "" when that is not known.
node_name place_of(const facts& seen, guest_id other) {
    const auto bound = seen.bound.find(other);
    if (bound != seen.bound.end()) return bound->second;
    const auto* row = seen.view->find(other);
    return row == nullptr ? node_name() : row->node;
}

}  // namespace

storage_id restore_storage(const facts& seen, const policy& rules) {
    if (rules.storage) return *rules.storage;
    if (!seen.config) return {};
    for (const disk& d : disks_of(seen.guest.type, *seen.config)) {
        const storage_id s = storage_of(volid(d.volume));
        if (!s.empty()) return s;
    }
    return {};
}

bool is_shared_with(const facts& seen, const node_name& target) {
    const auto disks = disks_of(seen.guest.type, *seen.config);
    if (disks.empty()) return false;
    for (const disk& d : disks) {
        const auto* there = seen.view->find(target, storage_of(volid(d.volume)));
        if (!there || !there->shared || !there->available) return false;
    }
    return true;
}

std::string restore_fault(const facts& seen, const policy& rules, const node_name& target, const backup& archive) {
    const storage_id into = restore_storage(seen, rules);
    const auto* storage = seen.view->find(target, into);
    if (into.empty() || !storage) return fmt::format("has no storage \"{}\"", into.str());
    if (!storage->available) return fmt::format("storage {} is not available there", into.str());
    if (!contains(storage->content, disk_content(seen.guest.type)))
        return fmt::format("storage {} does not take guest disks (content {})", into.str(),
                           disk_content(seen.guest.type));
    const auto inside = seen.archived.find(archive.volume);
    const std::uint64_t needed = inside == seen.archived.end() ? 0 : bytes_needed(seen.guest.type, inside->second);
    if (storage->free_bytes && *storage->free_bytes < needed)
        return fmt::format("storage {} has {} MiB free, {} are needed", into.str(), *storage->free_bytes >> 20U,
                           needed >> 20U);
    if (!archive.only_on.empty() && archive.only_on != target)
        return fmt::format("cannot read the archive: storage {} is local to {}", storage_of(archive.volume).str(),
                           archive.only_on.str());
    const auto* source = seen.view->find(target, storage_of(archive.volume));
    if (!source || !source->available)
        return fmt::format("cannot read backup storage {}", storage_of(archive.volume).str());
    return {};
}

std::vector<node_name> candidates(const facts& seen, const policy& rules, const wish& asked) {
    if (asked.to) return {*asked.to};
    if (!rules.targets.empty() && rules.only_targets) return rules.targets;
    std::vector<std::pair<int, node_name>> others;
    for (const auto& [name, node] : seen.view->nodes)
        if (!contains(rules.targets, name)) others.emplace_back(spare_tenths(seen, node), name);
    std::stable_sort(others.begin(), others.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<node_name> all = rules.targets;
    for (auto& [spare, name] : others) all.push_back(std::move(name));
    return all;
}

std::string node_fault(const facts& seen, const policy& rules, const node_name& target) {
    const auto node = seen.view->nodes.find(target);
    if (node == seen.view->nodes.end()) return "is not a member of the cluster";
    if (target == seen.view->find(seen.guest)->node) return "is where the guest is now";
    if (contains(rules.avoid, target)) return "is in failover.avoid";
    if (node->second.online != true) return "is offline";
    if (seen.closed.count(target) != 0) return "is in maintenance, or about to go down";
    if (node->second.is_in_ha_maintenance) return "is in Proxmox HA's maintenance";
    for (const guest_id other : rules.apart)
        if (place_of(seen, other) == target) return fmt::format("is where {} is (failover.apart)", to_string(other));
    for (const guest_id other : rules.together) {
        const node_name place = place_of(seen, other);
        const auto there = seen.view->nodes.find(place);
        const bool is_alive = there != seen.view->nodes.end() && there->second.online == true;
        if (is_alive && place != target)
            return fmt::format("is not where {} is, which is {} (failover.together)", to_string(other), place.str());
    }
    return memory_fault(seen, node->second);
}

}  // namespace steward::failover
