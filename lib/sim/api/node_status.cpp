#include "base/sha1.hpp"
#include "sim/api/call.hpp"
#include "sim/model/machine.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <fmt/core.h>

namespace steward::sim::api {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

bool is_before_9(const call& c) { return c.model.version() < pve::schema::version{9, 0}; }

std::string package_of(const call& c) {
    return fmt::format("pve-manager/{}/{}", full_version(c.model.version()), repository_id(c.model.version()));
}

reply get_status(call& c) {
    const sim_node* n = c.model.find_node(c.node);
    const std::uint64_t used = c.model.used_memory(c.node);
    const std::string release = is_before_9(c) ? "6.8.12-9-pve" : "6.14.8-2-pve";
    const std::string build = "#1 SMP PREEMPT_DYNAMIC PMX 6.8.12-9 (2025-03-16T19:18Z)";
    json::object memory{{"total", n->memory_bytes}, {"used", used}, {"free", n->memory_bytes - used}};
    if (!is_before_9(c)) memory["available"] = n->memory_bytes - used;
    return ok(json::object{
        {"uptime", (c.model.now() - n->booted) / 1s},
        {"cpu", 0.02},
        {"wait", 0},
        {"idle", 0},
        {"loadavg", json::array{"0.10", "0.12", "0.09"}},
        {"kversion", fmt::format("Linux {} {}", release, build)},
        {"current-kernel",
         json::object{{"sysname", "Linux"}, {"release", release}, {"version", build}, {"machine", "x86_64"}}},
        {"boot-info", json::object{{"mode", "efi"}, {"secureboot", 0}}},
        {"cpuinfo", json::object{{"model", "Simulated CPU @ 2.40GHz"},
                                 {"cpus", 2},
                                 {"cores", 2},
                                 {"sockets", 1},
                                 {"mhz", "2400.000"},
                                 {"flags", "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov vmx"},
                                 {"hvm", "1"},
                                 {"user_hz", 100}}},
        {"memory", std::move(memory)},
        {"swap", json::object{{"total", 0}, {"used", 0}, {"free", 0}}},
        {"ksm", json::object{{"shared", 0}}},
        {"rootfs", json::object{{"total", machine::root_bytes},
                                {"used", machine::root_used_bytes},
                                {"free", machine::root_bytes - machine::root_used_bytes},
                                {"avail", machine::root_bytes - machine::root_used_bytes}}},
        {"pveversion", package_of(c)}});
}

/// Answers at once, and checks nothing (pve-facts D.6).
reply post_status(call& c) {
    c.model.node_switch().shut_down(c.node, c.get("command") == "reboot");
    return ok(nullptr);
}

reply get_time(call& c) {
    const auto now = c.model.wall_now(c.node).time_since_epoch().count();
    return ok(json::object{
        {"timezone", c.model.hosts().read(c.node, "/etc/timezone", "UTC")}, {"time", now}, {"localtime", now}});
}

reply put_time(call& c) {
    c.model.hosts().write(c.node, "/etc/timezone", c.get("timezone"));
    return ok(nullptr);
}

std::string config_path(const node_name& node) { return "nodes/" + node.str() + "/config"; }

/// A description is kept as comment lines, percent-encoded where it must be, like a guest's.
std::string description_of(const guest_config& config) {
    std::string text;
    for (std::size_t at = 0; at < config.description.size();) {
        const std::size_t end = std::min(config.description.find('\n', at), config.description.size());
        text += percent_decode(std::string_view(config.description).substr(at + 1, end - at - 1)) + "\n";
        at = end + 1;
    }
    return text;
}

std::string comment_of(const std::string& text) {
    std::string comment;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        comment += "#";
        for (const char ch : text.substr(at, end - at)) {
            if (ch == '%' || static_cast<unsigned char>(ch) < 0x20 || static_cast<unsigned char>(ch) > 0x7E)
                comment += fmt::format("%{:02X}", static_cast<unsigned char>(ch));
            else
                comment += ch;
        }
        comment += "\n";
        at = end + 1;
    }
    return comment;
}

reply get_config(call& c) {
    const std::string text = c.files().tree().read(config_path(c.node)).value_or("");
    const guest_config config = guest_config::parse(text);
    json::object data{{"digest", sha1_hex(text)}};
    for (const auto& [key, value] : config.values) data[key] = number_or_text(value);
    if (!config.description.empty()) data["description"] = description_of(config);
    if (const std::string only = c.get("property", "all"); only != "all") {
        json::object one{{"digest", data["digest"]}};
        if (data.contains(only)) one[only] = data[only];
        data = std::move(one);
    }
    return ok(std::move(data));
}

reply put_config(call& c) {
    const std::string lock = fmt::format("domain-{}", c.node.str());
    if (auto busy = await_cluster_lock(c, lock)) return *busy;
    const std::string text = c.files().tree().read(config_path(c.node)).value_or("");
    if (c.has("digest") && c.get("digest") != sha1_hex(text))
        return error(500, "detected modified configuration - file changed by other user? Try again.");
    guest_config config = guest_config::parse(text);
    for (const std::string& key : c.list("delete")) {
        config.set(key, "");
        if (key == "description") config.description.clear();
    }
    for (const auto& [key, value] : c.params) {
        if (key == "digest" || key == "delete") continue;
        if (key == "description")
            config.description = comment_of(value);
        else
            config.set(key, value);
    }
    c.model.files().tree().write(config_path(c.node), config.text());
    return ok(nullptr);
}

/// "mac=AA:BB:CC:DD:EE:FF,bind-interface=vmbr0" or the address alone.
std::string mac_of(const std::string& option) {
    for (std::size_t at = 0; at < option.size();) {
        const std::size_t end = std::min(option.find(',', at), option.size());
        const std::string word = option.substr(at, end - at);
        if (word.starts_with("mac=")) return word.substr(4);
        if (word.find('=') == std::string::npos) return word;
        at = end + 1;
    }
    return {};
}

/// Sent by the contacted node, which needs the target's address from its own copy of /etc/pve (pve-facts D.7).
reply wake_on_lan(call& c) {
    if (c.node == c.at) return error(500, fmt::format("'{}' is local node, cannot wake my self!", c.node.str()));
    if (c.model.find_node(c.node) == nullptr) return error(500, fmt::format("no such cluster node '{}'", c.node.str()));
    const auto config = guest_config::parse(c.files().tree().read(config_path(c.node)).value_or(""));
    const std::string mac = mac_of(config.get("wakeonlan"));
    if (mac.empty()) return error(500, fmt::format("No wake on LAN MAC address defined for '{}'!", c.node.str()));
    // A machine that cannot be reached does not hear the packet either.
    const sim_node* target = c.model.find_node(c.node);
    if (!target->powered && target->connected && c.model.find_node(c.at)->connected) c.model.node_switch().wake(c.node);
    return ok(json::value(mac));
}

}  // namespace

const std::vector<route>& node_status_routes() {
    static const std::vector<route> routes = {
        {"GET", "/nodes/{node}/status", get_status},      {"POST", "/nodes/{node}/status", post_status},
        {"GET", "/nodes/{node}/time", get_time},          {"PUT", "/nodes/{node}/time", put_time},
        {"GET", "/nodes/{node}/config", get_config},      {"PUT", "/nodes/{node}/config", put_config},
        {"POST", "/nodes/{node}/wakeonlan", wake_on_lan},
    };
    return routes;
}

}  // namespace steward::sim::api
