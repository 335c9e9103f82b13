#pragma once
#include "sim/model/guest_work.hpp"

#include <map>
#include <string>
#include <vector>

/// Drives, mount points and network devices of a guest as their texts in the configuration.
namespace steward::sim {

/// rootfs, mpN, scsiN, virtioN, sataN, ideN, efidiskN, tpmstateN, unusedN
[[nodiscard]] bool is_drive_option(const std::string& key);
[[nodiscard]] bool is_net_option(const std::string& key);
/// "net0" → "net": the option without its number.
[[nodiscard]] std::string option_stem(const std::string& key);

/// The drive's text with another volume: "local-lvm:vm-101-disk-0,size=8G".
[[nodiscard]] std::string with_volume(const std::string& drive, const volid& to);
/// The drive's text with another size.
[[nodiscard]] std::string with_size(const std::string& drive, std::uint64_t bytes);
[[nodiscard]] volid volume_of(const std::string& drive);
/// "storage:8" and "storage:0.5": a volume that is still to be allocated.
[[nodiscard]] bool is_to_allocate(const std::string& drive);

/// As PVE writes a network device: with a MAC address, the model or the name first, the rest by name.
[[nodiscard]] std::string canonical_net(cluster& model, guest_type type, const std::string& given);
/// "vmbr0"; empty for a device without a bridge.
[[nodiscard]] std::string bridge_of(const std::string& net);
[[nodiscard]] std::string mac_of(guest_type type, const std::string& net);
/// New MAC addresses for all network devices.
void replace_macs(cluster& model, guest_config& config);

/// What a change of drives has allocated, to take it back.
using made_volumes = std::vector<volid>;

/// A drive as PVE writes it, allocated on `node` when it says "storage:SIZE" (GiB). Errors are PVE's sentences.
[[nodiscard]] result<std::string> canonical_drive(cluster& model, const node_name& node, guest_id guest,
                                                  const std::string& key, const std::string& given, made_volumes& made);
void release_all(cluster& model, const node_name& node, const made_volumes& made);

/// As that node sees them: the same name on another node may be another volume. Nobody, and zero, for a missing one.
[[nodiscard]] guest_id volume_owner(cluster& model, const node_name& node, const volid& id);
[[nodiscard]] std::uint64_t volume_size(cluster& model, const node_name& node, const volid& id);

/// Whether snapshots of that volume are possible: by the kind of storage, on files by their format.
[[nodiscard]] bool can_snapshot(const cluster& model, const volid& id);

/// "b90a0ca8-6818-4c62-891c-5ef9317688d4"
[[nodiscard]] std::string new_uuid(cluster& model);

/// The disk that a VM boots from, by its configuration; empty without one.
[[nodiscard]] std::string boot_disk(const guest_config& config);

}  // namespace steward::sim
