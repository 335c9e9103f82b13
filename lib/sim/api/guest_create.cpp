#include "sim/model/guest_create.hpp"

#include "sim/api/guest_api.hpp"
#include "sim/model/devices.hpp"

#include <fmt/core.h>
#include <set>

/// POST …/lxc and …/qemu that make something new (the other half of them is restore.cpp).
namespace steward::sim::api {

namespace {

create_order order_of(const call& c, guest_id g) {
    static const std::set<std::string> not_options = {"vmid",
                                                      "ostemplate",
                                                      "archive",
                                                      "restore",
                                                      "storage",
                                                      "force",
                                                      "unique",
                                                      "start",
                                                      "pool",
                                                      "bwlimit",
                                                      "password",
                                                      "live-restore",
                                                      "ssh-public-keys",
                                                      "ignore-unpack-errors",
                                                      "ha-managed",
                                                      "import-working-storage"};
    create_order order;
    order.guest = g;
    order.from = volid(c.get("ostemplate"));
    order.to = storage_id(c.get("storage", "local"));
    order.start = c.flag("start");
    for (const auto& [key, value] : c.params)
        if (not_options.count(key) == 0) order.values[key] = key == "tags" ? normalised_tags(value) : value;
    return order;
}

/// VM.Allocate on the vmid or on the pool it goes to, then each option's own.
std::optional<reply> check_privileges(const call& c, guest_id g, const create_order& order) {
    const std::string path = "/vms/" + to_string(g.id);
    const bool by_pool = c.has("pool") && c.may("/pool/" + c.get("pool"), "VM.Allocate");
    if (!by_pool && !c.may(path, "VM.Allocate")) return forbidden(path, "VM.Allocate");
    if (by_pool) return std::nullopt;
    return check_changes(c, g, order.values, {});
}

/// The storages of the volumes that will be made.
std::optional<reply> check_storages(const call& c, guest_id g, const create_order& order) {
    const bool is_ct = g.type == guest_type::ct;
    std::vector<std::pair<std::string, storage_id>> wanted;
    if (is_ct && order.values.count("rootfs") == 0) wanted.emplace_back("storage", order.to);
    for (const auto& [key, value] : order.values)
        if (is_drive_option(key) && is_to_allocate(value)) wanted.emplace_back(key, storage_of(volume_of(value)));
    const char* content = is_ct ? "rootdir" : "images";
    for (const auto& [key, id] : wanted) {
        const storage_entry* s = c.model.storage(id);
        if (s == nullptr) return error(500, fmt::format("storage '{}' does not exist", id.str()));
        if (!c.may("/storage/" + id.str(), "Datastore.AllocateSpace"))
            return forbidden("/storage/" + id.str(), "Datastore.AllocateSpace");
        if (!s->holds(content))
            return is_ct ? parameter_error({{"storage", fmt::format("storage '{}' does not support container "
                                                                    "directories",
                                                                    id.str())}})
                         : error(500, fmt::format("storage '{}' does not support content-type 'images'", id.str()));
        if (!c.model.is_active(id, c.node)) return error(500, fmt::format("storage '{}' is not online", id.str()));
    }
    return std::nullopt;
}

/// Keeps the vmid while the worker makes the guest.
std::optional<reply> claim(const call& c, guest_id g) {
    if (auto refused = await_write(c, config_files::path(c.node, g))) return refused;
    guest_file file(g.type);
    file.now.set("lock", "create");
    const std::string why = write_guest(c.model, c.node, file, g);
    if (why.empty()) return std::nullopt;
    return error(500, fmt::format("unable to create {} {} - {}", guest_label(g.type), g.id.number(), why));
}

}  // namespace

reply create_container(call& c, guest_id g) {
    if (auto refused = refuse_without_quorum(c)) return *refused;
    if (const auto existing = c.files().find(g.id)) return error(500, taken_text(*existing));
    const create_order order = order_of(c, g);
    if (auto refused = check_privileges(c, g, order)) return *refused;
    if (c.get("ostemplate").find(':') == std::string::npos)
        return error(500,
                     "Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 569.");
    const storage_id from = storage_of(order.from);
    if (c.model.storage(from) == nullptr) return error(500, fmt::format("storage '{}' does not exist", from.str()));
    const std::string path = "/storage/" + from.str();
    if (!c.may(path, "Datastore.AllocateSpace") && !c.may(path, "Datastore.Audit"))
        return forbidden(path, "Datastore.AllocateSpace|Datastore.Audit");
    if (auto refused = check_storages(c, g, order)) return *refused;
    if (auto refused = claim(c, g)) return *refused;
    return task_reply(begin_creation(c.model, c.node, c.who.name(), order));
}

reply create_machine(call& c, guest_id g) {
    if (auto refused = refuse_without_quorum(c)) return *refused;
    const create_order order = order_of(c, g);
    if (auto refused = check_privileges(c, g, order)) return *refused;
    if (const auto existing = c.files().find(g.id))
        return error(500, fmt::format("unable to create VM {} - {}", g.id.number(), taken_text(*existing)));
    if (auto refused = check_storages(c, g, order)) return *refused;
    if (auto refused = claim(c, g)) return *refused;
    return task_reply(begin_creation(c.model, c.node, c.who.name(), order));
}

}  // namespace steward::sim::api
