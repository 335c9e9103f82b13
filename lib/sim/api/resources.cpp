#include "sim/api/call.hpp"
#include "sim/api/row_text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <fmt/core.h>

/// What the cluster looks like from one of its nodes: membership at once, guests and load as pvestatd told (pve-facts
/// D.1, D.2, D.5).
namespace steward::sim::api {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t node_memory = 24ULL << 30U;
constexpr std::uint64_t node_processors = 2;
constexpr std::uint64_t root_disk = 270553174016;

std::size_t index_of(const call& c, const node_name& node) {
    const sim_node* n = c.model.find_node(node);
    return n == nullptr ? most_nodes : n->index;
}

reply status(call& c) {
    const auto& nodes = c.model.nodes();
    json::array rows;
    if (nodes.size() > 1)
        rows.push_back(json::object{{"type", "cluster"},
                                    {"id", "cluster"},
                                    {"name", c.model.configured().cluster_name},
                                    {"nodes", nodes.size()},
                                    {"quorate", c.model.is_quorate(c.at) ? 1 : 0},
                                    {"version", 3}});
    for (const sim_node& n : nodes)
        rows.push_back(json::object{{"type", "node"},
                                    {"id", "node/" + n.name.str()},
                                    {"name", n.name.str()},
                                    {"nodeid", nodes.size() > 1 ? n.index + 1 : 0},
                                    {"ip", node_address(c.model, n.index)},
                                    {"level", ""},
                                    {"local", n.name == c.at ? 1 : 0},
                                    {"online", c.model.is_member(c.at, n.name) ? 1 : 0}});
    return ok(std::move(rows));
}

std::uint64_t number_of(const guest_config& config, const char* key, std::uint64_t fallback) {
    const auto found = config.values.find(key);
    return found == config.values.end() ? fallback : std::strtoull(found->second.c_str(), nullptr, 10);
}

/// A guest without a name is called by its number.
std::string name_of(guest_id guest, const guest_config& config) {
    const bool is_ct = guest.type == guest_type::ct;
    std::string name = config.get(is_ct ? "hostname" : "name");
    return name.empty() ? fmt::format("{}{}", is_ct ? "CT" : "VM ", guest.id.number()) : name;
}

/// A container that does not say has all of the node's processors.
std::uint64_t processors_of(guest_type type, const guest_config& config) {
    if (type == guest_type::ct) return number_of(config, "cores", number_of(config, "cpulimit", node_processors));
    return number_of(config, "sockets", 1) * number_of(config, "cores", 1);
}

/// One guest as text: ten thousand of them in one answer are too many for a tree of JSON values.
void guest_row(const call& c, std::size_t viewer, const config_files::entry& e, const ha_view& ha, row_text& out) {
    const guest_id guest = e.where.guest;
    const guest_config& config = e.parsed;
    out.begin();
    out.text("id", fmt::format("{}/{}", api_word(guest.type), guest.id.number()));
    out.number("vmid", guest.id.number());
    out.text("node", e.where.node.str());
    out.text("type", api_word(guest.type));
    const auto [heard, at] = c.model.heard().of_guest(viewer, index_of(c, e.where.node), guest.id, c.model.now());
    // A vmid that pvestatd has not told about for 300 s is only what pmxcfs knows (pve-facts D.2).
    if (heard == nullptr) {
        out.text("status", "unknown");
    } else {
        std::uint64_t disk = 0;
        for (const auto& [key, id] : config.volumes()) disk += disk_size(config.get(key));
        out.text("status", !heard->running ? "stopped" : heard->paused ? "paused" : "running");
        out.text("name", name_of(guest, config));
        out.number("template", config.get("template") == "1" ? 1 : 0);
        out.number("uptime", heard->running ? static_cast<std::uint64_t>((at - heard->started) / 1s) : 0);
        out.number("maxcpu", processors_of(guest.type, config));
        out.raw("cpu", heard->running ? "0.0006" : "0");
        out.number("maxmem", number_of(config, "memory", 512) << 20U);
        out.number("mem", heard->running ? 48U << 20U : 0);
        out.number("maxdisk", disk);
        for (const char* counter : {"disk", "netin", "netout", "diskread", "diskwrite"}) out.number(counter, 0);
    }
    if (const auto pool = c.model.access().users().pool_of(guest.id.number())) out.text("pool", *pool);
    if (const std::string lock = config.get("lock"); !lock.empty()) out.text("lock", lock);
    if (const std::string tags = config.get("tags"); !tags.empty()) out.text("tags", tags);
    if (const std::string state = ha.short_state_of(guest); !state.empty()) out.text("hastate", state);
    out.end();
}

std::uint64_t used_memory(const call& c, const sim_node& n) {
    std::uint64_t used = 3ULL << 30U;
    for (const auto& [key, i] : c.model.instances())
        if (i.node == n.name)
            if (const auto* e = c.model.files().find(n.name, i.guest))
                used += std::strtoull(e->parsed.get("memory").c_str(), nullptr, 10) << 20U;
    return used;
}

/// A member whose pvestatd has said nothing yet is `unknown`; one that left keeps its sizes for a while.
json::object node_row(const call& c, const sim_node& n) {
    const bool member = c.model.is_member(c.at, n.name);
    const node_report* heard = c.model.heard().of_node(index_of(c, c.at), n.index, c.model.now());
    json::object row{{"id", "node/" + n.name.str()},
                     {"node", n.name.str()},
                     {"type", "node"},
                     {"level", ""},
                     {"status", !member            ? "offline"
                                : heard != nullptr ? "online"
                                                   : "unknown"}};
    if (heard == nullptr || !c.may("/nodes/" + n.name.str(), "Sys.Audit")) return row;
    row["maxcpu"] = node_processors;
    row["maxmem"] = node_memory;
    row["maxdisk"] = root_disk;
    if (!member) return row;
    row["mem"] = used_memory(c, n);
    row["cpu"] = 0.02;
    row["disk"] = 23316590592;
    row["uptime"] = (heard->at - n.booted) / 1s;
    return row;
}

json::object storage_row(const call& c, const storage_entry& s, const sim_node& n) {
    std::string content;
    for (const std::string& word : s.content) content += (content.empty() ? "" : ",") + word;
    const bool heard = c.model.heard().of_node(index_of(c, c.at), n.index, c.model.now()) != nullptr;
    const bool available = heard && c.model.is_active(s.id, n.name);
    json::object row{{"id", fmt::format("storage/{}/{}", n.name.str(), s.id.str())},
                     {"storage", s.id.str()},
                     {"node", n.name.str()},
                     {"type", "storage"},
                     {"plugintype", s.type},
                     {"shared", s.shared ? 1 : 0},
                     {"content", content},
                     {"status", available ? "available" : "unknown"}};
    if (available) {
        row["maxdisk"] = c.model.capacity(s.id);
        row["disk"] = c.model.capacity(s.id) - c.model.available(s.id, n.name);
    }
    return row;
}

void guest_rows(const call& c, const ha_view& ha, row_text& out) {
    const std::size_t viewer = index_of(c, c.at);
    // By vmid as text: "100", "1000", "101".
    std::vector<std::pair<std::string, const config_files::entry*>> all;
    all.reserve(c.files().entries().size());
    for (const auto& [id, e] : c.files().entries())
        if (c.may_guest(id, "VM.Audit")) all.emplace_back(to_string(id), &e);
    std::sort(all.begin(), all.end());
    for (const auto& [id, e] : all) guest_row(c, viewer, *e, ha, out);
}

reply resources(call& c) {
    const std::string type = c.get("type");
    const auto wanted = [&](const char* word) { return type.empty() || type == word; };
    const ha_view ha(c.model, c.at);
    const bool shows_ha = !(c.model.version() < pve::schema::version{8, 4});  // of nodes (pve-facts L)
    row_text out;
    if (wanted("vm")) guest_rows(c, ha, out);
    if (wanted("node"))
        for (const sim_node& n : c.model.nodes()) {
            json::object row = node_row(c, n);
            if (c.may("/nodes/" + n.name.str(), "Sys.Audit")) row["cgroup-mode"] = 2;
            if (const std::string state = ha.status.node_state(n.name); shows_ha && !state.empty())
                row["hastate"] = state;
            out.row(row);
        }
    if (wanted("storage"))
        for (const sim_node& n : c.model.nodes())
            for (const storage_entry& s : c.model.storages(c.at))
                if (s.is_enabled_on(n.name) && c.may("/storage/" + s.id.str(), "Datastore.Audit"))
                    out.row(storage_row(c, s, n));
    if (wanted("sdn"))
        for (const sim_node& n : c.model.nodes())
            if (c.may("/sdn/zones/localnetwork", "SDN.Audit"))
                out.row(json::object{{"id", fmt::format("sdn/{}/localnetwork", n.name.str())},
                                     {"sdn", "localnetwork"},
                                     {"node", n.name.str()},
                                     {"type", "sdn"},
                                     {"status", "ok"}});
    return std::move(out).as_reply();
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
        if (c.files().find(*wanted))
            return parameter_error({{"vmid", fmt::format("VM {} already exists", wanted->number())}});
        return ok(json::value(to_string(*wanted)));
    }
    // The range is datacenter.cfg's "next-id: lower=…,upper=…"; the upper end is not part of it.
    const std::string range = guest_config::parse(c.files().tree().read("datacenter.cfg").value_or("")).get("next-id");
    const auto bound = [&](const char* key, std::uint32_t fallback) {
        const std::size_t found = range.find(key);
        if (found == std::string::npos) return fallback;
        return static_cast<std::uint32_t>(std::strtoul(range.c_str() + found + 6, nullptr, 10));
    };
    const std::uint32_t lower = bound("lower=", 100);
    const std::uint32_t upper = bound("upper=", 1000000);
    for (std::uint32_t id = lower; id < upper; ++id)
        if (!c.files().find(vmid(id))) return ok(json::value(std::to_string(id)));
    return error(500, fmt::format("unable to get any free VMID in range [{},{}]", lower, upper - 1));
}

}  // namespace

const std::vector<route>& resource_routes() {
    static const std::vector<route> routes = {
        {"GET", "/cluster/status", status},
        {"GET", "/cluster/resources", resources},
        {"GET", "/cluster/nextid", next_id},
        {"GET", "/nodes", nodes},
    };
    return routes;
}

}  // namespace steward::sim::api
