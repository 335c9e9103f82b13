#pragma once
#include "sim/model/guest_work.hpp"

#include <string>

/// Changes of a guest's configuration: what takes effect at once, what waits for the next start, and what becomes of
/// the volumes of drives that go.
namespace steward::sim {

/// Whether a running guest takes the change without a restart.
[[nodiscard]] bool is_hotpluggable(guest_type type, const guest_config& now, const std::string& key);

/// The drive's volume becomes the next unusedN, unless the configuration names it already.
void keep_as_unused(guest_config& config, const std::string& drive);

/// Sets the option; the volume of a drive that it replaces becomes unusedN.
void set_option(guest_config& config, const std::string& key, const std::string& value);
/// Takes it away; the volume of a drive becomes unusedN, that of an unusedN is freed.
void delete_option(cluster& model, const node_name& node, guest_id guest, guest_config& config, const std::string& key);

/// What waits takes effect: at a start, or when the guest does not run.
void apply_pending(cluster& model, const node_name& node, guest_id guest);
void apply_pending(cluster& model, const node_name& node, guest_id guest, guest_file& file);

}  // namespace steward::sim
