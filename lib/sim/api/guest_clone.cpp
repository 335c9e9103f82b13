#include "sim/model/guest_clone.hpp"

#include "sim/api/guest_api.hpp"
#include "sim/model/devices.hpp"
#include "sim/model/snapshots.hpp"

#include <boost/json/array.hpp>

#include <fmt/core.h>

/// Clones, templates and what a guest's storages are able to do.
namespace steward::sim::api {

namespace json = boost::json;

namespace {

clone_order order_of(const call& c, guest_id g, const guest_config& config) {
    clone_order order;
    order.from = g;
    if (const auto id = parse_vmid(c.get("newid"))) order.to = guest_id(g.type, *id);
    order.target = node_name(c.get("target", c.node.str()));
    order.snapshot = c.get("snapname");
    order.full = c.has("full") ? c.flag("full") : config.get("template") != "1";
    order.storage = storage_id(c.get("storage"));
    order.format = c.get("format");
    order.name = c.get(g.type == guest_type::ct ? "hostname" : "name");
    order.description = c.get("description");
    order.has_description = c.has("description");
    return order;
}

/// Everything that the copy needs before it begins.
std::optional<reply> refuse_clone(const call& c, guest_id g, const guest_config& config, const clone_order& order) {
    const bool is_ct = g.type == guest_type::ct;
    if (auto refused = refuse_locked(g.type, config)) return refused;
    if (!order.full && config.get("template") != "1")
        return error(500, is_ct
                              ? "Linked clone feature for 'rootfs' is not available"
                              : fmt::format("Linked clone feature is not supported for drive '{}'", boot_disk(config)));
    if (!order.storage.empty() && !order.full)
        return is_ct ? parameter_error({{"storage", "Clone storage is only allowed for full clones"}})
                     : parameter_error({{"storage", "this requires full clone"}});
    if (is_ct && order.full && order.snapshot.empty() && c.model.is_running(c.node, g))
        return error(500, "Cannot do full clones on a running container without snapshots");
    for (const auto& [key, id] : config.volumes()) {
        if (key.starts_with("unused")) continue;
        const storage_id where = order.storage.empty() ? storage_of(id) : order.storage;
        const storage_entry* s = c.model.storage(where);
        if (s == nullptr) return error(500, fmt::format("storage '{}' does not exist", where.str()));
        if (!c.may("/storage/" + where.str(), "Datastore.AllocateSpace"))
            return forbidden("/storage/" + where.str(), "Datastore.AllocateSpace");
        if (order.target != c.node && !s->shared)
            return error(500, fmt::format("can't clone to node '{}' (VM uses local storage '{}')", order.target.str(),
                                          where.str()));
    }
    return std::nullopt;
}

std::optional<reply> claim(const call& c, guest_id g, const clone_order& order) {
    if (const auto existing = c.files().find(order.to.id)) {
        const bool same_file = existing->guest == order.to && existing->node == c.node;
        if (g.type == guest_type::vm && same_file)
            return error(500, fmt::format("unable to create VM {}: config file already exists", order.to.id.number()));
        return error(500, taken_text(*existing));
    }
    if (auto refused = await_write(c, config_files::path(c.node, order.to))) return refused;
    guest_file file(g.type);
    file.now.set("lock", g.type == guest_type::ct ? "create" : "clone");
    const std::string why = write_guest(c.model, c.node, file, order.to);
    if (why.empty()) return std::nullopt;
    return error(500, why);
}

reply clone(call& c, guest_id g) {
    if (auto refused = refuse_without_quorum(c)) return *refused;
    const auto config = c.model.config(c.node, g);
    if (!config) return configuration_missing(c.node, g);
    const clone_order order = order_of(c, g, *config);
    if (c.model.find_node(order.target) == nullptr)
        return error(500, fmt::format("no such cluster node '{}'", order.target.str()));
    if (auto refused = refuse_clone(c, g, *config, order)) return *refused;
    if (auto refused = claim(c, g, order)) return *refused;
    return task_reply(begin_clone(c.model, c.node, c.who.name(), order));
}

reply make_template(call& c, guest_id g) {
    const auto file = read_guest(c.model, c.node, g);
    if (!file) return configuration_missing(c.node, g);
    const bool is_ct = g.type == guest_type::ct;
    if (auto refused = refuse_locked(g.type, file->now)) return *refused;
    if (!file->snapshots.empty())
        return error(500, fmt::format("unable to create template, because {} contains snapshots", guest_label(g.type)));
    if (file->now.get("template") == "1") return error(500, fmt::format("you can't convert a template to a template"));
    if (c.model.is_running(c.node, g))
        return error(500, is_ct ? "you can't convert a CT to template if the CT is running"
                                : "you can't convert a VM to template if VM is running vm");
    return task_reply(begin_template(c.model, c.node, g, c.who.name()));
}

reply feature(call& c, guest_id g) {
    const auto file = read_guest(c.model, c.node, g);
    if (!file) return configuration_missing(c.node, g);
    guest_config config = file->now;
    if (const std::string name = c.get("snapname"); !name.empty()) {
        const auto found = file->snapshots.find(name);
        if (found == file->snapshots.end()) return error(500, fmt::format("snapshot '{}' does not exist", name));
        config = found->second;
    }
    const std::string wanted = c.get("feature");
    const bool has = wanted == "copy" || (wanted == "snapshot" && has_snapshot_feature(c.model, config)) ||
                     (wanted == "clone" && has_clone_feature(c.model, config));
    json::object data{{"hasFeature", has ? 1 : 0}};
    if (g.type == guest_type::ct) return ok(std::move(data));
    json::array nodes;
    const auto volumes = config.volumes();
    for (const sim_node& n : c.model.nodes()) {
        bool everywhere = true;
        for (const auto& [key, id] : volumes) {
            const storage_entry* s = c.model.storage(storage_of(id));
            everywhere = everywhere && s != nullptr && s->shared;
        }
        if (n.name == c.node || everywhere) nodes.push_back(json::value(n.name.str()));
    }
    data["nodes"] = std::move(nodes);
    return ok(std::move(data));
}

}  // namespace

void add_clone_routes(std::vector<route>& routes) {
    add_both<clone>(routes, "POST", "/clone");
    add_both<make_template>(routes, "POST", "/template");
    add_both<feature>(routes, "GET", "/feature");
}

}  // namespace steward::sim::api
