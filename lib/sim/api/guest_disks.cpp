#include "sim/api/guest_api.hpp"
#include "sim/model/devices.hpp"
#include "sim/model/guest_pending.hpp"

#include <charconv>
#include <cmath>
#include <fmt/core.h>

/// Growing volumes and moving them to other storages.
namespace steward::sim::api {

using namespace std::chrono_literals;

namespace {

/// "+1G", "8G", "512M" → the size that a volume of `old` bytes gets.
std::uint64_t new_size(const std::string& given, std::uint64_t old) {
    const bool is_relative = given.starts_with('+');
    const char* begin = given.data() + (is_relative ? 1 : 0);
    double number = 0;
    const auto [end, ec] = std::from_chars(begin, given.data() + given.size(), number);
    if (ec != std::errc()) return old;
    const std::size_t unit = end == given.data() + given.size() ? std::string::npos : std::string("KMGT").find(*end);
    if (unit != std::string::npos) number *= static_cast<double>(1ULL << (10 * (unit + 1)));
    const auto bytes = static_cast<std::uint64_t>(std::llround(number));
    return is_relative ? old + bytes : bytes;
}

std::string check_disk(const call& c, guest_id g, const guest_config& config, const std::string& disk) {
    const std::string drive = config.get(disk);
    if (drive.empty()) return fmt::format("disk '{}' does not exist", disk);
    if (property_list(drive).get("media") == "cdrom") return "you can't resize a cdrom";
    const volid id = volume_of(drive);
    if (id.str().find(':') == std::string::npos) return fmt::format("disk '{}' has no associated volume", disk);
    if (new_size(c.get("size"), disk_size(drive)) < disk_size(drive))
        return g.type == guest_type::ct ? "unable to shrink disk size" : "shrinking disks is not supported";
    return {};
}

/// Empty when done.
std::string grow(cluster& model, const node_name& node, guest_id g, const std::string& disk, std::uint64_t bytes) {
    auto file = read_guest(model, node, g);
    if (!file) return missing_config_text(node, g);
    const std::string drive = file->now.get(disk);
    const volid id = volume_of(drive);
    auto& held = model.volumes(storage_of(id), node);
    const auto found = held.find(id);
    if (found == held.end()) return fmt::format("no such volume '{}'", id.str());
    const std::uint64_t old = found->second.bytes;
    if (bytes > old && model.available(storage_of(id), node) < bytes - old)
        return fmt::format("unable to resize: No space left on device ({})", storage_of(id).str());
    found->second.bytes = bytes;
    file->now.set(disk, with_size(drive, bytes));
    return write_guest(model, node, *file, g);
}

/// A container's is looked at before the worker begins, a VM's by the worker (recorded: ct-57, vm-30).
reply resize(call& c, guest_id g) {
    if (auto refused = refuse_skiplock(c)) return *refused;
    const auto text = c.files().read(c.node, g);
    if (!text) return configuration_missing(c.node, g);
    const auto check = [later = c, g](const std::string&) -> std::string {
        const auto now = later.model.config(later.node, g);
        if (!now) return missing_config_text(later.node, g);
        if (std::string locked = locked_text(g.type, *now); !locked.empty() && !later.flag("skiplock")) return locked;
        return check_disk(later, g, *now, later.get("disk"));
    };
    if (g.type == guest_type::ct) {
        if (auto refused = refuse_locked(g.type, guest_config::parse(*text))) return *refused;
        if (auto refused = refuse_changed(c, g.type, *text)) return *refused;
        if (const std::string why = check(""); !why.empty()) return error(500, why);
    }
    task_work w = guest_work("", g, 500ms);
    w.type = "resize";
    w.begin = check;
    if (g.type == guest_type::vm && refuse_changed(c, g.type, *text))
        w.begin = [](const std::string&) { return "checksum mismatch (file change by other user?)"; };
    w.finish = [&model = c.model, node = c.node, g, disk = c.get("disk"),
                size = c.get("size")](const std::string&) -> std::string {
        const auto now = model.config(node, g);
        if (!now) return missing_config_text(node, g);
        const std::string why = grow(model, node, g, disk, new_size(size, disk_size(now->get(disk))));
        return why.empty() ? "OK" : why;
    };
    return task_reply(c.model.start_task(c.node, c.who.name(), std::move(w)));
}

std::string move_volume(cluster& model, const node_name& node, guest_id g, const std::string& disk,
                        const storage_id& to, const std::string& format, bool removes_old) {
    auto file = read_guest(model, node, g);
    if (!file) return missing_config_text(node, g);
    const std::string drive = file->now.get(disk);
    const volid old = volume_of(drive);
    const auto fresh = model.allocate(to, node, g, volume_size(model, node, old), format);
    if (!fresh) return fresh.error().detail;
    auto& held = model.volumes(storage_of(old), node);
    model.volumes(to, node).at(*fresh).spoiled = held.count(old) != 0 && held.at(old).spoiled;
    if (removes_old)
        file->now.set(disk, with_volume(drive, *fresh));
    else
        set_option(file->now, disk, with_volume(drive, *fresh));
    if (std::string why = write_guest(model, node, *file, g); !why.empty()) {
        model.release(*fresh, node);
        return why;
    }
    if (removes_old) model.release(old, node);
    return {};
}

/// Hands the volume over under the new owner's next name; empty when done.
std::string hand_over(cluster& model, const node_name& node, guest_id from, const std::string& disk, guest_id to,
                      const std::string& target) {
    auto source = read_guest(model, node, from);
    auto receiver = read_guest(model, node, to);
    if (!source || !receiver) return missing_config_text(node, source ? to : from);
    const std::string drive = source->now.get(disk);
    const volid old = volume_of(drive);
    auto& held = model.volumes(storage_of(old), node);
    const auto found = held.find(old);
    if (found == held.end()) return fmt::format("no such volume '{}'", old.str());
    if (!receiver->now.get(target).empty()) return fmt::format("Target disk key '{}' is already in use", target);
    volume moved = found->second;
    held.erase(found);
    const std::size_t dot = old.str().rfind('.');
    const auto fresh = model.allocate(storage_of(old), node, to, moved.bytes,
                                      dot == std::string::npos ? std::string() : old.str().substr(dot + 1));
    if (!fresh) {
        held.insert_or_assign(old, moved);
        return fresh.error().detail;
    }
    moved.owner = to;
    held.insert_or_assign(*fresh, moved);
    source->now.set(disk, "");
    receiver->now.set(target, target.starts_with("unused") ? fresh->str() : with_volume(drive, *fresh));
    if (std::string why = write_guest(model, node, *receiver, to); !why.empty()) {
        held.erase(*fresh);
        moved.owner = from;
        held.insert_or_assign(old, moved);
        return why;
    }
    return write_guest(model, node, *source, from);
}

/// To another guest of the same kind on this node, instead of another storage.
reply reassign(call& c, guest_id g, const std::string& disk) {
    const bool is_ct = g.type == guest_type::ct;
    const auto id = parse_vmid(c.get("target-vmid"));
    const guest_id to(g.type, id ? *id : vmid());
    const std::string target = c.get(is_ct ? "target-volume" : "target-disk", disk);
    if (to == g) return error(500, "must be different than the source guest to reassign a volume");
    if (c.has("storage"))
        return parameter_error({{"target-vmid", "either set 'storage' or 'target-vmid', but not both"}});
    if (!c.may_guest(to.id, "VM.Config.Disk")) return forbidden("/vms/" + to_string(to.id), "VM.Config.Disk");
    for (const guest_id each : {g, to}) {
        const auto config = c.model.config(c.node, each);
        if (!config) return configuration_missing(c.node, each);
        if (auto refused = refuse_locked(each.type, *config)) return *refused;
        if (is_ct && c.model.is_running(c.node, each)) return error(500, "cannot move volumes of a running container");
    }
    if (c.model.config(c.node, g)->get(disk).empty())
        return error(500, is_ct ? fmt::format("volume '{}' doesn't exist", disk)
                                : fmt::format("disk '{}' does not exist", disk));
    task_work w = guest_work("move", g, 1s);
    if (is_ct) w.type = "move_volume";
    w.finish = [&model = c.model, node = c.node, g, disk, to, target](const std::string&) -> std::string {
        const std::string why = hand_over(model, node, g, disk, to, target);
        return why.empty() ? "OK" : why;
    };
    return task_reply(c.model.start_task(c.node, c.who.name(), std::move(w)));
}

reply move_disk(call& c, guest_id g) {
    const bool is_ct = g.type == guest_type::ct;
    const std::string disk = c.get(is_ct ? "volume" : "disk");
    const auto text = c.files().read(c.node, g);
    if (!text) return configuration_missing(c.node, g);
    if (c.has("target-vmid")) return reassign(c, g, disk);
    if (!c.has("storage"))
        return is_ct ? parameter_error({{"storage", "property is missing and it is not optional"}})
                     : error(500,
                             "Provide either a 'storage' to move the disk to or a 'target-vmid' and 'target-disk' "
                             "to move the disk to another VM");
    const storage_id to(c.get("storage"));
    if (!c.may("/storage/" + to.str(), "Datastore.AllocateSpace"))
        return forbidden("/storage/" + to.str(), "Datastore.AllocateSpace");
    if (c.model.storage(to) == nullptr) return error(500, fmt::format("storage '{}' does not exist", to.str()));
    const guest_config config = guest_config::parse(*text);
    if (auto refused = refuse_locked(g.type, config)) return *refused;
    if (auto refused = refuse_changed(c, g.type, *text)) return *refused;
    const std::string drive = config.get(disk);
    if (drive.empty())
        return error(500, is_ct ? fmt::format("volume '{}' doesn't exist", disk)
                                : fmt::format("disk '{}' does not exist", disk));
    if (storage_of(volume_of(drive)) == to && c.get("format").empty())
        return error(500, is_ct ? fmt::format("you can't move to the same storage")
                                : "you can't move to the same storage with same format");
    if (is_ct && c.model.is_running(c.node, g)) return error(500, "cannot move volumes of a running container");
    task_work w = guest_work("move", g, c.model.configured().takes.copy_disk);
    if (is_ct) w.type = "move_volume";
    w.begin = [&model = c.model, node = c.node, g](const std::string&) -> std::string {
        const auto now = model.config(node, g);
        return now ? locked_text(g.type, *now) : missing_config_text(node, g);
    };
    w.finish = [&model = c.model, node = c.node, g, disk, to, format = c.get("format"),
                removes = c.flag("delete")](const std::string&) -> std::string {
        const std::string why = move_volume(model, node, g, disk, to, format, removes);
        return why.empty() ? "OK" : "storage migration failed: " + why;
    };
    return task_reply(c.model.start_task(c.node, c.who.name(), std::move(w)));
}

/// Takes drives out of the configuration; their volumes stay as unusedN, or go with `force`.
reply unlink(call& c, guest_id g) {
    auto file = read_guest(c.model, c.node, g);
    if (!file) return configuration_missing(c.node, g);
    if (auto busy = await_guest_lock(c, g)) return *busy;
    if (auto refused = refuse_locked(g.type, file->now)) return *refused;
    if (auto refused = await_write(c, config_files::path(c.node, g))) return *refused;
    for (const std::string& disk : split_list(c.get("idlist"))) {
        const volid id = volume_of(file->now.get(disk));
        delete_option(c.model, c.node, g, file->now, disk);
        if (!c.flag("force")) continue;
        for (const auto& [key, volume] : file->now.volumes())
            if (key.starts_with("unused") && volume == id) delete_option(c.model, c.node, g, file->now, key);
    }
    if (const std::string why = write_guest(c.model, c.node, *file, g); !why.empty()) return error(500, why);
    return ok(nullptr);
}

}  // namespace

void add_disk_routes(std::vector<route>& routes) {
    add_both<resize>(routes, "PUT", "/resize");
    routes.push_back({"POST", guest_path(guest_type::ct, "/move_volume"), of_guest<guest_type::ct, move_disk>});
    add_vm<move_disk>(routes, "POST", "/move_disk");
    add_vm<unlink>(routes, "PUT", "/unlink");
}

}  // namespace steward::sim::api
