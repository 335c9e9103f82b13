#include "sim/api/call.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <array>
#include <fmt/core.h>

namespace steward::sim::api {

namespace json = boost::json;

namespace {

class service_fact {
  public:
    const char* name;
    const char* description;
    bool is_clustered;  ///< does nothing on a stand-alone node
};

constexpr std::array<service_fact, 16> services = {{
    {"chrony", "chrony, an NTP client/server", false},
    {"corosync", "Corosync Cluster Engine", true},
    {"cron", "Regular background program processing daemon", false},
    {"postfix", "Postfix Mail Transport Agent", false},
    {"pve-cluster", "The Proxmox VE cluster filesystem", false},
    {"pve-firewall", "Proxmox VE firewall", false},
    {"pve-ha-crm", "PVE Cluster HA Resource Manager Daemon", false},
    {"pve-ha-lrm", "PVE Local HA Resource Manager Daemon", false},
    {"pvedaemon", "PVE API Daemon", false},
    {"pvefw-logger", "Proxmox VE firewall logger", false},
    {"pveproxy", "PVE API Proxy Server", false},
    {"pvescheduler", "Proxmox VE scheduler", false},
    {"pvestatd", "PVE Status Daemon", false},
    {"spiceproxy", "PVE SPICE Proxy Server", false},
    {"sshd", "OpenBSD Secure Shell server", false},
    {"systemd-journald", "Journal Service", false},
}};

json::object row_of(const call& c, const service_fact& s) {
    const bool runs = !c.model.hosts().is_stopped(c.node, s.name) && (!s.is_clustered || c.model.nodes().size() > 1);
    return {{"service", s.name},
            {"name", s.name},
            {"desc", s.description},
            {"state", runs ? "running" : "dead"},
            {"active-state", runs ? "active" : "inactive"},
            {"unit-state", "enabled"}};
}

reply list(call& c) {
    json::array rows;
    for (const service_fact& s : services) rows.push_back(row_of(c, s));
    return ok(std::move(rows));
}

reply index(call&) {
    json::array rows;
    for (const char* word : {"state", "start", "stop", "restart", "reload"})
        rows.push_back(json::object{{"subdir", word}});
    return ok(std::move(rows));
}

reply state(call& c) {
    for (const service_fact& s : services)
        if (c.path.at("service") == s.name) return ok(row_of(c, s));
    // Allowed by the schema, but not installed here.
    const std::string& name = c.path.at("service");
    return ok(json::object{{"service", name},
                           {"name", name},
                           {"desc", name},
                           {"state", "unknown"},
                           {"active-state", "inactive"},
                           {"unit-state", "not-found"}});
}

/// Nothing else follows from a stopped service here: failing daemons are faults of the simulator.
reply begin(call& c, const char* type, std::optional<bool> stopped) {
    const std::string service = c.path.at("service");
    task_work w(type, service, std::chrono::seconds(1));
    w.finish = [&model = c.model, node = c.node, service, stopped](const std::string&) {
        if (stopped) model.hosts().set_stopped(node, service, *stopped);
        return std::string("OK");
    };
    return ok(json::value(c.model.start_task(c.node, c.who.name(), std::move(w))));
}

reply start(call& c) { return begin(c, "srvstart", false); }
reply restart(call& c) { return begin(c, "srvrestart", false); }
reply reload(call& c) { return begin(c, "srvreload", std::nullopt); }

reply stop(call& c) {
    for (const char* needed : {"pveproxy", "pvedaemon"})
        if (c.path.at("service") == needed) return error(500, fmt::format("unable to stop service '{}'", needed));
    return begin(c, "srvstop", true);
}

}  // namespace

const std::vector<route>& node_service_routes() {
    static const std::vector<route> routes = {
        {"GET", "/nodes/{node}/services", list},
        {"GET", "/nodes/{node}/services/{service}", index},
        {"GET", "/nodes/{node}/services/{service}/state", state},
        {"POST", "/nodes/{node}/services/{service}/start", start},
        {"POST", "/nodes/{node}/services/{service}/stop", stop},
        {"POST", "/nodes/{node}/services/{service}/restart", restart},
        {"POST", "/nodes/{node}/services/{service}/reload", reload},
    };
    return routes;
}

}  // namespace steward::sim::api
