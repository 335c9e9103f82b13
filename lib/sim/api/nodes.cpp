#include "sim/api/call.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim::api {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

reply node_status(call& c) {
    const sim_node* n = c.model.find_node(c.node);
    constexpr std::uint64_t total = 24ULL << 30U;
    constexpr std::uint64_t used = 3ULL << 30U;
    return ok(
        json::object{{"uptime", (c.model.now() - n->booted) / 1s},
                     {"cpu", 0.02},
                     {"wait", 0},
                     {"idle", 0},
                     {"loadavg", json::array{"0.10", "0.12", "0.09"}},
                     {"kversion", "Linux 6.8.12-9-pve #1 SMP"},
                     {"memory", json::object{{"total", total}, {"used", used}, {"free", total - used}}},
                     {"swap", json::object{{"total", 0}, {"used", 0}, {"free", 0}}},
                     {"rootfs", json::object{{"total", 270553174016}, {"used", 23316590592}, {"avail", 247236583424}}},
                     {"cpuinfo", json::object{{"cpus", 2}, {"cores", 2}, {"sockets", 1}}},
                     {"pveversion", "pve-manager/8.4.1/2a5fa54a8503f96d"}});
}

/// "vzdump" without its storage parameter goes to local (pve-facts G.1).
reply vzdump(call& c) {
    std::vector<guest_id> guests;
    const std::string list = c.get("vmid");
    if (list.empty() && !c.flag("all"))
        return parameter_error({{"vmid", "property is missing and it is not optional"}});
    bool elsewhere = false;
    for (std::size_t at = 0; at < list.size();) {
        const std::size_t end = std::min(list.find_first_of(",; ", at), list.size());
        const auto id = parse_vmid(std::string_view(list).substr(at, end - at));
        at = end + 1;
        if (!id) return parameter_error({{"vmid", "invalid format - value does not look like a valid VM ID"}});
        if (!c.may_guest(*id, "VM.Backup")) return forbidden("/vms/" + to_string(*id), "VM.Backup");
        const auto place = c.model.files().find(*id);
        if (place && place->node != c.node) {
            elsewhere = true;
            continue;
        }
        guests.push_back(place ? place->guest : guest_id(guest_type::ct, *id));
    }
    if (c.flag("all"))
        for (const auto& p : c.model.files().guests())
            if (p.node == c.node && c.may_guest(p.guest.id, "VM.Backup")) guests.push_back(p.guest);
    const storage_id to(c.get("storage", "local"));
    if (!c.may("/storage/" + to.str(), "Datastore.AllocateSpace"))
        return forbidden("/storage/" + to.str(), "Datastore.AllocateSpace");
    if (guests.empty() && elsewhere) return ok(json::value("OK"));
    return ok(
        json::value(c.model.begin_backup(c.node, c.who.name(), std::move(guests), to,
                                         fmt::format("{} --storage {} --node {}", list, to.str(), c.node.str()))));
}

reply extract_config(call& c) {
    const volid id(c.get("volume"));
    const std::string storage = storage_of(id).str();
    const archive* found = c.model.find_archive(id, c.node);
    const bool whole = c.may("/storage/" + storage, "Datastore.Allocate");
    if (!whole && !c.may("/storage/" + storage, "Datastore.AllocateSpace"))
        return forbidden("/storage/" + storage, "Datastore.AllocateSpace");
    if (found == nullptr || !c.model.is_active(storage_of(id), c.node))
        return error(500, fmt::format("volume '{}' does not exist", id.str()));
    if (!whole && !c.may_guest(found->guest.id, "VM.Backup"))
        return forbidden("/vms/" + to_string(found->guest.id), "VM.Backup");
    return ok(json::value(found->config));
}

}  // namespace

const std::vector<route>& node_routes() {
    static const std::vector<route> routes = {
        {"GET", "/nodes/{node}/status", node_status},
        {"POST", "/nodes/{node}/vzdump", vzdump},
        {"GET", "/nodes/{node}/vzdump/extractconfig", extract_config},
    };
    return routes;
}

}  // namespace steward::sim::api
