#include "services/backup/trial_place.hpp"

#include "core/failover/movable.hpp"
#include "core/failover/plan_targets.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::backup {
namespace {

/// What the planner asks of a node is what a trial asks, except that the guest's own node will do.
failover::facts facts_for(const model::cluster_view& view, const model::backup& archive,
                          const model::guest_config& inside) {
    failover::facts seen;
    seen.guest = archive.guest;
    seen.now = view.taken;
    seen.view = view;
    model::guest_row& row = seen.view->guests[archive.guest];
    row.id = archive.guest;
    row.node = node_name();
    row.max_memory = 0;  // of the archive, not of the guest as it is now
    seen.config = inside;
    seen.archived.emplace(archive.volume, inside);
    return seen;
}

/// "1" of "virtio=AA:BB:…,bridge=vmbr0,link_down=1"
std::string property(const std::string& value, std::string_view key) {
    for (std::size_t begin = 0; begin < value.size();) {
        const std::size_t end = std::min(value.find(',', begin), value.size());
        const std::string_view part = std::string_view(value).substr(begin, end - begin);
        if (part.size() > key.size() && part.starts_with(key) && part[key.size()] == '=')
            return std::string(part.substr(key.size() + 1));
        begin = end + 1;
    }
    return {};
}

bool is_net(const std::string& key) {
    return key.size() > 3 && key.starts_with("net") &&
           std::all_of(key.begin() + 3, key.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

trial_place place_for(const model::cluster_view& view, const trial_wish& asked, const model::backup& archive,
                      const model::guest_config& inside) {
    const failover::facts seen = facts_for(view, archive, inside);
    failover::policy rules;
    if (!asked.storage.empty()) rules.storage = asked.storage;
    failover::wish wish;
    wish.to = asked.node;
    trial_place place;
    place.storage = failover::restore_storage(seen, rules);
    for (const node_name& n : failover::candidates(seen, rules, wish)) {
        std::string why = failover::node_fault(seen, rules, n);
        if (why.empty()) why = failover::restore_fault(seen, rules, n, archive);
        if (why.empty()) {
            place.node = n;
            return place;
        }
        place.why += fmt::format("{}{} {}", place.why.empty() ? "" : "; ", n.str(), why);
    }
    return place;
}

std::string reaches_outside(guest_id guest, const model::guest_config& inside) {
    failover::facts seen;
    seen.guest = guest;
    seen.config = inside;
    if (const auto tied = failover::tied_to_its_node(seen)) return tied->text;
    if (const std::string script = inside.get("hookscript"); !script.empty())
        return fmt::format("{} has a hook script ({}), which would run on the node for the copy as well",
                           to_string(guest), script);
    return {};
}

std::vector<needed_right> rights_for(guest_id guest, vmid copy, const trial_place& where, const model::backup& archive,
                                     const model::guest_config& inside) {
    const std::string there = "/vms/" + to_string(copy);
    std::vector<needed_right> all;
    for (const char* p : {"VM.Allocate", "VM.Audit", "VM.PowerMgmt", "VM.Config.Network", "VM.Config.Options"})
        all.push_back({there, {p}});
    if (guest.type == guest_type::vm && has_agent(inside))
        all.push_back({there, {"VM.GuestAgent.Audit", "VM.GuestAgent.Unrestricted", "VM.Monitor"}});
    all.push_back({"/vms/" + to_string(guest.id), {"VM.Backup"}});
    all.push_back({"/storage/" + where.storage.str(), {"Datastore.AllocateSpace"}});
    all.push_back({"/storage/" + storage_of(archive.volume).str(), {"Datastore.AllocateSpace"}});
    for (const auto& [key, value] : inside.values)
        if (const std::string bridge = is_net(key) ? property(value, "bridge") : std::string(); !bridge.empty())
            all.push_back({"/sdn/zones/localnetwork/" + bridge, {"SDN.Use"}});
    return all;
}

bool is_cut_off(const model::guest_config& config) {
    return std::all_of(config.values.begin(), config.values.end(),
                       [](const auto& v) { return !is_net(v.first) || property(v.second, "link_down") == "1"; });
}

bool has_agent(const model::guest_config& config) {
    const std::string agent = config.get("agent");
    return agent == "1" || agent.starts_with("1,") || property(agent, "enabled") == "1";
}

}  // namespace steward::backup
