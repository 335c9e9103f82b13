#include "sim/api/call.hpp"
#include "sim/api/guest_api.hpp"

#include <boost/json/value.hpp>

#include <algorithm>
#include <fmt/core.h>
#include <set>

namespace steward::sim::api {

namespace {

const std::set<std::string> not_options = {
    "vmid",    "ostemplate",           "archive",      "restore",  "storage",        "force", "unique", "start", "pool",
    "bwlimit", "ignore-unpack-errors", "live-restore", "password", "ssh-public-keys"};

std::map<std::string, std::string> overrides_of(const call& c) {
    std::map<std::string, std::string> options;
    for (const auto& [name, value] : c.params)
        if (not_options.count(name) == 0) options[name] = name == "tags" ? normalised_tags(value) : value;
    return options;
}

/// Reading an archive: free for the guest it was made of, else with Datastore.AllocateSpace and VM.Backup of its owner
/// (pve-facts G.6 step 4).
std::optional<reply> check_archive(const call& c, const volid& id, guest_id target) {
    const std::string path = "/storage/" + storage_of(id).str();
    const archive* a = c.model.find_archive(id, c.node);
    if (c.model.storage(storage_of(id)) == nullptr)
        return error(500, fmt::format("storage '{}' does not exist", storage_of(id).str()));
    if (c.may(path, "Datastore.Allocate") || a == nullptr || a->guest.id == target.id) return std::nullopt;
    if (!c.may(path, "Datastore.AllocateSpace")) return forbidden(path, "Datastore.AllocateSpace");
    if (!c.may_guest(a->guest.id, "VM.Backup")) return forbidden("/vms/" + to_string(a->guest.id), "VM.Backup");
    return std::nullopt;
}

/// VM.Allocate, or VM.Backup for overwriting; each option's own privilege; space on the target; SDN.Use for bridges.
std::optional<reply> check_restore_privileges(const call& c, guest_id g, const cluster::restore_order& order) {
    const std::string vm_path = "/vms/" + to_string(g.id);
    const char* needed = order.overwrite ? "VM.Backup" : "VM.Allocate";
    if (!c.may(vm_path, needed)) return forbidden(vm_path, needed);
    std::vector<std::string> options;
    for (const auto& [name, value] : order.overrides) options.push_back(name);
    if (auto refused = check_options(c, g, options)) return refused;
    if (auto refused = check_archive(c, order.from, g)) return refused;
    if (!order.to.empty() && !c.may("/storage/" + order.to.str(), "Datastore.AllocateSpace"))
        return forbidden("/storage/" + order.to.str(), "Datastore.AllocateSpace");
    const archive* a = c.model.find_archive(order.from, c.node);
    if (a == nullptr) return std::nullopt;
    const guest_config saved = guest_config::parse(a->config);
    for (const auto& [key, value] : saved.values) {
        if (!key.starts_with("net")) continue;
        const std::size_t at = value.find("bridge=");
        if (at == std::string::npos) continue;
        const std::string path = "/sdn/zones/localnetwork/" + value.substr(at + 7, value.find(',', at) - at - 7);
        if (!c.may(path, "SDN.Use")) return forbidden(path, "SDN.Use");
    }
    return std::nullopt;
}

std::string existing_text(const config_files::place& p) {
    return fmt::format("{} {} already exists on node '{}'", p.guest.type == guest_type::ct ? "CT" : "VM",
                       p.guest.id.number(), p.node.str());
}

/// `lock: create` is what a restore leaves when its worker is killed, and what keeps others away while it runs.
std::optional<reply> lock_for_creation(const call& c, guest_id g, bool overwrite, const std::string& what) {
    guest_config config = overwrite ? c.model.config(c.node, g).value_or(guest_config()) : guest_config();
    if (const std::string lock = config.get("lock"); !lock.empty())
        return error(
            500, fmt::format("unable to {} - {} is locked ({})", what, g.type == guest_type::ct ? "CT" : "VM", lock));
    config.set("lock", "create");
    if (const auto written = c.model.files().write(c.node, g, config.text()); !written)
        return error(500, fmt::format("unable to {} - {}", what, written.error().detail));
    return std::nullopt;
}

std::optional<reply> check_target_storage(const call& c, const storage_id& to, const char* content,
                                          const char* sentence) {
    const storage_entry* s = c.model.storage(to);
    if (s == nullptr) return error(500, fmt::format("storage '{}' does not exist", to.str()));
    if (!s->holds(content))
        return parameter_error({{"storage", fmt::format("storage '{}' does not support {}", to.str(), sentence)}});
    if (!c.model.is_active(to, c.node)) return error(500, fmt::format("storage '{}' is not online", to.str()));
    return std::nullopt;
}

cluster::restore_order order_of(const call& c, guest_id g, const char* archive_parameter) {
    cluster::restore_order order;
    order.guest = g;
    order.from = volid(c.get(archive_parameter));
    order.to = storage_id(c.get("storage"));
    order.start = c.flag("start");
    order.unique = c.flag("unique");
    order.overrides = overrides_of(c);
    return order;
}

reply restore_container(call& c) {
    const auto id = parse_vmid(c.get("vmid"));
    if (!id) return parameter_error({{"vmid", "invalid format - value does not look like a valid VM ID"}});
    const guest_id g(guest_type::ct, *id);
    if (!c.flag("restore")) return create_container(c, g);
    if (!c.model.is_quorate(c.node)) return error(500, "cluster not ready - no quorum?");
    cluster::restore_order order = order_of(c, g, "ostemplate");
    if (order.to.empty()) order.to = storage_id("local");  // PVE's default, whatever the backup came from
    const auto existing = c.model.files().find(*id);
    order.overwrite =
        existing && existing->node == c.node && existing->guest == g && c.flag("restore") && c.flag("force");
    if (existing && !order.overwrite) return error(500, existing_text(*existing));
    if (order.overwrite && c.model.is_running(c.node, g)) return error(500, "can't overwrite running container");
    if (order.overwrite && c.model.config(c.node, g)->get("protection") == "1")
        return error(500, fmt::format("unable to restore CT {} - protection mode enabled", id->number()));
    if (c.get("ostemplate").find(':') == std::string::npos)
        return error(500,
                     "Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 569.");
    if (auto refused = check_restore_privileges(c, g, order)) return *refused;
    if (auto refused = check_target_storage(c, order.to, "rootdir", "container directories")) return *refused;
    if (auto refused = lock_for_creation(c, g, order.overwrite, fmt::format("restore CT {}", id->number())))
        return *refused;
    return ok(boost::json::value(c.model.begin_restore(c.node, c.who.name(), std::move(order))));
}

reply restore_machine(call& c) {
    const auto id = parse_vmid(c.get("vmid"));
    if (!id) return parameter_error({{"vmid", "invalid format - value does not look like a valid VM ID"}});
    const guest_id g(guest_type::vm, *id);
    if (!c.has("archive")) return create_machine(c, g);
    for (const auto& [name, value] : c.params)
        for (const std::string_view drive : {"scsi", "virtio", "sata", "ide", "efidisk"})
            if (name.starts_with(drive) && name != "scsihw")
                return parameter_error({{name, "option conflicts with option 'archive'"}});
    if (!c.model.is_quorate(c.node)) return error(500, "cluster not ready - no quorum?");
    cluster::restore_order order = order_of(c, g, "archive");
    const auto existing = c.model.files().find(*id);
    const bool is_here = existing && existing->node == c.node && existing->guest == g;
    order.overwrite = is_here && c.flag("force");
    if (auto refused = check_restore_privileges(c, g, order)) return *refused;
    const std::string what = fmt::format("restore VM {}", id->number());
    if (existing && !c.flag("force"))
        return error(500, fmt::format("unable to {} - {}", what, existing_text(*existing)));
    if (!order.to.empty())
        if (auto refused = check_target_storage(c, order.to, "images", "vm images")) return *refused;
    if (order.overwrite && c.model.is_running(c.node, g))
        return error(500, fmt::format("unable to {} - vm is running", what));
    if (auto refused = lock_for_creation(c, g, order.overwrite, what)) return *refused;
    return ok(boost::json::value(c.model.begin_restore(c.node, c.who.name(), std::move(order))));
}

}  // namespace

const std::vector<route>& restore_routes() {
    static const std::vector<route> routes = {
        {"POST", "/nodes/{node}/lxc", restore_container},
        {"POST", "/nodes/{node}/qemu", restore_machine},
    };
    return routes;
}

}  // namespace steward::sim::api
