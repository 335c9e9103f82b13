#include "sim/api/call.hpp"
#include "sim/api/guest_load.hpp"
#include "sim/api/row_text.hpp"
#include "sim/model/machine.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <fmt/core.h>
#include <functional>

/// What the cluster looks like from one of its nodes: membership at once, guests and load as pvestatd told (pve-facts
/// D.1, D.2, D.5).
namespace steward::sim::api {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

std::size_t index_of(const call& c, const node_name& node) {
    const sim_node* n = c.model.find_node(node);
    return n == nullptr ? most_nodes : n->index;
}

/// Of what corosync knows; /etc/pve/nodes may have more directories.
std::vector<std::reference_wrapper<const sim_node>> listed_nodes(const call& c) {
    std::vector<std::reference_wrapper<const sim_node>> all;
    for (const sim_node& n : c.model.nodes())
        if (!n.is_removed) all.emplace_back(n);
    return all;
}

reply status(call& c) {
    const auto nodes = listed_nodes(c);
    row_text rows;
    if (nodes.size() > 1) {
        rows.begin();
        rows.text("type", "cluster");
        rows.text("id", "cluster");
        rows.text("name", c.model.configured().cluster_name);
        rows.number("nodes", nodes.size());
        rows.number("quorate", c.model.is_quorate(c.at) ? 1 : 0);
        rows.number("version", 3);
        rows.end();
    }
    for (const sim_node& n : nodes) {
        rows.begin();
        rows.text("type", "node");
        rows.text("id", "node/" + n.name.str());
        rows.text("name", n.name.str());
        rows.number("nodeid", nodes.size() > 1 ? n.index + 1 : 0);
        rows.text("ip", node_address(c.model, n.index));
        rows.text("level", "");
        rows.number("local", n.name == c.at ? 1 : 0);
        rows.number("online", c.model.is_member(c.at, n.name) ? 1 : 0);
        rows.end();
    }
    return std::move(rows).as_reply();
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
        const guest_load load(guest, config, heard->running);
        out.text("status", !heard->running ? "stopped" : heard->paused ? "paused" : "running");
        out.text("name", load.name);
        out.number("template", config.get("template") == "1" ? 1 : 0);
        out.number("uptime", heard->running ? static_cast<std::uint64_t>((at - heard->started) / 1s) : 0);
        out.number("maxcpu", load.processors);
        out.raw("cpu", heard->running ? "0.0006" : "0");
        out.number("maxmem", load.memory_bytes);
        out.number("mem", load.used_memory_bytes);
        out.number("maxdisk", load.disk_bytes);
        out.number("disk", load.used_disk_bytes);
        for (const char* counter : {"netin", "netout", "diskread", "diskwrite"}) out.number(counter, 0);
    }
    if (const auto pool = c.model.access().users().pool_of(guest.id.number())) out.text("pool", *pool);
    if (const std::string lock = config.get("lock"); !lock.empty()) out.text("lock", lock);
    if (const std::string tags = config.get("tags"); !tags.empty()) out.text("tags", tags);
    if (const std::string state = ha.short_state_of(guest); !state.empty()) out.text("hastate", state);
    out.end();
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
    row["maxcpu"] = machine::processors;
    row["maxmem"] = n.memory_bytes;
    row["maxdisk"] = machine::root_bytes;
    if (!member) return row;
    row["mem"] = heard->used_memory;
    row["cpu"] = 0.02;
    row["disk"] = machine::root_used_bytes;
    row["uptime"] = (heard->at - n.booted) / 1s;
    return row;
}

/// How much is used of each storage. What is shared is counted once for all nodes: it may hold the archives of
/// thousands of guests.
class storage_use {
  public:
    explicit storage_use(const cluster& model) : model_(model) {}

    std::uint64_t of(const storage_entry& s, const node_name& node) {
        const std::uint64_t total = model_.capacity(s.id);
        if (model_.is_full(s.id, node)) return total;
        if (!s.shared) return std::min(model_.used(s.id, node), total);
        const auto [known, is_new] = shared_.try_emplace(s.id);
        if (is_new) known->second = model_.used(s.id, node);
        return std::min(known->second, total);
    }

  private:
    const cluster& model_;
    std::map<storage_id, std::uint64_t> shared_;
};

void storage_row(const call& c, const storage_entry& s, const sim_node& n, storage_use& use, row_text& out) {
    std::string content;
    for (const std::string& word : s.content) content += (content.empty() ? "" : ",") + word;
    const bool heard = c.model.heard().of_node(index_of(c, c.at), n.index, c.model.now()) != nullptr;
    const bool available = heard && c.model.is_active(s.id, n.name);
    out.begin();
    out.text("id", fmt::format("storage/{}/{}", n.name.str(), s.id.str()));
    out.text("storage", s.id.str());
    out.text("node", n.name.str());
    out.text("type", "storage");
    out.text("plugintype", s.type);
    out.number("shared", s.shared ? 1 : 0);
    out.text("content", content);
    out.text("status", available ? "available" : "unknown");
    if (available) {
        out.number("maxdisk", c.model.capacity(s.id));
        out.number("disk", use.of(s, n.name));
    }
    out.end();
}

void storage_rows(const call& c, row_text& out) {
    storage_use use(c.model);
    std::vector<const storage_entry*> seen;
    for (const storage_entry& s : c.model.storages(c.at))
        if (c.may("/storage/" + s.id.str(), "Datastore.Audit")) seen.push_back(&s);
    for (const sim_node& n : listed_nodes(c))
        for (const storage_entry* s : seen)
            if (s->is_enabled_on(n.name)) storage_row(c, *s, n, use, out);
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

void sdn_row(const sim_node& n, row_text& out) {
    out.begin();
    out.text("id", fmt::format("sdn/{}/localnetwork", n.name.str()));
    out.text("sdn", "localnetwork");
    out.text("node", n.name.str());
    out.text("type", "sdn");
    out.text("status", "ok");
    out.end();
}

reply resources(call& c) {
    const std::string type = c.get("type");
    const auto wanted = [&](const char* word) { return type.empty() || type == word; };
    const ha_view ha(c.model, c.at);
    const bool shows_ha = !(c.model.version() < pve::schema::version{8, 4});  // of nodes (pve-facts L)
    row_text out;
    if (wanted("vm")) guest_rows(c, ha, out);
    if (wanted("node"))
        for (const sim_node& n : listed_nodes(c)) {
            json::object row = node_row(c, n);
            if (c.may("/nodes/" + n.name.str(), "Sys.Audit")) row["cgroup-mode"] = 2;
            if (const std::string state = ha.status->node_state(n.name); shows_ha && !state.empty())
                row["hastate"] = state;
            out.row(row);
        }
    if (wanted("storage")) storage_rows(c, out);
    if (wanted("sdn") && c.may("/sdn/zones/localnetwork", "SDN.Audit"))
        for (const sim_node& n : listed_nodes(c)) sdn_row(n, out);
    return std::move(out).as_reply();
}

reply nodes(call& c) {
    json::array rows;
    for (const sim_node& n : listed_nodes(c)) {
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
