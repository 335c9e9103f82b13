#include "sim/api/call.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim::api {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

constexpr duration broadcast_life = 300s;  // pve-facts D.3
constexpr std::uint64_t node_memory = 24ULL << 30U;

std::string ip_of(std::size_t index) { return fmt::format("10.77.0.{}", 11 + index); }

std::string sid(guest_id g) { return fmt::format("{}:{}", g.type == guest_type::ct ? "ct" : "vm", g.id.number()); }

/// Membership as the answering node sees it: alone when it is cut off.
bool seems_online(const call& c, const sim_node& n) {
    if (n.name == c.node) return true;
    const sim_node* self = c.model.find_node(c.node);
    return n.member && self->member;
}

reply status(call& c) {
    const auto& nodes = c.model.nodes();
    json::array rows;
    if (nodes.size() > 1)
        rows.push_back(json::object{{"type", "cluster"},
                                    {"id", "cluster"},
                                    {"name", c.model.configured().cluster_name},
                                    {"nodes", nodes.size()},
                                    {"quorate", c.model.is_quorate(c.node) ? 1 : 0},
                                    {"version", 3}});
    for (std::size_t i = 0; i < nodes.size(); ++i)
        rows.push_back(json::object{{"type", "node"},
                                    {"id", "node/" + nodes[i].name.str()},
                                    {"name", nodes[i].name.str()},
                                    {"nodeid", nodes.size() > 1 ? i + 1 : 0},
                                    {"ip", ip_of(i)},
                                    {"level", ""},
                                    {"local", nodes[i].name == c.node ? 1 : 0},
                                    {"online", seems_online(c, nodes[i]) ? 1 : 0}});
    return ok(std::move(rows));
}

json::object guest_row(const call& c, const config_files::place& p) {
    const guest_config config = c.model.config(p.node, p.guest).value_or(guest_config());
    json::object row{{"id", fmt::format("{}/{}", api_word(p.guest.type), p.guest.id.number())},
                     {"vmid", p.guest.id.number()},
                     {"node", p.node.str()},
                     {"type", api_word(p.guest.type)}};
    const auto b = c.model.broadcasts().find(p.guest);
    // A vmid that pvestatd has not told about for 300 s is only what pmxcfs knows (pve-facts D.2).
    if (b == c.model.broadcasts().end() || c.model.now() - b->second.at > broadcast_life) {
        row["status"] = "unknown";
    } else {
        const bool running = b->second.running;
        std::uint64_t disk = 0;
        for (const auto& [key, id] : config.volumes()) disk += disk_size(config.get(key));
        row["status"] = running ? (b->second.paused ? "paused" : "running") : "stopped";
        row["name"] = config.get(p.guest.type == guest_type::ct ? "hostname" : "name");
        row["template"] = config.get("template") == "1" ? 1 : 0;
        row["uptime"] = running ? (b->second.at - b->second.started) / 1s : 0;
        row["maxcpu"] = number_or_text(config.get("cores").empty() ? "1" : config.get("cores"));
        row["cpu"] = 0;
        row["maxmem"] = std::strtoull(config.get("memory").c_str(), nullptr, 10) << 20U;
        row["mem"] = running ? 48U << 20U : 0;
        row["maxdisk"] = disk;
        row["disk"] = 0;
        for (const char* counter : {"netin", "netout", "diskread", "diskwrite"}) row[counter] = 0;
    }
    if (const std::string lock = config.get("lock"); !lock.empty()) row["lock"] = lock;
    if (const std::string tags = config.get("tags"); !tags.empty()) row["tags"] = tags;
    if (const auto ha = c.model.ha().find(p.guest); ha != c.model.ha().end()) row["hastate"] = ha->second;
    return row;
}

json::object node_row(const call& c, const sim_node& n) {
    const bool online = seems_online(c, n);
    json::object row{{"id", "node/" + n.name.str()},
                     {"node", n.name.str()},
                     {"type", "node"},
                     {"level", ""},
                     {"status", online ? "online" : "offline"}};
    if (!c.may("/nodes/" + n.name.str(), "Sys.Audit")) return row;
    row["maxcpu"] = 2;
    row["maxmem"] = node_memory;
    row["maxdisk"] = 270553174016;
    if (!online) return row;
    std::uint64_t used = 3ULL << 30U;
    for (const auto& [key, i] : c.model.instances())
        if (i.node == n.name)
            if (const guest_options* g = c.model.declared(i.guest))
                used += static_cast<std::uint64_t>(g->memory_mib) << 20U;
    row["mem"] = used;
    row["cpu"] = 0.02;
    row["disk"] = 23316590592;
    row["uptime"] = (c.model.now() - n.booted) / 1s;
    return row;
}

json::object storage_row(const call& c, const storage_options& s, const sim_node& n) {
    std::string content;
    for (const std::string& word : s.content) content += (content.empty() ? "" : ",") + word;
    const bool available = seems_online(c, n) && c.model.is_active(s.id, n.name);
    json::object row{{"id", fmt::format("storage/{}/{}", n.name.str(), s.id.str())},
                     {"storage", s.id.str()},
                     {"node", n.name.str()},
                     {"type", "storage"},
                     {"plugintype", s.type},
                     {"shared", s.shared ? 1 : 0},
                     {"content", content},
                     {"status", available ? "available" : "unknown"}};
    if (available) {
        row["maxdisk"] = s.bytes;
        row["disk"] = s.bytes - c.model.available(s.id, n.name);
    }
    return row;
}

reply resources(call& c) {
    const std::string type = c.get("type");
    json::array rows;
    if (type.empty() || type == "vm") {
        auto places = c.model.files().guests();
        std::sort(places.begin(), places.end(),
                  [](const auto& a, const auto& b) { return to_string(a.guest.id) < to_string(b.guest.id); });
        for (const auto& p : places)
            if (c.may_guest(p.guest.id, "VM.Audit")) rows.push_back(guest_row(c, p));
    }
    if (type.empty() || type == "node")
        for (const sim_node& n : c.model.nodes()) {
            json::object row = node_row(c, n);
            if (c.may("/nodes/" + n.name.str(), "Sys.Audit")) row["cgroup-mode"] = 2;
            rows.push_back(std::move(row));
        }
    if (type.empty() || type == "storage")
        for (const sim_node& n : c.model.nodes())
            for (const storage_options& s : c.model.configured().storages)
                if (c.may("/storage/" + s.id.str(), "Datastore.Audit")) rows.push_back(storage_row(c, s, n));
    if ((type.empty() || type == "sdn"))
        for (const sim_node& n : c.model.nodes())
            if (c.may("/sdn/zones/localnetwork", "SDN.Audit"))
                rows.push_back(json::object{{"id", fmt::format("sdn/{}/localnetwork", n.name.str())},
                                            {"sdn", "localnetwork"},
                                            {"node", n.name.str()},
                                            {"type", "sdn"},
                                            {"status", "ok"}});
    return ok(std::move(rows));
}

reply nodes(call& c) {
    json::array rows;
    for (const sim_node& n : c.model.nodes()) {
        json::object row = node_row(c, n);
        row["ssl_fingerprint"] = n.fingerprint;
        rows.push_back(std::move(row));
    }
    return ok(std::move(rows));
}

reply next_id(call& c) {
    const auto wanted = parse_vmid(c.get("vmid", "100"));
    if (!wanted) return parameter_error({{"vmid", "invalid format - value does not look like a valid VM ID"}});
    if (c.has("vmid")) {
        if (c.model.files().find(*wanted))
            return parameter_error({{"vmid", fmt::format("VM {} already exists", wanted->number())}});
        return ok(json::value(to_string(*wanted)));
    }
    vmid id = *wanted;
    while (c.model.files().find(id)) id = vmid(id.number() + 1);
    return ok(json::value(to_string(id)));
}

json::object ha_resource(const guest_id g, const std::string& state) {
    return json::object{{"sid", sid(g)},
                        {"type", g.type == guest_type::ct ? "ct" : "vm"},
                        {"state", state},
                        {"digest", "c93418e46b0b46a2633803d011a17d7ed8ac0362"}};
}

reply ha_resources(call& c) {
    json::array rows;
    for (const auto& [g, state] : c.model.ha()) rows.push_back(ha_resource(g, state));
    return ok(std::move(rows));
}

reply one_ha_resource(call& c) {
    for (const auto& [g, state] : c.model.ha())
        if (sid(g) == c.path.at("sid")) return ok(ha_resource(g, state));
    return error(500, fmt::format("no such resource '{}'", c.path.at("sid")));
}

reply ha_status(call& c) {
    const bool quorate = c.model.is_quorate(c.node);
    json::array rows;
    rows.push_back(json::object{{"id", "quorum"},
                                {"type", "quorum"},
                                {"node", c.node.str()},
                                {"quorate", quorate ? 1 : 0},
                                {"status", quorate ? "OK" : fmt::format("No quorum on node '{}'!", c.node.str())}});
    for (const auto& [g, state] : c.model.ha()) {
        const auto where = c.model.files().find(g.id);
        const std::string node = where ? where->node.str() : "";
        rows.push_back(json::object{{"id", "service:" + sid(g)},
                                    {"type", "service"},
                                    {"sid", sid(g)},
                                    {"node", node},
                                    {"state", state},
                                    {"crm_state", state},
                                    {"request_state", state},
                                    {"max_restart", 1},
                                    {"max_relocate", 1},
                                    {"status", fmt::format("{} ({}, {})", sid(g), node, state)}});
    }
    return ok(std::move(rows));
}

}  // namespace

const std::vector<route>& cluster_routes() {
    static const std::vector<route> routes = {
        {"GET", "/cluster/status", status},
        {"GET", "/cluster/resources", resources},
        {"GET", "/cluster/nextid", next_id},
        {"GET", "/cluster/ha/resources", ha_resources},
        {"GET", "/cluster/ha/resources/{sid}", one_ha_resource},
        {"GET", "/cluster/ha/status/current", ha_status},
        {"GET", "/nodes", nodes},
    };
    return routes;
}

}  // namespace steward::sim::api
