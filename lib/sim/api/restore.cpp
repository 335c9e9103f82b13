#include "sim/api/guest_api.hpp"
#include "sim/api/storage.hpp"

#include <boost/json/value.hpp>

#include <algorithm>
#include <fmt/core.h>
#include <functional>
#include <set>

namespace steward::sim::api {

namespace {

const std::set<std::string> not_options = {
    "vmid",    "ostemplate",           "archive",      "restore",  "storage",         "force", "unique",    "start",
    "bwlimit", "ignore-unpack-errors", "live-restore", "password", "ssh-public-keys", "pool",  "ha-managed"};

bool is_disk(const std::string& name) {
    return name == "rootfs" ||
           (name.starts_with("mp") && name.size() > 2 && name.find_first_not_of("0123456789", 2) == std::string::npos);
}

/// Reading an archive: free for the guest it was made of, else with Datastore.AllocateSpace and VM.Backup of its owner
/// (pve-facts G.6 step 4).
std::optional<reply> check_archive(const call& c, const volid& id, guest_id target) {
    if (id.str().find(':') == std::string::npos && !is_root(c.who))
        return error(500,
                     "Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 569.");
    const auto v = parse_volume(c, id);
    if (!v) return error(500, v.error().detail);
    return check_volume_access(c, *v, target.id);
}

/// VM.Allocate (also of the pool), or VM.Backup for overwriting; each option's own privilege; space on the targets.
std::optional<reply> check_restore_privileges(const call& c, guest_id g, const restore_order& order) {
    const std::string vm_path = "/vms/" + to_string(g.id);
    const bool may_create =
        c.may(vm_path, "VM.Allocate") || (c.has("pool") && c.may("/pool/" + c.get("pool"), "VM.Allocate"));
    const bool may_overwrite = order.overwrite && c.may(vm_path, "VM.Backup");
    if (!may_create && !may_overwrite) return forbidden(vm_path, order.overwrite ? "VM.Backup" : "VM.Allocate");
    if (c.flag("ha-managed") && !c.may("/", "Sys.Console")) return forbidden("/", "Sys.Console");
    std::vector<std::string> options;
    for (const auto& [name, value] : order.overrides) options.push_back(name);
    if (auto refused = check_options(c, g, options)) return refused;
    if (auto refused = check_archive(c, order.from, g)) return refused;
    std::set<std::string> targets;
    if (!order.to.empty()) targets.insert(order.to.str());
    for (const auto& [name, value] : order.layout) targets.insert(value.substr(0, value.find(':')));
    for (const std::string& target : targets)
        if (!c.may("/storage/" + target, "Datastore.AllocateSpace"))
            return forbidden("/storage/" + target, "Datastore.AllocateSpace");
    return std::nullopt;
}

/// What the worker asks for once it has read the configuration (pve-facts G.6 step 7): the bridges, and for a container
/// that is privileged, or has somebody else's directory in it, more.
std::function<std::string(const guest_config&, const guest_config&)> late_checks(const call& c, guest_id g,
                                                                                 bool overwrite) {
    const auto old = overwrite ? c.model.config(c.node, g) : std::nullopt;
    const bool was_privileged = old && old->get("unprivileged") != "1";
    return [&model = c.model, who = c.who, g, was_privileged](const guest_config& saved, const guest_config& result) {
        const auto refusal = [](const std::string& path, const char* privilege) {
            return fmt::format("Permission check failed ({}, {})", path, privilege);
        };
        for (const auto& [key, value] : result.values) {
            const std::size_t at = key.starts_with("net") ? value.find("bridge=") : std::string::npos;
            if (at == std::string::npos) continue;
            const std::string path = "/sdn/zones/localnetwork/" + value.substr(at + 7, value.find(',', at) - at - 7);
            if (!model.access().has(who, path, "SDN.Use")) return refusal(path, "SDN.Use");
        }
        if (g.type != guest_type::ct) return std::string();
        for (const auto& [key, value] : saved.values)
            if (key.starts_with("mp") && value.starts_with("/") && !is_root(who))
                return std::string("Permission check failed (mount point type bind is only allowed for root@pam)");
        const bool becomes_privileged = result.get("unprivileged") != "1" && !was_privileged;
        const bool is_strict = !(model.version() < pve::schema::version{9, 0});
        if (is_strict && becomes_privileged && !model.access().has(who, "/", "Sys.Modify"))
            return refusal("/", "Sys.Modify");
        return std::string();
    };
}

std::string existing_text(const config_files::place& p) {
    return fmt::format("{} {} already exists on node '{}'", p.guest.type == guest_type::ct ? "CT" : "VM",
                       p.guest.id.number(), p.node.str());
}

/// `lock: create` is what a restore leaves when its worker is killed, and what keeps others away while it runs.
std::optional<reply> lock_for_creation(const call& c, guest_id g, bool overwrite, const std::string& what) {
    if (overwrite)
        if (auto busy = await_guest_lock(c, g)) return busy;
    if (auto busy = await_write(c, config_files::path(c.node, g))) return busy;
    guest_config config = overwrite ? c.model.config(c.node, g).value_or(guest_config()) : guest_config();
    if (const std::string lock = config.get("lock"); !lock.empty())
        return error(
            500, fmt::format("unable to {} - {} is locked ({})", what, g.type == guest_type::ct ? "CT" : "VM", lock));
    config.set("lock", "create");
    if (g.type == guest_type::vm && !overwrite) config.set("memory", "128");
    if (const auto written = c.model.files().write(c.node, g, config.text()); !written)
        return error(500, fmt::format("unable to {} - {}", what, written.error().detail));
    return std::nullopt;
}

std::optional<reply> check_target_storage(const call& c, const storage_id& to, const char* content,
                                          const char* sentence) {
    const storage_entry* s = c.model.storage(to, c.at);
    if (s != nullptr && s->is_enabled_on(c.node) && !s->holds(content))
        return parameter_error({{"storage", fmt::format("storage '{}' does not support {}", to.str(), sentence)}});
    return storage_obstacle(c, to);
}

restore_order order_of(const call& c, guest_id g, const char* archive_parameter) {
    restore_order order;
    order.guest = g;
    order.from = volid(c.get(archive_parameter));
    order.to = storage_id(c.get("storage"));
    order.start = c.flag("start");
    order.unique = c.flag("unique");
    for (const auto& [name, value] : c.params) {
        if (g.type == guest_type::ct && is_disk(name))
            order.layout[name] = value;
        else if (not_options.count(name) == 0)
            order.overrides[name] = name == "tags" ? normalised_tags(value) : value;
    }
    return order;
}

/// Nothing to take from a guest that is overwritten by somebody who may only back it up (pve-facts G.6 step 4).
void finish_order(const call& c, restore_order& order) {
    order.with_firewall = !order.overwrite || c.may("/vms/" + to_string(order.guest.id), "VM.Allocate");
    order.refusal = late_checks(c, order.guest, order.overwrite);
}

reply restore_container(call& c) {
    const auto id = parse_vmid(c.get("vmid"));
    if (!id) return parameter_error({{"vmid", "invalid format - value does not look like a valid VM ID"}});
    const guest_id g(guest_type::ct, *id);
    if (!c.flag("restore")) return create_container(c, g);
    if (!c.model.is_quorate(c.node)) return error(500, "cluster not ready - no quorum?");
    restore_order order = order_of(c, g, "ostemplate");
    if (order.to.empty()) order.to = storage_id("local");  // PVE's default, whatever the backup came from
    const auto existing = c.model.files().find(*id);
    order.overwrite =
        existing && existing->node == c.node && existing->guest == g && c.flag("restore") && c.flag("force");
    if (existing && !order.overwrite) return error(500, existing_text(*existing));
    if (order.overwrite && c.model.is_running(c.node, g)) return error(500, "can't overwrite running container");
    if (order.overwrite && c.model.config(c.node, g)->get("protection") == "1")
        return error(500, fmt::format("unable to restore CT {} - protection mode enabled", id->number()));
    if (auto refused = check_restore_privileges(c, g, order)) return *refused;
    if (auto refused = check_target_storage(c, order.to, "rootdir", "container directories")) return *refused;
    finish_order(c, order);
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
    restore_order order = order_of(c, g, "archive");
    const auto existing = c.model.files().find(*id);
    const bool is_here = existing && existing->node == c.node && existing->guest == g;
    order.overwrite = is_here && c.flag("force");
    if (auto refused = check_restore_privileges(c, g, order)) return *refused;
    const std::string what = fmt::format("restore VM {}", id->number());
    if (existing && !c.flag("force"))
        return error(500, fmt::format("unable to {} - {}", what, existing_text(*existing)));
    if (!order.to.empty())
        if (auto refused = check_target_storage(c, order.to, "images", "vm images")) return *refused;
    finish_order(c, order);
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
