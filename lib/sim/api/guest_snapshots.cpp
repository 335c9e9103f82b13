#include "base/sha1.hpp"
#include "sim/api/guest_api.hpp"
#include "sim/model/snapshots.hpp"

#include <boost/json/array.hpp>

#include <fmt/core.h>

/// Snapshots (pve-facts F.8).
namespace steward::sim::api {

namespace json = boost::json;

namespace {

json::object snapshot_row(guest_type type, const std::string& name, const guest_config& snapshot) {
    std::string description = decoded_description(snapshot.description);
    while (description.ends_with('\n')) description.pop_back();
    json::object row{{"name", name},
                     {"description", description},
                     {"snaptime", std::strtoll(snapshot.get("snaptime").c_str(), nullptr, 10)}};
    if (type == guest_type::vm) row["vmstate"] = snapshot.get("vmstate").empty() ? 0 : 1;
    if (const std::string parent = snapshot.get("parent"); !parent.empty()) row["parent"] = parent;
    if (const std::string state = snapshot.get("snapstate"); !state.empty()) row["snapstate"] = state;
    return row;
}

reply list(call& c, guest_id g) {
    const auto text = c.files().read(c.node, g);
    if (!text) return configuration_missing(c.node, g);
    const guest_file file = guest_file::parse(g.type, *text);
    json::array rows;
    for (const auto& [name, snapshot] : file.snapshots) rows.push_back(snapshot_row(g.type, name, snapshot));
    json::object now{{"name", "current"},
                     {"description", "You are here!"},
                     {"digest", sha1_hex(*text)},
                     {"running", c.model.is_running(c.node, g) ? 1 : 0}};
    if (const std::string parent = file.now.get("parent"); !parent.empty()) now["parent"] = parent;
    rows.push_back(std::move(now));
    return ok(std::move(rows));
}

reply create(call& c, guest_id g) {
    snapshot_order order;
    order.name = c.get("snapname");
    order.description = c.get("description");
    order.with_memory = c.flag("vmstate");
    if (order.name == "current") return error(500, "unable to use snapshot name 'current' (reserved name)");
    if (g.type == guest_type::ct && order.name == "vzdump")
        return error(500, "unable to use snapshot name 'vzdump' (reserved name)");
    return task_reply(begin_snapshot(c.model, c.node, g, c.who.name(), std::move(order)));
}

reply remove(call& c, guest_id g) {
    return task_reply(begin_snapshot_removal(c.model, c.node, g, c.who.name(), c.path.at("snapname"), c.flag("force")));
}

reply rollback(call& c, guest_id g) {
    return task_reply(begin_rollback(c.model, c.node, g, c.who.name(), c.path.at("snapname"), c.flag("start")));
}

reply get_snapshot_config(call& c, guest_id g) {
    const auto text = c.files().read(c.node, g);
    if (!text) return configuration_missing(c.node, g);
    const guest_file file = guest_file::parse(g.type, *text);
    const auto found = file.snapshots.find(c.path.at("snapname"));
    if (found == file.snapshots.end())
        return error(500, fmt::format("snapshot '{}' does not exist", c.path.at("snapname")));
    json::object data;
    for (const auto& [key, value] : found->second.values)
        data[key] = typed_option(c.model.version(), g.type, key, value);
    if (!found->second.description.empty()) data["description"] = decoded_description(found->second.description);
    return ok(std::move(data));
}

reply put_snapshot_config(call& c, guest_id g) {
    auto file = read_guest(c.model, c.node, g);
    if (!file) return configuration_missing(c.node, g);
    if (auto busy = await_guest_lock(c, g)) return *busy;
    if (auto refused = refuse_locked(g.type, file->now)) return *refused;
    const auto found = file->snapshots.find(c.path.at("snapname"));
    if (found == file->snapshots.end())
        return error(500, fmt::format("snapshot '{}' does not exist", c.path.at("snapname")));
    if (auto refused = await_write(c, config_files::path(c.node, g))) return *refused;
    if (c.has("description")) found->second.description = encoded_description(c.get("description"));
    if (const std::string why = write_guest(c.model, c.node, *file, g); !why.empty()) return error(500, why);
    return ok(nullptr);
}

reply index(call&, guest_id) {
    return ok(json::array{json::object{{"cmd", "rollback"}}, json::object{{"cmd", "config"}}});
}

}  // namespace

void add_snapshot_routes(std::vector<route>& routes) {
    add_both<list>(routes, "GET", "/snapshot");
    add_both<create>(routes, "POST", "/snapshot");
    add_both<index>(routes, "GET", "/snapshot/{snapname}");
    add_both<remove>(routes, "DELETE", "/snapshot/{snapname}");
    add_both<rollback>(routes, "POST", "/snapshot/{snapname}/rollback");
    add_both<get_snapshot_config>(routes, "GET", "/snapshot/{snapname}/config");
    add_both<put_snapshot_config>(routes, "PUT", "/snapshot/{snapname}/config");
}

}  // namespace steward::sim::api
