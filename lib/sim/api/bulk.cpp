#include "sim/model/bulk.hpp"

#include "sim/api/call.hpp"

#include <boost/json/array.hpp>

#include <fmt/core.h>

namespace steward::sim::api {

namespace json = boost::json;

namespace {

/// Everything needs the privilege on `/`; a list only on its own guests.
std::optional<reply> check(const call& c, const char* privilege) {
    if (!c.has("vms")) {
        if (c.may("/", privilege)) return std::nullopt;
        return forbidden("/", privilege);
    }
    for (const std::string& id : c.list("vms"))
        if (!c.may("/vms/" + id, privilege)) return forbidden("/vms/" + id, privilege);
    return std::nullopt;
}

bulk_order order_of(const call& c) {
    bulk_order order(c.node, c.who.name());
    for (const std::string& word : c.list("vms"))
        if (const auto id = parse_vmid(word)) order.only.insert(*id);
    return order;
}

reply start_all(call& c) {
    if (auto refused = check(c, "VM.PowerMgmt")) return *refused;
    bulk_order order = order_of(c);
    order.force = c.flag("force");
    return ok(json::value(begin_start_all(c.model, std::move(order))));
}

reply stop_all(call& c) {
    if (auto refused = check(c, "VM.PowerMgmt")) return *refused;
    bulk_order order = order_of(c);
    order.force_stop = c.get("force-stop", "1") == "1";
    order.timeout = std::chrono::seconds(c.number("timeout", 180));
    return ok(json::value(begin_stop_all(c.model, std::move(order))));
}

reply suspend_all(call& c) {
    if (auto refused = check(c, "VM.PowerMgmt")) return *refused;
    return ok(json::value(begin_suspend_all(c.model, order_of(c))));
}

reply migrate_all(call& c) {
    if (auto refused = check(c, "VM.Migrate")) return *refused;
    bulk_order order = order_of(c);
    order.target = node_name(c.get("target"));
    if (order.target == c.node) return parameter_error({{"target", "target is local node."}});
    if (c.model.find_node(order.target) == nullptr || !c.model.can_reach(c.node, order.target))
        return error(500, fmt::format("no such cluster node '{}'", order.target.str()));
    const auto datacenter = guest_config::parse(c.files().tree().read("datacenter.cfg").value_or(""));
    std::int64_t workers = std::strtoll(datacenter.get("max_workers").c_str(), nullptr, 10);
    for (const char* name : {"maxworkers", "max-workers"}) workers = c.number(name, workers);
    if (workers < 1) return error(500, "either 'maxworkers' parameter or max_workers in datacenter.cfg must be set!");
    order.workers = static_cast<std::size_t>(workers);
    order.with_local_disks = c.flag("with-local-disks");
    return ok(json::value(begin_migrate_all(c.model, std::move(order))));
}

/// Since 9.1 for the whole cluster: one worker on the contacted node, and each node's own below it.
template <class Begin>
reply everywhere(call& c, const char* type, const char* privilege, const Begin& begin) {
    if (auto refused = check(c, privilege)) return *refused;
    task_work w(type, "", std::chrono::seconds(0));
    w.is_open_ended = true;
    const std::string upid = c.model.start_task(c.at, c.who.name(), std::move(w));
    const auto left = std::make_shared<std::size_t>(1);
    const auto one_less = [model = &c.model, left, upid] {
        if (--*left == 0) model->finish_task(upid, "OK");
    };
    for (const sim_node& n : c.model.nodes()) {
        if (!c.model.can_reach(c.at, n.name)) continue;
        bulk_order order = order_of(c);
        order.node = n.name;
        order.done = one_less;
        ++*left;
        begin(std::move(order));
    }
    one_less();
    return ok(json::value(upid));
}

reply start_everywhere(call& c) {
    return everywhere(c, "bulkstart", "VM.PowerMgmt", [&](bulk_order order) {
        order.force = true;
        (void)begin_start_all(c.model, std::move(order));
    });
}

reply shut_down_everywhere(call& c) {
    return everywhere(c, "bulkshutdown", "VM.PowerMgmt", [&](bulk_order order) {
        order.force_stop = c.get("force-stop", "1") == "1";
        order.timeout = std::chrono::seconds(c.number("timeout", 180));
        (void)begin_stop_all(c.model, std::move(order));
    });
}

reply suspend_everywhere(call& c) {
    return everywhere(c, "bulksuspend", "VM.PowerMgmt",
                      [&](bulk_order order) { (void)begin_suspend_all(c.model, std::move(order)); });
}

reply migrate_everywhere(call& c) {
    const node_name target(c.get("target"));
    if (c.model.find_node(target) == nullptr) return error(500, fmt::format("no such cluster node '{}'", target.str()));
    return everywhere(c, "bulkmigrate", "VM.Migrate", [&](bulk_order order) {
        if (order.node == target) return order.done();
        order.target = target;
        order.workers = static_cast<std::size_t>(c.number("max-workers", c.number("maxworkers", 1)));
        order.with_local_disks = c.flag("with-local-disks");
        (void)begin_migrate_all(c.model, std::move(order));
    });
}

}  // namespace

const std::vector<route>& bulk_routes() {
    static const std::vector<route> routes = {
        {"POST", "/nodes/{node}/startall", start_all},
        {"POST", "/nodes/{node}/stopall", stop_all},
        {"POST", "/nodes/{node}/suspendall", suspend_all},
        {"POST", "/nodes/{node}/migrateall", migrate_all},
        {"POST", "/cluster/bulk-action/guest/start", start_everywhere},
        {"POST", "/cluster/bulk-action/guest/shutdown", shut_down_everywhere},
        {"POST", "/cluster/bulk-action/guest/suspend", suspend_everywhere},
        {"POST", "/cluster/bulk-action/guest/migrate", migrate_everywhere},
    };
    return routes;
}

}  // namespace steward::sim::api
