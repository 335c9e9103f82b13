#include "sim/api/storage.hpp"

#include <boost/json/object.hpp>

#include <algorithm>
#include <array>
#include <fmt/core.h>

/// /nodes/{node}/vzdump (pve-facts G.1)
namespace steward::sim::api {

namespace json = boost::json;

namespace {

/// As a shell would have to read it. The order of PVE's own line is that of a hash; this is the recorded one's (bk-04).
std::string command_line(const call& c) {
    std::vector<std::string> names = {"compress", "storage", "node", "mode"};
    for (const auto& [name, value] : c.params)
        if (name != "vmid" && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    std::string line;
    for (const std::string& word : split_list(c.get("vmid"))) line += (line.empty() ? "" : " ") + word;
    for (const std::string& name : names) {
        std::string value = name == "node" ? c.node.str() : c.get(name);
        if (name != "node" && !c.has(name)) continue;
        const bool is_plain = !value.empty() && value.find_first_of(" '\"{}\\$*?;&|<>()") == std::string::npos;
        if (!is_plain) value = "'" + value + "'";
        line += fmt::format("{}--{} {}", line.empty() ? "" : " ", name, value);
    }
    return line;
}

std::optional<reply> check_combination(const call& c) {
    for (const char* other : {"all", "exclude", "pool"})
        if (c.has("vmid") && c.has(other) && c.get(other) != "0")
            return parameter_error({{other, "option conflicts with option 'vmid'"}});
    if (c.has("prune-backups") && c.has("maxfiles"))
        return parameter_error({{"prune-backups", "option conflicts with option 'maxfiles'"}});
    const bool says_which = c.has("vmid") || c.flag("all") || c.has("pool") || c.has("exclude") || c.flag("stop");
    if (!says_which) return parameter_error({{"vmid", "property is missing"}});
    return std::nullopt;
}

std::optional<reply> check_privileges(const call& c, const storage_id& to) {
    for (const char* own : {"tmpdir", "dumpdir", "script", "job-id"})
        if (c.has(own) && !is_root(c.who)) return parameter_error({{own, "Only root may set this option."}});
    const std::string path = "/storage/" + to.str();
    if (!c.may(path, "Datastore.AllocateSpace")) return forbidden(path, "Datastore.AllocateSpace");
    if ((c.has("prune-backups") || c.has("maxfiles")) && !c.may(path, "Datastore.Allocate"))
        return forbidden(path, "Datastore.Allocate");
    for (const char* heavy : {"bwlimit", "ionice", "performance"})
        if (c.has(heavy) && !c.may("/", "Sys.Modify")) return forbidden("/", "Sys.Modify");
    if (c.flag("stop") && !c.may("/nodes/" + c.node.str(), "Sys.Modify"))
        return forbidden("/nodes/" + c.node.str(), "Sys.Modify");
    return std::nullopt;
}

/// The guests of this node that were asked for. One that nobody has counts as this node's, for the worker to complain
/// of (recorded: bk-08).
std::optional<reply> choose_guests(const call& c, std::vector<vmid>& chosen) {
    std::vector<vmid> wanted = c.has("pool") ? pool_guests(c, c.get("pool")) : std::vector<vmid>();
    for (const std::string& word : c.list("vmid")) {
        const auto id = parse_vmid(word);
        if (!id) return parameter_error({{"vmid", "invalid format - value does not look like a valid VM ID"}});
        if (!c.may_guest(*id, "VM.Backup")) return forbidden("/vms/" + to_string(*id), "VM.Backup");
        wanted.push_back(*id);
    }
    if (!c.has("vmid") && !c.has("pool") && !c.flag("stop"))
        for (const auto& p : c.model.files().guests())
            if (c.may_guest(p.guest.id, "VM.Backup")) wanted.push_back(p.guest.id);
    if (c.flag("all"))
        for (const auto& p : c.model.files().guests())
            if (c.flag("stop") && c.may_guest(p.guest.id, "VM.Backup")) wanted.push_back(p.guest.id);
    const auto excluded = c.list("exclude");
    for (const vmid id : wanted) {
        const auto place = c.model.files().find(id);
        const bool is_excluded = std::find(excluded.begin(), excluded.end(), to_string(id)) != excluded.end();
        if (!is_excluded && (!place || place->node == c.node)) chosen.push_back(id);
    }
    std::sort(chosen.begin(), chosen.end());
    chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
    return std::nullopt;
}

void stop_running_backups(call& c) {
    std::vector<std::string> running;
    for (const auto& [upid, t] : c.model.tasks())
        if (t.running() && t.node == c.node && t.work.type == "vzdump") running.push_back(upid);
    for (const std::string& upid : running) c.model.stop_task(upid);
}

std::optional<reply> read_order(const call& c, backup_order& order) {
    order.mode = c.get("mode", "snapshot");
    order.compress = c.get("compress", "0");
    if (order.compress == "1") order.compress = "lzo";
    order.notes_template = c.get("notes-template");
    order.is_protected = c.flag("protected");
    order.removes = c.get("remove", "1") == "1";
    const auto minutes = c.number("lockwait", 0);
    if (minutes > 0) order.lock_wait = std::chrono::minutes(minutes);
    std::string keep = c.get("prune-backups");
    if (c.has("maxfiles")) keep = "keep-last=" + c.get("maxfiles");
    if (!keep.empty()) {
        const auto parsed = retention::parse(keep);
        if (!parsed) return parameter_error({{"prune-backups", parsed.error().detail}});
        order.keep = *parsed;
    }
    order.command_line = command_line(c);
    return std::nullopt;
}

reply vzdump(call& c) {
    if (auto wrong = check_combination(c)) return *wrong;
    backup_order order;
    order.to = storage_id(c.get("storage", "local"));
    if (auto refused = check_privileges(c, order.to)) return *refused;
    if (auto refused = choose_guests(c, order.guests)) return *refused;
    if (auto wrong = read_order(c, order)) return *wrong;
    const storage_entry* s = c.model.storage(order.to, c.at);
    if (s != nullptr && !s->holds("backup"))
        return parameter_error({{"storage", fmt::format("storage '{}' does not support backups", order.to.str())}});
    if (s != nullptr) order.protected_limit = protected_limit(c, *s);
    if (c.flag("stop")) stop_running_backups(c);
    if (order.guests.empty() && !c.flag("all")) return ok(json::value("OK"));
    return ok(json::value(c.model.begin_backup(c.node, c.who.name(), std::move(order))));
}

reply defaults(call& c) {
    json::object data{{"all", 0},
                      {"bwlimit", 0},
                      {"compress", "0"},
                      {"dumpdir", "/var/lib/vz/dump"},
                      {"fleecing", json::object{{"enabled", 0}}},
                      {"ionice", 7},
                      {"lockwait", 180},
                      {"mailnotification", "always"},
                      {"mode", "snapshot"},
                      {"notification-mode", "auto"},
                      {"notification-policy", "always"},
                      {"performance", json::object{{"max-workers", 16}, {"pbs-entries-max", 1048576}}},
                      {"pigz", 0},
                      {"prune-backups", "keep-all=1"},
                      {"quiet", 0},
                      {"remove", 1},
                      {"stdexcludes", 1},
                      {"stop", 0},
                      {"stopwait", 10},
                      {"storage", "local"},
                      {"zstd", 1}};
    if (!c.has("storage")) return ok(std::move(data));
    const storage_id id(c.get("storage"));
    const std::string path = "/storage/" + id.str();
    if (!c.may(path, "Datastore.Audit") && !c.may(path, "Datastore.AllocateSpace"))
        return forbidden(path, "Datastore.Audit|Datastore.AllocateSpace");
    const storage_entry* s = c.model.storage(id, c.at);
    if (s == nullptr) return error(500, fmt::format("storage '{}' does not exist", id.str()));
    data["storage"] = id.str();
    data.erase("dumpdir");
    if (const std::string keep = s->get("prune-backups"); !keep.empty()) data["prune-backups"] = keep;
    return ok(std::move(data));
}

reply extract_config(call& c) {
    const volid id(c.get("volume"));
    if (id.str().find(':') == std::string::npos)
        return error(500,
                     "Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 569.");
    const auto v = parse_volume(c, id);
    if (!v) return error(500, v.error().detail);
    if (auto refused = check_volume_access(c, *v)) return *refused;
    if (c.model.is_hung(storage_of(id), c.node)) return *storage_obstacle(c, storage_of(id));
    const archive* found = c.model.find_archive(id, c.node);
    if (found == nullptr || !c.model.is_active(storage_of(id), c.node))
        return error(500, fmt::format("volume '{}' does not exist", id.str()));
    const std::string path = path_of(*c.model.storage(storage_of(id), c.at), id);
    if (found->is_encrypted && c.model.faults().holds(found->guest, c.node, "nokey"))
        return error(500, "Error: missing key - manifest was created with key 5e:ed:0f:aa:00:00:00:01");
    if (!can_be_opened(*found))
        return error(
            500,
            found->guest.type == guest_type::ct
                ? fmt::format("command 'tar -xpOf {} ./etc/vzdump/pct.conf --occurrence' failed: exit code 2", path)
                : fmt::format("command 'vma config {}' failed: exit code 255", path));
    return ok(json::value(found->config));
}

}  // namespace

const std::vector<route>& vzdump_routes() {
    static const std::vector<route> routes = {
        {"POST", "/nodes/{node}/vzdump", vzdump},
        {"GET", "/nodes/{node}/vzdump/defaults", defaults},
        {"GET", "/nodes/{node}/vzdump/extractconfig", extract_config},
    };
    return routes;
}

}  // namespace steward::sim::api
