#include "sim/api/call.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim::api {

namespace json = boost::json;

namespace {

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
        {"POST", "/nodes/{node}/vzdump", vzdump},
        {"GET", "/nodes/{node}/vzdump/extractconfig", extract_config},
    };
    return routes;
}

}  // namespace steward::sim::api
