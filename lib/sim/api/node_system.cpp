#include "base/sha1.hpp"
#include "sim/api/call.hpp"
#include "sim/model/machine.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <ctime>
#include <fmt/core.h>

namespace steward::sim::api {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

constexpr const char* domain = "example.internal";

std::string address_of(const call& c) {
    for (std::size_t i = 0; i < c.model.nodes().size(); ++i)
        if (c.model.nodes()[i].name == c.node) return node_address(c.model, i);
    return {};
}

// ---- DNS and hosts: files of the node itself

reply get_dns(call& c) {
    const std::string text =
        c.model.hosts().read(c.node, "/etc/resolv.conf", fmt::format("search {}\nnameserver 10.77.0.1\n", domain));
    json::object data;
    int server = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const std::string line = text.substr(at, end - at);
        at = end + 1;
        if (line.starts_with("search ")) data["search"] = line.substr(7);
        if (line.starts_with("nameserver ")) data[fmt::format("dns{}", ++server)] = line.substr(11);
    }
    return ok(std::move(data));
}

reply put_dns(call& c) {
    std::string text = "search " + c.get("search") + "\n";
    for (const char* key : {"dns1", "dns2", "dns3"})
        if (c.has(key)) text += "nameserver " + c.get(key) + "\n";
    c.model.hosts().write(c.node, "/etc/resolv.conf", text);
    return ok(nullptr);
}

std::string hosts_text(const call& c) {
    return c.model.hosts().read(c.node, "/etc/hosts",
                                fmt::format("127.0.0.1 localhost.localdomain localhost\n{} {}.{} {}\n", address_of(c),
                                            c.node.str(), domain, c.node.str()));
}

reply get_hosts(call& c) {
    const std::string text = hosts_text(c);
    return ok(json::object{{"data", text}, {"digest", sha1_hex(text)}});
}

reply post_hosts(call& c) {
    if (c.has("digest") && c.get("digest") != sha1_hex(hosts_text(c)))
        return error(500, "detected modified configuration - file changed by other user? Try again.");
    c.model.hosts().write(c.node, "/etc/hosts", c.get("data"));
    return ok(nullptr);
}

// ---- network: one card, one bridge on it

json::array interfaces(const call& c) {
    const std::string address = address_of(c);
    json::array rows;
    rows.push_back(json::object{{"iface", "eno1"},
                                {"type", "eth"},
                                {"method", "manual"},
                                {"method6", "manual"},
                                {"families", json::array{"inet"}},
                                {"active", 1},
                                {"exists", 1},
                                {"priority", 3}});
    rows.push_back(json::object{{"iface", "vmbr0"},
                                {"type", "bridge"},
                                {"method", "static"},
                                {"method6", "manual"},
                                {"families", json::array{"inet"}},
                                {"address", address},
                                {"netmask", "24"},
                                {"cidr", address + "/24"},
                                {"gateway", "10.77.0.1"},
                                {"bridge_ports", "eno1"},
                                {"bridge_stp", "off"},
                                {"bridge_fd", "0"},
                                {"active", 1},
                                {"autostart", 1},
                                {"priority", 4}});
    return rows;
}

reply list_network(call& c) {
    const std::string type = c.get("type");
    json::array rows;
    for (json::value& row : interfaces(c)) {
        const std::string is(row.at("type").as_string());
        const bool any_bridge = type == "any_bridge" || type == "any_local_bridge";
        if (type.empty() || type == is || (any_bridge && is == "bridge")) rows.push_back(std::move(row));
    }
    return ok(std::move(rows));
}

reply get_interface(call& c) {
    for (json::value& each : interfaces(c)) {
        json::object& row = each.as_object();
        if (row.at("iface").as_string() != c.path.at("iface")) continue;
        row.erase("iface");
        return ok(std::move(row));
    }
    return parameter_error({{"iface", "interface does not exist"}});
}

// ---- what a node without a subscription says about itself

reply subscription(call& c) {
    return ok(json::object{{"status", "notfound"},
                           {"message", "There is no subscription key"},
                           {"serverid", sha1_hex(c.node.str()).substr(0, 32)},
                           {"url", "https://www.proxmox.com/en/proxmox-virtual-environment/pricing"}});
}

reply apt_versions(call& c) {
    const auto v = c.model.version();
    const std::string manager = full_version(v);
    const std::vector<std::pair<const char*, std::string>> packages = {
        {"proxmox-ve", fmt::format("{}.{}.0", v.major, v.minor)}, {"pve-manager", manager}};
    json::array rows;
    for (const auto& [name, version] : packages) {
        json::object row{{"Package", name},     {"Title", name},          {"Arch", "amd64"},
                         {"Origin", "Proxmox"}, {"Priority", "optional"}, {"Section", "admin"},
                         {"Version", version},  {"OldVersion", version},  {"CurrentState", "Installed"}};
        if (std::string_view(name) == "pve-manager") row["ManagerVersion"] = manager + "/" + repository_id(v);
        if (std::string_view(name) == "proxmox-ve") row["RunningKernel"] = "6.8.12-9-pve";
        rows.push_back(std::move(row));
    }
    return ok(std::move(rows));
}

// ---- history: 70 points, or one a minute for an hour and a day since 9.0 (pve-facts D.10)

reply rrd_data(call& c) {
    const bool is_9 = !(c.model.version() < pve::schema::version{9, 0});
    const std::string frame = c.get("timeframe");
    const std::map<std::string, std::pair<duration, int>> shape = {
        {"hour", {60s, 70}},
        {"day", {is_9 ? duration(60s) : duration(30min), is_9 ? 1440 : 70}},
        {"week", {is_9 ? duration(30min) : duration(3h), is_9 ? 336 : 70}},
        {"month", {is_9 ? duration(30min) : duration(12h), is_9 ? 1440 : 70}},
        {"year", {is_9 ? duration(6h) : duration(168h), is_9 ? 1460 : 70}},
        {"decade", {168h, 520}}};
    const auto found = shape.find(frame);
    const auto [step, count] = found == shape.end() ? std::pair<duration, int>(60s, 70) : found->second;
    const std::int64_t width = step / 1s;
    const std::int64_t last = c.model.wall_now().time_since_epoch().count() / width * width;
    const sim_node* n = c.model.find_node(c.node);
    if (n == nullptr) return error(500, fmt::format("no such cluster node '{}'", c.node.str()));
    const std::int64_t booted = c.model.wall_at(n->booted).time_since_epoch().count();
    json::array rows;
    for (int i = count; i > 0; --i) {
        json::object row{{"time", last - i * width}};
        if (last - i * width >= booted) {
            for (const auto& [key, value] : std::vector<std::pair<const char*, double>>{
                     {"cpu", 0.02},
                     {"maxcpu", machine::processors},
                     {"loadavg", 0.1},
                     {"iowait", 0},
                     {"netin", 0},
                     {"netout", 0},
                     {"memtotal", static_cast<double>(machine::memory_bytes)},
                     {"memused", static_cast<double>(machine::own_memory_bytes)},
                     {"swaptotal", 0},
                     {"swapused", 0},
                     {"roottotal", static_cast<double>(machine::root_bytes)},
                     {"rootused", static_cast<double>(machine::root_used_bytes)}})
                row[key] = value;
        }
        rows.push_back(std::move(row));
    }
    return ok(std::move(rows));
}

reply netstat(call& c) {
    json::array rows;
    for (const auto& [key, i] : c.model.instances())
        if (i.node == c.node)
            rows.push_back(json::object{
                {"vmid", std::to_string(i.guest.id.number())}, {"dev", "net0"}, {"in", "0"}, {"out", "0"}});
    return ok(std::move(rows));
}

reply nothing(call&) { return ok(json::array()); }

reply cpu_models(call&) {
    json::array rows;
    for (const char* name : {"host", "kvm64", "max", "qemu64", "x86-64-v2", "x86-64-v2-AES", "x86-64-v3", "x86-64-v4"})
        rows.push_back(json::object{{"name", name}, {"vendor", "default"}, {"custom", 0}});
    return ok(std::move(rows));
}

reply machines(call&) {
    json::array rows;
    for (const char* version : {"9.2", "9.0", "8.2", "8.1"})
        for (const auto& [type, word] : {std::pair("i440fx", "pc-i440fx-"), std::pair("q35", "pc-q35-")})
            rows.push_back(json::object{{"id", word + std::string(version)}, {"type", type}, {"version", version}});
    return ok(std::move(rows));
}

/// "Nov 20 20:02:58 pve1 pvedaemon[123]: <root@pam> …": what the cluster log holds of this node.
reply syslog(call& c) {
    std::vector<std::string> lines;
    for (const cluster_log::entry& e : c.model.journal().entries()) {
        if (e.node != c.node || (c.has("service") && c.get("service") != e.tag)) continue;
        const std::time_t t = e.when.time_since_epoch().count();
        std::tm parts{};
        gmtime_r(&t, &parts);
        char date[32];
        (void)std::strftime(date, sizeof date, "%b %d %H:%M:%S", &parts);
        lines.push_back(fmt::format("{} {} {}[{}]: <{}> {}", date, c.node.str(), e.tag, e.pid, e.user, e.message));
    }
    const auto start = static_cast<std::size_t>(c.number("start", 0));
    const auto limit = static_cast<std::size_t>(c.number("limit", 50));
    json::array rows;
    for (std::size_t i = start; i < lines.size() && rows.size() < limit; ++i)
        rows.push_back(json::object{{"n", i + 1}, {"t", lines[i]}});
    return ok(std::move(rows), lines.size());
}

}  // namespace

std::string node_address(const cluster& model, std::size_t index) {
    return model.nodes().size() == 1 ? "192.0.2.2" : fmt::format("10.77.0.{}", 11 + index);
}

const std::vector<route>& node_system_routes() {
    static const std::vector<route> routes = {
        {"GET", "/nodes/{node}/dns", get_dns},
        {"PUT", "/nodes/{node}/dns", put_dns},
        {"GET", "/nodes/{node}/hosts", get_hosts},
        {"POST", "/nodes/{node}/hosts", post_hosts},
        {"GET", "/nodes/{node}/network", list_network},
        {"GET", "/nodes/{node}/network/{iface}", get_interface},
        {"GET", "/nodes/{node}/subscription", subscription},
        {"GET", "/nodes/{node}/apt/versions", apt_versions},
        {"GET", "/nodes/{node}/apt/update", nothing},
        {"GET", "/nodes/{node}/rrddata", rrd_data},
        {"GET", "/nodes/{node}/netstat", netstat},
        {"GET", "/nodes/{node}/aplinfo", nothing},
        {"GET", "/nodes/{node}/replication", nothing},
        {"GET", "/nodes/{node}/capabilities/qemu/cpu", cpu_models},
        {"GET", "/nodes/{node}/capabilities/qemu/machines", machines},
        {"GET", "/nodes/{node}/syslog", syslog},
    };
    return routes;
}

}  // namespace steward::sim::api
