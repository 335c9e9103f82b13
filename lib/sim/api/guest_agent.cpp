#include "sim/api/guest_api.hpp"
#include "sim/model/devices.hpp"

#include <boost/json/array.hpp>

#include <algorithm>
#include <fmt/core.h>

/// The agent inside a VM (pve-facts F.9). It answers when the VM is configured to have one, runs, is not paused, and
/// nobody took it away ("guest vm100 agent off").
namespace steward::sim::api {

namespace json = boost::json;

namespace {

bool is_enabled(const guest_config& config) {
    const property_list agent(config.get("agent"));
    return agent.get("") == "1" || agent.get("enabled") == "1";
}

std::optional<reply> refuse_agent(const call& c, guest_id g) {
    const auto config = c.model.config(c.node, g);
    if (!config) return configuration_missing(c.node, g);
    if (config->get("agent").empty()) return error(500, "No QEMU guest agent configured");
    const instance* i = c.model.find_instance(c.node, g);
    if (i == nullptr) return error(500, fmt::format("VM {} is not running", g.id.number()));
    const bool answers = is_enabled(*config) && !i->paused && i->service != service_state::hung &&
                         !c.model.faults().holds(g, c.node, "agent-off");
    if (!answers) return error(500, "QEMU guest agent is not running");
    return std::nullopt;
}

reply result_of(json::value value) { return ok(json::object{{"result", std::move(value)}}); }

const std::vector<std::string>& commands() {
    static const std::vector<std::string> names = {"guest-exec",
                                                   "guest-exec-status",
                                                   "guest-fsfreeze-freeze",
                                                   "guest-fsfreeze-status",
                                                   "guest-fsfreeze-thaw",
                                                   "guest-fstrim",
                                                   "guest-get-fsinfo",
                                                   "guest-get-host-name",
                                                   "guest-get-osinfo",
                                                   "guest-get-time",
                                                   "guest-get-timezone",
                                                   "guest-get-users",
                                                   "guest-get-vcpus",
                                                   "guest-info",
                                                   "guest-network-get-interfaces",
                                                   "guest-ping",
                                                   "guest-set-user-password",
                                                   "guest-shutdown",
                                                   "guest-suspend-disk",
                                                   "guest-suspend-ram"};
    return names;
}

json::value info() {
    json::array supported;
    for (const std::string& name : commands())
        supported.push_back(json::object{{"name", name}, {"enabled", true}, {"success-response", true}});
    return json::object{{"version", "7.2.13"}, {"supported_commands", std::move(supported)}};
}

json::object address(const std::string& ip, const char* type, int prefix) {
    return json::object{{"ip-address", ip}, {"ip-address-type", type}, {"prefix", prefix}};
}

json::value network_interfaces(const call& c, guest_id g, const guest_config& config) {
    json::array all{
        json::object{{"name", "lo"},
                     {"hardware-address", "00:00:00:00:00:00"},
                     {"ip-addresses", json::array{address("127.0.0.1", "ipv4", 8), address("::1", "ipv6", 128)}}}};
    int n = 0;
    for (const auto& [key, value] : config.values) {
        if (!is_net_option(key)) continue;
        std::string mac = mac_of(guest_type::vm, value);
        std::transform(mac.begin(), mac.end(), mac.begin(),
                       [](unsigned char ch) { return static_cast<char>(std::tolower(ch)); });
        std::string ip = property_list(config.get("ipconfig" + key.substr(3))).get("ip");
        int prefix = 8;
        if (const std::size_t slash = ip.find('/'); slash != std::string::npos) {
            prefix = static_cast<int>(std::strtol(ip.c_str() + slash + 1, nullptr, 10));
            ip.resize(slash);
        } else {
            const guest_options* declared = c.model.declared(g);
            ip = declared != nullptr && n == 0
                     ? declared->address
                     : fmt::format("10.{}.{}.{}", n, g.id.number() / 250 % 250, g.id.number() % 250 + 1);
        }
        all.push_back(json::object{{"name", fmt::format("ens{}", 18 + n++)},
                                   {"hardware-address", mac},
                                   {"ip-addresses", json::array{address(ip, "ipv4", prefix)}},
                                   {"statistics", json::object{{"rx-bytes", 0},
                                                               {"rx-packets", 0},
                                                               {"rx-errs", 0},
                                                               {"rx-dropped", 0},
                                                               {"tx-bytes", 0},
                                                               {"tx-packets", 0},
                                                               {"tx-errs", 0},
                                                               {"tx-dropped", 0}}}});
    }
    return all;
}

json::value os_info() {
    return json::object{{"id", "debian"},
                        {"name", "Debian GNU/Linux"},
                        {"pretty-name", "Debian GNU/Linux 12 (bookworm)"},
                        {"version", "12 (bookworm)"},
                        {"version-id", "12"},
                        {"machine", "x86_64"},
                        {"kernel-release", "6.1.0-26-amd64"},
                        {"kernel-version", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.112-1"}};
}

/// The commands that tell something or do nothing that lasts, by their name in the path.
std::optional<reply> answer_command(call& c, guest_id g, const std::string& command) {
    const guest_config config = c.model.config(c.node, g).value_or(guest_config());
    if (command == "info") return result_of(info());
    if (command == "ping" || command == "fstrim" || command == "suspend-ram" || command == "suspend-disk" ||
        command == "suspend-hybrid")
        return result_of(json::object());
    if (command == "network-get-interfaces") return result_of(network_interfaces(c, g, config));
    if (command == "get-osinfo") return result_of(os_info());
    if (command == "get-host-name") return result_of(json::object{{"host-name", config.get("name")}});
    if (command == "get-time")
        return result_of(json::value(c.model.wall_now().time_since_epoch().count() * 1000000000));
    if (command == "get-timezone") return result_of(json::object{{"zone", "UTC"}, {"offset", 0}});
    if (command == "get-users" || command == "get-memory-blocks") return result_of(json::array());
    if (command == "get-vcpus")
        return result_of(json::array{json::object{{"logical-id", 0}, {"online", true}, {"can-offline", false}}});
    if (command == "get-fsinfo")
        return result_of(json::array{
            json::object{{"name", "sda1"}, {"mountpoint", "/"}, {"type", "ext4"}, {"disk", json::array()}}});
    if (command == "fsfreeze-status") return result_of(json::value("thawed"));
    if (command == "fsfreeze-freeze" || command == "fsfreeze-thaw") return result_of(json::value(1));
    if (command == "shutdown") {
        c.model.begin_shutdown(c.node, g, c.who.name(), std::chrono::seconds(60), false);
        return result_of(json::object());
    }
    return std::nullopt;
}

template <const char* Command>
reply run(call& c, guest_id g) {
    if (auto refused = refuse_agent(c, g)) return *refused;
    return answer_command(c, g, Command).value_or(error(500, "unknown command"));
}

/// POST …/agent with the command as a parameter: what there was before each had its own path.
reply run_named(call& c, guest_id g) {
    if (auto refused = refuse_agent(c, g)) return *refused;
    const std::string command = c.get("command");
    if (auto answered = answer_command(c, g, command)) return *answered;
    return error(500, fmt::format("Agent error: The command guest-{} has not been found", command));
}

reply exec(call& c, guest_id g) {
    if (auto refused = refuse_agent(c, g)) return *refused;
    std::string line;
    for (const auto& [key, value] : c.all)
        if (key == "command") line += (line.empty() ? "" : " ") + value;
    instance* i = c.model.find_instance(c.node, g);
    i->agent_commands.push_back(line);
    return ok(json::object{{"pid", 1000 + i->agent_commands.size()}});
}

/// What was run has ended at once; only `echo` says something.
reply exec_status(call& c, guest_id g) {
    if (auto refused = refuse_agent(c, g)) return *refused;
    const instance* i = c.model.find_instance(c.node, g);
    const std::int64_t pid = c.number("pid", 0);
    if (pid <= 1000 || pid > 1000 + static_cast<std::int64_t>(i->agent_commands.size()))
        return error(500, fmt::format("Agent error: Invalid parameter 'pid'"));
    const std::string& line = i->agent_commands[static_cast<std::size_t>(pid - 1001)];
    json::object data{{"exited", 1}, {"exitcode", 0}};
    if (const std::size_t at = line.find("echo "); at != std::string::npos)
        data["out-data"] = line.substr(at + 5) + "\n";
    return ok(std::move(data));
}

#define STEWARD_AGENT_COMMANDS(X)                \
    X("GET", info, "info")                       \
    X("POST", ping, "ping")                      \
    X("GET", network, "network-get-interfaces")  \
    X("GET", osinfo, "get-osinfo")               \
    X("GET", host_name, "get-host-name")         \
    X("GET", time, "get-time")                   \
    X("GET", timezone, "get-timezone")           \
    X("GET", users, "get-users")                 \
    X("GET", vcpus, "get-vcpus")                 \
    X("GET", fsinfo, "get-fsinfo")               \
    X("GET", memory_blocks, "get-memory-blocks") \
    X("POST", fstrim, "fstrim")                  \
    X("POST", freeze, "fsfreeze-freeze")         \
    X("POST", thaw, "fsfreeze-thaw")             \
    X("POST", freeze_status, "fsfreeze-status")  \
    X("POST", shutdown, "shutdown")

#define STEWARD_NAME(verb, id, command) constexpr char name_##id[] = command;
STEWARD_AGENT_COMMANDS(STEWARD_NAME)
#undef STEWARD_NAME

}  // namespace

void add_agent_routes(std::vector<route>& routes) {
#define STEWARD_ROUTE(verb, id, command) add_vm<run<name_##id>>(routes, verb, "/agent/" command);
    STEWARD_AGENT_COMMANDS(STEWARD_ROUTE)
#undef STEWARD_ROUTE
    add_vm<run_named>(routes, "POST", "/agent");
    add_vm<exec>(routes, "POST", "/agent/exec");
    add_vm<exec_status>(routes, "GET", "/agent/exec-status");
}

}  // namespace steward::sim::api
