#pragma once
#include "base/result.hpp"
#include "model/snapshot.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace steward::pve::api {
class struct_table;
class raw_json;
namespace cluster {
class status_get_row;
class resources_get_row;
}  // namespace cluster
namespace nodes_storage {
class content_get_row;
}
}  // namespace steward::pve::api

/// From PVE's answers to what the rest of the program reasons about. What an answer does not say stays absent.
namespace steward::pve {

/// "running", "stopped"; QEMU's own states all mean that the process exists, no word means that nobody knows.
[[nodiscard]] model::run_state run_state_of(std::string_view word);

/// Errors: garbage, when the answer names no node.
[[nodiscard]] result<void> read_status(const std::vector<api::cluster::status_get_row>& rows,
                                       model::cluster_view& into);
void read_resource(const api::cluster::resources_get_row& row, model::cluster_view& into);
/// Archives of any guest; those whose guest cannot be told are left out.
[[nodiscard]] std::vector<model::backup> backups_of(const std::vector<api::nodes_storage::content_get_row>& rows);

/// Of lxc/{vmid}/config or qemu/{vmid}/config: every option as a text that PVE's configuration file might have; the
/// keys of property strings are in the order of the facts. Errors: garbage, without a digest.
[[nodiscard]] result<model::guest_config> config_of(const api::struct_table& table, const void* answer,
                                                    const api::raw_json& extra);
/// The text of `vzdump/extractconfig`: "key: value" lines of the head section.
[[nodiscard]] model::guest_config parse_config_text(std::string_view text);
/// The "managed" of status/current's "ha".
[[nodiscard]] bool is_managed_by_ha(const api::raw_json& ha);

/// "a;b, C" → {"a", "b", "c"}, sorted, unique (pve-facts F.6).
[[nodiscard]] std::vector<std::string> split_tags(std::string_view text);

}  // namespace steward::pve
