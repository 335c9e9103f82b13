#include "base/sha1.hpp"
#include "sim/api/call.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim::api {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

const char* label(guest_type type) { return type == guest_type::ct ? "CT" : "VM"; }

reply task_reply(const std::string& upid) { return ok(json::value(upid)); }

json::object status_row(const call& c, guest_id g, const guest_config& config) {
    instance* i = c.model.find_instance(c.node, g);
    const bool running = i != nullptr;
    const bool is_ct = g.type == guest_type::ct;
    const std::uint64_t memory = std::strtoull(config.get("memory").c_str(), nullptr, 10) << 20U;
    std::uint64_t disk = 0;
    for (const auto& [key, id] : config.volumes()) disk += disk_size(config.get(key));
    json::object row{{"vmid", g.id.number()},
                     {"status", running ? "running" : "stopped"},
                     {"name", config.get(is_ct ? "hostname" : "name")},
                     {"cpus", number_or_text(config.get("cores").empty() ? "1" : config.get("cores"))},
                     {"cpu", 0},
                     {"maxmem", memory},
                     {"mem", running ? 48U << 20U : 0},
                     {"maxdisk", disk},
                     {"disk", 0},
                     {"uptime", running ? (c.model.now() - i->started) / 1s : 0}};
    for (const char* counter : {"netin", "netout", "diskread", "diskwrite"}) row[counter] = 0;
    if (is_ct) {
        row["type"] = "lxc";
        row["swap"] = 0;
        row["maxswap"] = std::strtoull(config.get("swap").c_str(), nullptr, 10) << 20U;
    }
    if (running) row["pid"] = i->pid;
    for (const char* key : {"lock", "tags"})
        if (const std::string value = config.get(key); !value.empty()) row[key] = value;
    if (config.get("template") == "1") row["template"] = 1;
    return row;
}

template <guest_type T>
reply list(call& c) {
    json::array rows;
    for (const auto& p : c.model.files().guests()) {
        if (p.node != c.node || p.guest.type != T || !c.may_guest(p.guest.id, "VM.Audit")) continue;
        if (const auto config = c.model.config(c.node, p.guest)) rows.push_back(status_row(c, p.guest, *config));
    }
    return ok(std::move(rows));
}

template <guest_type T>
reply current(call& c) {
    const guest_id g = c.guest(T);
    const auto config = c.model.config(c.node, g);
    if (!config) return configuration_missing(c.node, g);
    json::object row = status_row(c, g, *config);
    row["ha"] = ha_object(c, g);
    if (T == guest_type::vm) {
        const instance* i = c.model.find_instance(c.node, g);
        row["qmpstatus"] = i == nullptr ? "stopped" : i->paused ? "paused" : "running";
    }
    return ok(std::move(row));
}

template <guest_type T>
reply get_config(call& c) {
    const guest_id g = c.guest(T);
    const auto text = c.model.files().read(c.node, g);
    if (!text) return configuration_missing(c.node, g);
    json::object data;
    for (const auto& [key, value] : guest_config::parse(*text).values)
        data[key] = T == guest_type::vm && key == "memory" ? json::value(value) : number_or_text(value);
    data["digest"] = sha1_hex(*text);
    return ok(std::move(data));
}

template <guest_type T>
reply put_config(call& c) {
    const guest_id g = c.guest(T);
    const auto text = c.model.files().read(c.node, g);
    std::vector<std::string> removed = split_list(c.get("delete"));
    std::vector<std::string> options = removed;
    for (const auto& [name, value] : c.params)
        if (name != "digest" && name != "delete" && name != "revert") options.push_back(name);
    if (options.empty()) return error(500, "no options specified");
    if (auto refused = check_options(c, g, options)) return *refused;
    if (!text) return configuration_missing(c.node, g);
    if (auto busy = await_guest_lock(c, g)) return *busy;
    guest_config config = guest_config::parse(*text);
    if (c.has("digest") && c.get("digest") != sha1_hex(*text))
        return error(500, T == guest_type::ct
                              ? "detected modified configuration - file changed by other user? Try again."
                              : "checksum mismatch (file change by other user?)");
    if (const std::string lock = config.get("lock"); !lock.empty())
        return error(500, fmt::format("{} is locked ({})", label(T), lock));
    if (auto refused = await_write(c, config_files::path(c.node, g))) return *refused;
    for (const std::string& name : removed) config.set(name, "");
    for (const auto& [name, value] : c.params)
        if (name != "digest" && name != "delete" && name != "revert")
            config.set(name, name == "tags" ? normalised_tags(value) : value);
    if (const auto written = c.model.files().write(c.node, g, config.text()); !written)
        return error(500, written.error().detail);
    return ok(nullptr);
}

template <guest_type T>
reply start(call& c) {
    const guest_id g = c.guest(T);
    if (T == guest_type::ct && c.model.is_running(c.node, g))
        return error(500, fmt::format("CT {} already running", g.id.number()));
    if (!c.model.is_quorate(c.node)) return error(500, "cluster not ready - no quorum?");
    if (c.model.ha().is_managed(c.at, g)) return task_reply(c.model.ha().begin_start(c.node, g, c.who.name()));
    return task_reply(c.model.begin_start(c.node, g, c.who.name()));
}

/// overrule-shutdown=1 first aborts shutdowns that are under way (pve-facts F.3).
void overrule_shutdowns(call& c, guest_id g) {
    std::vector<std::string> running;
    for (const auto& [upid, t] : c.model.tasks())
        if (t.running() && t.node == c.node && t.work.id == to_string(g.id) && t.work.type.ends_with("shutdown"))
            running.push_back(upid);
    for (const std::string& upid : running) c.model.stop_task(upid);
}

template <guest_type T>
reply stop(call& c) {
    const guest_id g = c.guest(T);
    if (T == guest_type::ct && !c.model.is_running(c.node, g))
        return error(500, fmt::format("CT {} not running", g.id.number()));
    if (c.model.ha().is_managed(c.at, g)) {
        if (c.flag("overrule-shutdown"))
            return parameter_error({{"overrule-shutdown", "Not applicable for HA resources."}});
        return task_reply(c.model.ha().begin_stop(c.node, g, c.who.name(), 0s));
    }
    if (c.flag("overrule-shutdown")) overrule_shutdowns(c, g);
    return task_reply(c.model.begin_stop(c.node, g, c.who.name()));
}

template <guest_type T>
reply shutdown(call& c) {
    const guest_id g = c.guest(T);
    if (T == guest_type::ct && !c.model.is_running(c.node, g))
        return error(500, fmt::format("CT {} not running", g.id.number()));
    const duration limit = std::chrono::seconds(std::strtoll(c.get("timeout", "60").c_str(), nullptr, 10));
    if (c.model.ha().is_managed(c.at, g)) return task_reply(c.model.ha().begin_stop(c.node, g, c.who.name(), limit));
    return task_reply(c.model.begin_shutdown(c.node, g, c.who.name(), limit, c.flag("forceStop")));
}

template <guest_type T>
reply reboot(call& c) {
    const guest_id g = c.guest(T);
    if (!c.model.is_running(c.node, g))
        return error(500, fmt::format("VM {} not running", g.id.number()));  // sic, for CTs too
    return task_reply(c.model.begin_reboot(c.node, g, c.who.name()));
}

template <guest_type T>
reply destroy(call& c) {
    const guest_id g = c.guest(T);
    const auto config = c.model.config(c.node, g);
    if (!config) return configuration_missing(c.node, g);
    const auto id = g.id.number();
    if (config->get("protection") == "1")
        return error(500, fmt::format("can't remove {} {} - protection mode enabled", label(T), id));
    if (c.model.ha().is_managed(c.at, g) && !c.flag("purge"))
        return error(500, fmt::format("unable to remove {} {} - used in HA resources and purge parameter not set.",
                                      label(T), id));
    if (const std::string lock = config->get("lock"); T == guest_type::ct && !lock.empty())
        return error(500, fmt::format("CT is locked ({})", lock));
    if (c.model.is_running(c.node, g) && !c.flag("force"))
        return error(500, T == guest_type::ct ? fmt::format("unable to destroy CT {} - container is running", id)
                                              : fmt::format("VM {} is running - destroy failed", id));
    if (c.flag("purge")) c.model.ha().remove(g);
    return task_reply(c.model.begin_destroy(c.node, g, c.who.name()));
}

reply interfaces(call& c) {
    const guest_id g = c.guest(guest_type::ct);
    if (!c.model.config(c.node, g)) return configuration_missing(c.node, g);
    const guest_options* declared = c.model.declared(g);
    if (!c.model.is_running(c.node, g) || declared == nullptr) return ok(nullptr);
    return ok(json::array{
        json::object{{"name", "lo"}, {"hwaddr", "00:00:00:00:00:00"}, {"inet", "127.0.0.1/8"}},
        json::object{{"name", "eth0"}, {"hwaddr", "bc:24:11:00:00:01"}, {"inet", declared->address + "/8"}}});
}

template <guest_type T>
void add_routes(std::vector<route>& routes) {
    constexpr bool is_ct = T == guest_type::ct;
#define STEWARD_GUEST_PATH(rest) (is_ct ? "/nodes/{node}/lxc/{vmid}" rest : "/nodes/{node}/qemu/{vmid}" rest)
    routes.push_back({"GET", is_ct ? "/nodes/{node}/lxc" : "/nodes/{node}/qemu", list<T>});
    routes.push_back({"GET", STEWARD_GUEST_PATH("/status/current"), current<T>});
    routes.push_back({"GET", STEWARD_GUEST_PATH("/config"), get_config<T>});
    routes.push_back({"PUT", STEWARD_GUEST_PATH("/config"), put_config<T>});
    routes.push_back({"POST", STEWARD_GUEST_PATH("/status/start"), start<T>});
    routes.push_back({"POST", STEWARD_GUEST_PATH("/status/stop"), stop<T>});
    routes.push_back({"POST", STEWARD_GUEST_PATH("/status/shutdown"), shutdown<T>});
    routes.push_back({"POST", STEWARD_GUEST_PATH("/status/reboot"), reboot<T>});
    routes.push_back({"DELETE", STEWARD_GUEST_PATH(""), destroy<T>});
#undef STEWARD_GUEST_PATH
}

}  // namespace

const std::vector<route>& guest_routes() {
    static const std::vector<route> routes = [] {
        std::vector<route> all;
        add_routes<guest_type::ct>(all);
        add_routes<guest_type::vm>(all);
        all.push_back({"GET", "/nodes/{node}/lxc/{vmid}/interfaces", interfaces});
        return all;
    }();
    return routes;
}

}  // namespace steward::sim::api
