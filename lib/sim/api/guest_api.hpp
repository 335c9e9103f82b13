#pragma once
#include "sim/api/call.hpp"
#include "sim/model/guest_file.hpp"
#include "sim/model/guest_work.hpp"

#include <boost/json/object.hpp>

#include <optional>
#include <string>
#include <vector>

/// What the handlers of guests share. Private to lib/sim/api.
namespace steward::sim::api {

using guest_handler = reply (*)(call&, guest_id);

/// "/nodes/{node}/lxc/{vmid}" and what follows; lives for ever.
[[nodiscard]] const char* guest_path(guest_type type, const std::string& rest);

template <guest_type T, guest_handler H>
reply of_guest(call& c) {
    return H(c, c.guest(T));
}

/// The same handler for CTs and VMs.
template <guest_handler H>
void add_both(std::vector<route>& routes, const char* verb, const char* rest) {
    routes.push_back({verb, guest_path(guest_type::ct, rest), of_guest<guest_type::ct, H>});
    routes.push_back({verb, guest_path(guest_type::vm, rest), of_guest<guest_type::vm, H>});
}
template <guest_handler H>
void add_vm(std::vector<route>& routes, const char* verb, const char* rest) {
    routes.push_back({verb, guest_path(guest_type::vm, rest), of_guest<guest_type::vm, H>});
}

void add_status_routes(std::vector<route>& routes);
void add_power_routes(std::vector<route>& routes);
void add_config_routes(std::vector<route>& routes);
void add_snapshot_routes(std::vector<route>& routes);
void add_disk_routes(std::vector<route>& routes);
void add_clone_routes(std::vector<route>& routes);
void add_migrate_routes(std::vector<route>& routes);
void add_agent_routes(std::vector<route>& routes);
void add_rrd_routes(std::vector<route>& routes);

[[nodiscard]] reply task_reply(const std::string& upid);
/// 500 "CT is locked (backup)", nothing when it is not.
[[nodiscard]] std::optional<reply> refuse_locked(guest_type type, const guest_config& config);
/// 500 "cluster not ready - no quorum?"
[[nodiscard]] std::optional<reply> refuse_without_quorum(const call& c);
/// 400 for `skiplock` of anybody but root@pam himself.
[[nodiscard]] std::optional<reply> refuse_skiplock(const call& c);
[[nodiscard]] bool is_root_himself(const call& c);
/// 500 when the caller's digest is not the file's.
[[nodiscard]] std::optional<reply> refuse_changed(const call& c, guest_type type, const std::string& text);

/// POST …/lxc and …/qemu without an archive (guest_create.cpp).
[[nodiscard]] reply create_container(call& c, guest_id guest);
[[nodiscard]] reply create_machine(call& c, guest_id guest);

/// The value as the API gives it: what the schema calls integer or boolean is a number, the rest text.
[[nodiscard]] boost::json::value typed_option(pve::schema::version version, guest_type type, const std::string& key,
                                              const std::string& value);

/// 403 without SDN.Use on the bridge of a network device.
[[nodiscard]] std::optional<reply> check_bridge(const call& c, const std::string& net);
/// 403 without the privilege of each option, and on the bridges and storages that the values name.
[[nodiscard]] std::optional<reply> check_changes(const call& c, guest_id guest,
                                                 const std::map<std::string, std::string>& changes,
                                                 const std::vector<std::string>& removed);

// HA, in one place (guest_ha.cpp).
[[nodiscard]] bool is_ha_managed(const call& c, guest_id guest);
[[nodiscard]] std::string request_ha_start(call& c, guest_id guest);
[[nodiscard]] std::string request_ha_stop(call& c, guest_id guest, duration timeout);
[[nodiscard]] std::string request_ha_migration(call& c, guest_id guest, const node_name& target);
void remove_from_ha(call& c, guest_id guest);

}  // namespace steward::sim::api
