#include "sim/model/guest_pending.hpp"

#include "sim/model/devices.hpp"

#include <fmt/core.h>
#include <set>

namespace steward::sim {

namespace {

/// "network,disk,usb" when the VM does not say.
bool may_hotplug(const guest_config& vm, const std::string& what) {
    const std::string list = vm.get("hotplug");
    if (list == "0") return false;
    if (list.empty() || list == "1") return what != "memory" && what != "cpu";
    return ("," + list + ",").find("," + what + ",") != std::string::npos;
}

std::vector<std::string> words(const std::string& list) {
    std::vector<std::string> found;
    for (std::size_t at = 0; at < list.size();) {
        const std::size_t end = std::min(list.find(',', at), list.size());
        if (end > at) found.push_back(list.substr(at, end - at));
        at = end + 1;
    }
    return found;
}

}  // namespace

void keep_as_unused(guest_config& config, const std::string& drive) {
    const volid id = volume_of(drive);
    if (id.str().find(':') == std::string::npos || property_list(drive).get("media") == "cdrom") return;
    for (const auto& [key, named] : config.volumes())
        if (named == id) return;
    for (int n = 0;; ++n) {
        const std::string key = fmt::format("unused{}", n);
        if (!config.get(key).empty()) continue;
        config.set(key, id.str());
        return;
    }
}

bool is_hotpluggable(guest_type type, const guest_config& now, const std::string& key) {
    static const std::set<std::string> both = {"description", "onboot", "startup", "protection",
                                               "hookscript",  "tags",   "lock",    "unused"};
    static const std::set<std::string> of_ct = {"memory", "swap", "cores", "cpulimit", "cpuunits", "net", "mp"};
    static const std::set<std::string> of_vm = {"name",    "hotplug",  "shares",  "vmstatestorage",
                                                "balloon", "cpulimit", "cpuunits"};
    const std::string stem = option_stem(key);
    if (both.count(stem) != 0) return true;
    if (type == guest_type::ct) return of_ct.count(stem) != 0;
    if (of_vm.count(stem) != 0) return true;
    if (stem == "net") return may_hotplug(now, "network");
    if (stem == "scsi" || stem == "virtio") return may_hotplug(now, "disk");
    if (stem == "usb") return may_hotplug(now, "usb");
    if (stem == "memory") return may_hotplug(now, "memory");
    return (stem == "vcpus" || stem == "cores" || stem == "sockets") && may_hotplug(now, "cpu");
}

void set_option(guest_config& config, const std::string& key, const std::string& value) {
    if (key == "description") {
        config.description = encoded_description(value);
        return;
    }
    const std::string old = config.get(key);
    config.set(key, value);
    if (!is_drive_option(key) || key.starts_with("unused")) return;
    std::erase_if(config.values,
                  [&](const auto& v) { return v.first.starts_with("unused") && v.second == volume_of(value).str(); });
    if (!old.empty()) keep_as_unused(config, old);
}

void delete_option(cluster& model, const node_name& node, guest_id guest, guest_config& config,
                   const std::string& key) {
    if (key == "description") config.description.clear();
    const std::string old = config.get(key);
    if (old.empty()) return;
    config.set(key, "");
    if (!is_drive_option(key)) return;
    if (!key.starts_with("unused"))
        keep_as_unused(config, old);
    else if (volume_owner(model, node, volume_of(old)) == guest)
        model.release(volume_of(old), node);
}

void apply_pending(cluster& model, const node_name& node, guest_id guest, guest_file& file) {
    const guest_config waiting = file.pending;
    file.pending = guest_config();
    for (const std::string& key : words(waiting.get("delete"))) delete_option(model, node, guest, file.now, key);
    for (const auto& [key, value] : waiting.values)
        if (key != "delete") set_option(file.now, key, value);
    file.now.description += waiting.description;
}

void apply_pending(cluster& model, const node_name& node, guest_id guest) {
    auto file = read_guest(model, node, guest);
    if (!file) return;
    const bool was_suspended = guest.type == guest_type::vm && file->now.get("lock") == "suspended";
    if (file->pending.values.empty() && !was_suspended) return;
    apply_pending(model, node, guest, *file);
    if (was_suspended) {  // it goes on from its saved state
        if (const std::string saved = file->now.get("vmstate"); !saved.empty()) model.release(volid(saved), node);
        for (const char* key : {"lock", "vmstate", "runningmachine", "runningcpu"}) file->now.set(key, "");
    }
    (void)write_guest(model, node, *file, guest);
}

}  // namespace steward::sim
