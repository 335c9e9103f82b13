#pragma once
#include "sim/model/cluster.hpp"
#include "sim/model/guest_file.hpp"

#include <optional>
#include <string>

/// What the workers of guests have in common.
namespace steward::sim {

/// "CT" or "VM", as PVE's sentences begin.
[[nodiscard]] const char* guest_label(guest_type type);
/// "vz" or "qm", as task types begin (pve-facts C.2).
[[nodiscard]] const char* task_prefix(guest_type type);

/// A worker "vzstart", "qmclone", … that holds the guest's flock on its node while it runs (pve-facts E.6).
[[nodiscard]] task_work guest_work(const std::string& verb, guest_id guest, duration takes);

/// "Configuration file '…' does not exist"
[[nodiscard]] std::string missing_config_text(const node_name& node, guest_id guest);
/// "CT is locked (backup)"; empty for a guest that is not.
[[nodiscard]] std::string locked_text(guest_type type, const guest_config& config);

[[nodiscard]] std::optional<guest_file> read_guest(const cluster& model, const node_name& node, guest_id guest);
/// PVE's sentence when pmxcfs refuses.
[[nodiscard]] std::string write_guest(cluster& model, const node_name& node, const guest_file& file, guest_id guest);
/// Puts `lock:` into the file, or takes it out; nothing when the file is gone.
void set_guest_lock(cluster& model, const node_name& node, guest_id guest, const std::string& lock);

/// Why a vmid cannot be used: "CT 100 already exists on node 'pve2'".
[[nodiscard]] std::string taken_text(const config_files::place& where);

}  // namespace steward::sim
