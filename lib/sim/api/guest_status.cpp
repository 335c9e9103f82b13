#include "sim/api/guest_api.hpp"
#include "sim/api/guest_load.hpp"
#include "sim/model/devices.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <fmt/core.h>

/// What runs, as the node itself measures it (pve-facts F.1, F.2). What is measured is made up, but always the same.
namespace steward::sim::api {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

std::uint64_t seconds_up(const call& c, const instance* i) {
    return i == nullptr ? 0 : static_cast<std::uint64_t>((c.model.now() - i->started) / 1s);
}

bool has_network(const guest_config& config) {
    return std::any_of(config.values.begin(), config.values.end(),
                       [](const auto& v) { return is_net_option(v.first); });
}

void add_container(const guest_config& config, json::object& row) {
    row["type"] = "lxc";
    row["swap"] = 0;
    row["maxswap"] = number_of(config, "swap", 512) << 20U;
    row["diskread"] = 0;
}

/// A system reads a little when it boots.
std::uint64_t bytes_read(const call& c, const instance* i) { return seconds_up(c, i) < 2 ? 0 : 1536; }

json::object status_row(const call& c, guest_id g, const guest_config& config) {
    const instance* i = c.model.find_instance(c.node, g);
    json::object row{{"vmid", static_cast<std::int64_t>(g.id.number())},
                     {"status", i != nullptr ? "running" : "stopped"},
                     {"cpu", seconds_up(c, i) > 0 ? json::value(0.0006) : json::value(0)},
                     {"uptime", seconds_up(c, i)}};
    const std::uint64_t traffic = has_network(config) ? seconds_up(c, i) : 0;
    row["netin"] = traffic * 120;
    row["netout"] = traffic * 60;
    const guest_load load(g, config, i != nullptr);
    row["name"] = load.name;
    row["cpus"] = load.processors;
    row["maxmem"] = load.memory_bytes;
    row["mem"] = load.used_memory_bytes;
    row["maxdisk"] = load.disk_bytes;
    row["disk"] = load.used_disk_bytes;
    row["diskwrite"] = 0;
    if (g.type == guest_type::ct) {
        add_container(config, row);
    } else {
        row["diskread"] = load.boot_disk.empty() ? 0 : bytes_read(c, i);
        if (!config.get("serial0").empty()) row["serial"] = 1;
    }
    if (i != nullptr) row["pid"] = i->pid;
    for (const char* key : {"lock", "tags"})
        if (const std::string value = config.get(key); !value.empty()) row[key] = value;
    if (config.get("template") == "1") row["template"] = 1;
    return row;
}

json::object block_counters(const call& c, const instance* i, bool is_boot_disk) {
    json::object row{{"account_failed", true}, {"account_invalid", true}, {"timed_stats", json::array()}};
    for (const char* key : {"failed_flush_operations",
                            "failed_rd_operations",
                            "failed_unmap_operations",
                            "failed_wr_operations",
                            "flush_operations",
                            "flush_total_time_ns",
                            "invalid_flush_operations",
                            "invalid_rd_operations",
                            "invalid_unmap_operations",
                            "invalid_wr_operations",
                            "rd_bytes",
                            "rd_merged",
                            "rd_operations",
                            "rd_total_time_ns",
                            "unmap_bytes",
                            "unmap_merged",
                            "unmap_operations",
                            "unmap_total_time_ns",
                            "wr_bytes",
                            "wr_highest_offset",
                            "wr_merged",
                            "wr_operations",
                            "wr_total_time_ns"})
        row[key] = 0;
    if (!is_boot_disk || bytes_read(c, i) == 0) return row;
    row["rd_bytes"] = bytes_read(c, i);
    row["rd_operations"] = bytes_read(c, i) / 512;
    row["rd_total_time_ns"] = 7593254;
    row["idle_time_ns"] = (seconds_up(c, i) - 1) * 1000000000;
    return row;
}

/// What only QEMU itself can say.
void ask_machine(const call& c, guest_id g, const guest_config& config, const instance& i, json::object& row) {
    const qemu_options& qemu = c.model.configured().qemu;
    row["qmpstatus"] = i.paused ? "paused" : "running";
    row["running-qemu"] = qemu.version;
    row["running-machine"] = config.get("machine").empty() ? qemu.machine : config.get("machine");
    json::object support;
    if (qemu.is_proxmox)
        support = {{"backup-fleecing", true},         {"backup-max-workers", true},
                   {"pbs-dirty-bitmap", true},        {"pbs-dirty-bitmap-migration", true},
                   {"pbs-dirty-bitmap-savevm", true}, {"pbs-library-version", "1.5.1 (UNKNOWN)"},
                   {"pbs-masterkey", true},           {"query-bitmap-info", true}};
    row["proxmox-support"] = std::move(support);
    if (qemu.is_proxmox && config.get("balloon") != "0") {
        const std::uint64_t all = guest_load(g, config, true).memory_bytes;
        row["balloon"] = all;
        row["ballooninfo"] = json::object{{"actual", all}, {"max_mem", all}, {"last_update", 0}};
    }
    json::object blocks;
    const std::string boot = boot_disk(config);
    for (const auto& [key, id] : config.volumes())
        if (!key.starts_with("unused")) blocks[key] = block_counters(c, &i, key == boot);
    row["blockstat"] = std::move(blocks);
    json::object nics;
    for (const auto& [key, value] : config.values)
        if (is_net_option(key))
            nics[fmt::format("tap{}i{}", g.id.number(), key.substr(3))] =
                json::object{{"netin", row["netin"]}, {"netout", row["netout"]}};
    if (!nics.empty()) row["nics"] = std::move(nics);
}

void add_details(const call& c, guest_id g, const guest_config& config, json::object& row) {
    if (g.type == guest_type::ct) return;
    row["qmpstatus"] = "stopped";
    if (const instance* i = c.model.find_instance(c.node, g)) ask_machine(c, g, config, *i, row);
}

template <guest_type T>
reply list(call& c) {
    json::array rows;
    for (const auto& p : c.files().guests()) {
        if (p.node != c.node || p.guest.type != T || !c.may_guest(p.guest.id, "VM.Audit")) continue;
        const auto config = c.model.config(c.node, p.guest);
        if (!config) continue;
        json::object row = status_row(c, p.guest, *config);
        if (c.flag("full")) add_details(c, p.guest, *config, row);
        rows.push_back(std::move(row));
    }
    return ok(std::move(rows));
}

reply current(call& c, guest_id g) {
    const auto config = c.model.config(c.node, g);
    if (!config) return configuration_missing(c.node, g);
    json::object row = status_row(c, g, *config);
    add_details(c, g, *config, row);
    row["ha"] = ha_object(c, g);
    if (g.type == guest_type::ct) return ok(std::move(row));
    if (const std::string vga = config->get("vga"); !vga.empty()) {
        const std::string clipboard = property_list(vga).get("clipboard");
        row["clipboard"] = clipboard.empty() ? json::value(nullptr) : json::value(clipboard);
        if (vga.find("qxl") != std::string::npos || vga.starts_with("virtio")) row["spice"] = 1;
    }
    const property_list agent(config->get("agent"));
    if (agent.get("") == "1" || agent.get("enabled") == "1") row["agent"] = 1;
    return ok(std::move(row));
}

json::object address_row(const std::string& address, const char* type) {
    const std::size_t slash = address.find('/');
    return json::object{{"ip-address", address.substr(0, slash)},
                        {"ip-address-type", type},
                        {"prefix", std::strtol(address.c_str() + slash + 1, nullptr, 10)}};
}

/// fe80::be24:11ff:fe… : what Linux makes of a MAC address.
std::string link_local(const std::string& mac) {
    unsigned b[6] = {};
    for (std::size_t i = 0; i < 6 && i * 3 + 2 <= mac.size(); ++i)
        b[i] = static_cast<unsigned>(std::strtoul(mac.substr(i * 3, 2).c_str(), nullptr, 16));
    return fmt::format("fe80::{:x}:{:x}:{:x}:{:x}/64", (b[0] ^ 2U) << 8U | b[1], b[2] << 8U | 0xffU, 0xfe00U | b[3],
                       b[4] << 8U | b[5]);
}

json::object interface_row(const call& c, const std::string& name, const std::string& mac,
                           const std::vector<std::string>& v4, const std::vector<std::string>& v6) {
    json::object row{{"name", name}, {"hwaddr", mac}};
    if (!v4.empty()) row["inet"] = v4.back();
    if (!v6.empty()) row["inet6"] = v6.back();
    if (c.model.version() < pve::schema::version{8, 4}) return row;
    row["hardware-address"] = mac;
    json::array all;
    for (const std::string& address : v4) all.push_back(address_row(address, "inet"));
    for (const std::string& address : v6) all.push_back(address_row(address, "inet6"));
    row["ip-addresses"] = std::move(all);
    return row;
}

reply interfaces(call& c, guest_id g) {
    const auto config = c.model.config(c.node, g);
    if (!config) return configuration_missing(c.node, g);
    if (!c.model.is_running(c.node, g)) return ok(nullptr);
    json::array rows{interface_row(c, "lo", "00:00:00:00:00:00", {"127.0.0.1/8"}, {"::1/128"})};
    for (const auto& [key, value] : config->values) {
        if (!is_net_option(key)) continue;
        const property_list net(value);
        std::string mac = net.get("hwaddr");
        std::transform(mac.begin(), mac.end(), mac.begin(),
                       [](unsigned char ch) { return static_cast<char>(std::tolower(ch)); });
        std::vector<std::string> v4;
        if (net.get("ip").find('/') != std::string::npos) v4.push_back(net.get("ip"));
        if (net.get("ip") == "dhcp")
            v4.push_back(fmt::format("10.0.{}.{}/16", g.id.number() / 250 % 250, g.id.number() % 250 + 1));
        std::vector<std::string> v6;
        if (net.get("ip6").find('/') != std::string::npos) v6.push_back(net.get("ip6"));
        v6.push_back(link_local(mac));
        rows.push_back(interface_row(c, net.get("name"), mac, v4, v6));
    }
    return ok(std::move(rows));
}

}  // namespace

void add_status_routes(std::vector<route>& routes) {
    routes.push_back({"GET", "/nodes/{node}/lxc", list<guest_type::ct>});
    routes.push_back({"GET", "/nodes/{node}/qemu", list<guest_type::vm>});
    add_both<current>(routes, "GET", "/status/current");
    routes.push_back({"GET", guest_path(guest_type::ct, "/interfaces"), of_guest<guest_type::ct, interfaces>});
}

}  // namespace steward::sim::api
