#include "sim/model/devices.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fmt/core.h>
#include <set>

namespace steward::sim {

namespace {

const std::set<std::string>& net_models() {
    static const std::set<std::string> models = {
        "e1000",    "e1000-82540em", "e1000-82544gc", "e1000-82545em", "e1000e",  "i82551", "i82557b",
        "i82559er", "ne2k_isa",      "ne2k_pci",      "pcnet",         "rtl8139", "virtio", "vmxnet3"};
    return models;
}

/// The GiB of "storage:SIZE", nothing for a volume that exists.
std::optional<double> gib_of(const std::string& volume) {
    const std::size_t colon = volume.find(':');
    if (colon == std::string::npos) return std::nullopt;
    double size = 0;
    const char* end = volume.data() + volume.size();
    const auto [at, ec] = std::from_chars(volume.data() + colon + 1, end, size);
    if (ec != std::errc() || at != end || size < 0) return std::nullopt;
    return size;
}

std::string volume_word(const property_list& drive) {
    for (const char* key : {"", "volume", "file"})
        if (drive.has(key)) return drive.get(key);
    return {};
}

std::string drive_text(property_list drive, const std::string& volume) {
    for (const char* key : {"volume", "file", ""}) drive.erase(key);
    drive.pairs.emplace(drive.pairs.begin(), "", volume);
    return drive.text({"mp"});
}

/// What a new volume is made as: a container without a size gets a directory of its own.
std::string wanted_format(guest_type type, const property_list& drive, std::uint64_t bytes) {
    if (type == guest_type::ct) return bytes == 0 ? "subvol" : "raw";
    return drive.has("format") ? drive.get("format") : "raw";
}

result<std::string> allocate_drive(cluster& model, const node_name& node, guest_id guest, const std::string& key,
                                   property_list drive, double gib, made_volumes& made) {
    const storage_id where = storage_of(volid(volume_word(drive)));
    auto bytes = static_cast<std::uint64_t>(std::llround(gib * (1ULL << 30U)));
    // Firmware variables and TPM states have sizes of their own, whatever was asked for.
    if (key.starts_with("efidisk") || key.starts_with("tpmstate")) bytes = 4ULL << 20U;
    const auto fresh = model.allocate(where, node, guest, bytes, wanted_format(guest.type, drive, bytes));
    if (!fresh) return fresh.error();
    made.push_back(*fresh);
    drive.erase("format");
    drive.set("size", bytes == 0 ? "0T" : size_text(bytes));
    return drive_text(std::move(drive), fresh->str());
}

}  // namespace

std::string option_stem(const std::string& key) {
    const std::size_t end = key.find_last_not_of("0123456789");
    return end == std::string::npos ? key : key.substr(0, end + 1);
}

bool is_drive_option(const std::string& key) {
    static const std::set<std::string> stems = {"rootfs", "mp",     "scsi",    "virtio",  "sata",
                                                "ide",    "unused", "efidisk", "tpmstate"};
    return key == "rootfs" || (option_stem(key) != key && stems.count(option_stem(key)) != 0);
}

bool is_net_option(const std::string& key) {
    return key.starts_with("net") && option_stem(key) == "net" && key != "net";
}

volid volume_of(const std::string& drive) { return volid(volume_word(property_list(drive))); }

std::string with_volume(const std::string& drive, const volid& to) {
    return drive_text(property_list(drive), to.str());
}

std::string with_size(const std::string& drive, std::uint64_t bytes) {
    property_list list(drive);
    list.set("size", size_text(bytes));
    return drive_text(list, volume_word(list));
}

bool is_to_allocate(const std::string& drive) { return gib_of(volume_of(drive).str()).has_value(); }

std::string canonical_net(cluster& model, guest_type type, const std::string& given) {
    property_list net(given);
    if (type == guest_type::ct) {
        if (!net.has("hwaddr")) net.set("hwaddr", model.new_mac());
        if (!net.has("type")) net.set("type", "veth");
        return net.text({"name"});
    }
    std::string kind = net.get("model");
    std::string mac = net.get("macaddr");
    for (const auto& [key, value] : net.pairs) {
        if (key.empty() && net_models().count(value) != 0) kind = value;
        if (net_models().count(key) != 0) {
            kind = key;
            mac = value;
        }
    }
    std::erase_if(net.pairs, [](const auto& p) {
        return p.first.empty() || p.first == "model" || p.first == "macaddr" || net_models().count(p.first) != 0;
    });
    std::transform(mac.begin(), mac.end(), mac.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    net.set(kind, mac.empty() ? model.new_mac() : mac);
    return net.text({kind});
}

std::string bridge_of(const std::string& net) { return property_list(net).get("bridge"); }

std::string mac_of(guest_type type, const std::string& net) {
    const property_list list(net);
    if (type == guest_type::ct) return list.get("hwaddr");
    return list.pairs.empty() ? std::string() : list.pairs.front().second;
}

void replace_macs(cluster& model, guest_config& config) {
    for (auto& [key, value] : config.values) {
        if (!is_net_option(key)) continue;
        property_list list(value);
        if (list.has("hwaddr"))
            list.set("hwaddr", model.new_mac());
        else if (!list.pairs.empty())
            list.pairs.front().second = model.new_mac();
        value = list.text({list.pairs.front().first});
    }
}

result<std::string> canonical_drive(cluster& model, const node_name& node, guest_id guest, const std::string& key,
                                    const std::string& given, made_volumes& made) {
    property_list drive(given);
    const std::string volume = volume_word(drive);
    if (drive.get("media") == "cdrom" && !volume.ends_with(":cloudinit")) return drive_text(drive, volume);
    if (volume.ends_with(":cloudinit")) {
        const auto fresh = model.allocate(storage_of(volid(volume)), node, guest, 4ULL << 20U, "cloudinit");
        if (!fresh) return fresh.error();
        made.push_back(*fresh);
        drive.set("media", "cdrom");
        return drive_text(drive, fresh->str());
    }
    if (const auto gib = gib_of(volume)) return allocate_drive(model, node, guest, key, std::move(drive), *gib, made);
    if (volume.find(':') == std::string::npos) return drive_text(drive, volume);  // a bind mount, or a device
    if (!model.has_volume(volid(volume), node))
        return fault(errc::not_found, "drive", fmt::format("volume '{}' does not exist", volume));
    if (!drive.has("size")) {
        const std::uint64_t bytes = volume_size(model, node, volid(volume));
        drive.set("size", bytes == 0 ? "0T" : size_text(bytes));
    }
    return drive_text(drive, volume);
}

void release_all(cluster& model, const node_name& node, const made_volumes& made) {
    for (const volid& id : made) model.release(id, node);
}

guest_id volume_owner(cluster& model, const node_name& node, const volid& id) {
    const auto& held = model.volumes(storage_of(id), node);
    const auto found = held.find(id);
    return found == held.end() ? guest_id() : found->second.owner;
}

std::uint64_t volume_size(cluster& model, const node_name& node, const volid& id) {
    const auto& held = model.volumes(storage_of(id), node);
    const auto found = held.find(id);
    return found == held.end() ? 0 : found->second.bytes;
}

bool can_snapshot(const cluster& model, const volid& id) {
    const storage_entry* s = model.storage(storage_of(id));
    if (s == nullptr) return false;
    static const std::set<std::string> kinds = {"lvmthin", "zfspool", "zfs", "rbd", "btrfs", "cephfs"};
    return kinds.count(s->type) != 0 || id.str().ends_with(".qcow2");
}

std::string new_uuid(cluster& model) {
    const std::uint64_t a = model.chance().next();
    const std::uint64_t b = model.chance().next();
    return fmt::format("{:08x}-{:04x}-4{:03x}-{:x}{:03x}-{:012x}", a & 0xFFFFFFFFU, a >> 32U & 0xFFFFU,
                       a >> 48U & 0xFFFU, 8U + (b >> 60U & 3U), b >> 48U & 0xFFFU, b & 0xFFFFFFFFFFFFU);
}

std::string boot_disk(const guest_config& config) {
    const std::string order = property_list(config.get("boot")).get("order");
    for (std::size_t at = 0; at < order.size();) {
        const std::size_t end = std::min(order.find(';', at), order.size());
        const std::string key = order.substr(at, end - at);
        const std::string drive = config.get(key);
        if (is_drive_option(key) && !drive.empty() && property_list(drive).get("media") != "cdrom") return key;
        at = end + 1;
    }
    for (const auto& [key, id] : config.volumes())
        if (!key.starts_with("unused") && !key.starts_with("efidisk") && !key.starts_with("tpmstate")) return key;
    return {};
}

}  // namespace steward::sim
