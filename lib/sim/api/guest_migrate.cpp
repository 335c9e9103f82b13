#include "sim/model/guest_migrate.hpp"

#include "sim/api/guest_api.hpp"
#include "sim/model/devices.hpp"

#include <boost/json/array.hpp>

#include <fmt/core.h>

/// Moving guests between nodes (pve-facts F.8).
namespace steward::sim::api {

namespace json = boost::json;

namespace {

/// The storages that the call names, which need Datastore.AllocateSpace.
std::optional<reply> check_target_storages(const call& c, const std::string& mapping) {
    for (const std::string& word : split_list(mapping)) {
        const std::string to = word.substr(word.find(':') == std::string::npos ? 0 : word.find(':') + 1);
        if (to == "1") continue;
        if (c.model.storage(storage_id(to)) == nullptr)
            return error(500, fmt::format("storage '{}' does not exist", to));
        if (!c.may("/storage/" + to, "Datastore.AllocateSpace"))
            return forbidden("/storage/" + to, "Datastore.AllocateSpace");
    }
    return std::nullopt;
}

std::optional<reply> refuse_running(const call& c, guest_id g, const migrate_order& order) {
    if (!c.model.is_running(c.node, g)) return std::nullopt;
    if (g.type == guest_type::ct && !order.online && !order.restart)
        return error(500, "can't migrate running container without --online or --restart");
    if (g.type == guest_type::vm && !order.online) return error(500, "can't migrate running VM without --online");
    return std::nullopt;
}

reply migrate(call& c, guest_id g) {
    if (auto refused = refuse_without_quorum(c)) return *refused;
    migrate_order order;
    order.guest = g;
    order.target = node_name(c.get("target"));
    order.online = c.flag("online");
    order.restart = c.flag("restart");
    order.with_local_disks = c.flag("with-local-disks");
    order.patience = std::chrono::seconds(c.number("timeout", 180));
    order.storages = c.get(g.type == guest_type::ct ? "target-storage" : "targetstorage");
    if (order.target == c.node) return parameter_error({{"target", "target is local node."}});
    if (c.model.find_node(order.target) == nullptr)
        return error(500, fmt::format("no such cluster node '{}'", order.target.str()));
    if (!c.model.config(c.node, g)) return configuration_missing(c.node, g);
    if (auto refused = refuse_running(c, g, order)) return *refused;
    if (auto refused = check_target_storages(c, order.storages)) return *refused;
    if (is_ha_managed(c, g)) return task_reply(request_ha_migration(c, g, order.target));
    return task_reply(begin_migration(c.model, c.node, c.who.name(), std::move(order)));
}

/// What stands against moving a VM, before trying.
reply preconditions(call& c, guest_id g) {
    const auto config = c.model.config(c.node, g);
    if (!config) return configuration_missing(c.node, g);
    if (c.has("target") && c.model.find_node(node_name(c.get("target"))) == nullptr)
        return error(500, fmt::format("no such cluster node '{}'", c.get("target")));
    json::array disks;
    json::array resources;
    for (const auto& [key, id] : config->volumes())
        if (!is_shared(c.model, storage_of(id)))
            disks.push_back(json::object{{"volid", id.str()},
                                         {"drivename", key},
                                         {"size", volume_size(c.model, c.node, id)},
                                         {"cdrom", 0},
                                         {"is_attached", key.starts_with("unused") ? 0 : 1}});
    for (const auto& [key, value] : config->values)
        if (key.starts_with("hostpci") || (key.starts_with("usb") && value.find("host=") != std::string::npos))
            resources.push_back(json::value(key));
    json::object data{{"running", c.model.is_running(c.node, g) ? 1 : 0},
                      {"local_disks", std::move(disks)},
                      {"local_resources", std::move(resources)},
                      {"mapped-resources", json::array()}};
    if (!c.model.is_running(c.node, g)) {
        json::array allowed;
        for (const sim_node& n : c.model.nodes())
            if (n.name != c.node) allowed.push_back(json::value(n.name.str()));
        data["allowed_nodes"] = std::move(allowed);
        data["not_allowed_nodes"] = json::object();
    }
    return ok(std::move(data));
}

}  // namespace

void add_migrate_routes(std::vector<route>& routes) {
    add_both<migrate>(routes, "POST", "/migrate");
    add_vm<preconditions>(routes, "GET", "/migrate");
}

}  // namespace steward::sim::api
