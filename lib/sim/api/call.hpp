#pragma once
#include "pve/schema/schema.hpp"
#include "sim/api/api.hpp"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

/// What the endpoint handlers share. Private to lib/sim.
namespace steward::sim::api {

/// One authenticated request that has passed its privilege check and arrived on the node that answers it.
class call {
  public:
    call(cluster& m, node_name executing, node_name named, identity from)
        : model(m), at(std::move(executing)), node(std::move(named)), who(std::move(from)) {}
    cluster& model;
    node_name at;    ///< where it runs: whose view of the cluster counts
    node_name node;  ///< the {node} of the path ("localhost" is the contacted one), without one the same as `at`
    identity who;
    time_point arrived{};                       ///< for calls that wait: since when
    std::map<std::string, std::string> path;    ///< {node}, {vmid}, … decoded
    std::map<std::string, std::string> params;  ///< checked against the schema of the call; of an array the last
    parameters all;                             ///< the same in order, with every element of an array

    const uploaded_file* upload = nullptr;  ///< nullptr: none came along

    [[nodiscard]] std::string get(const std::string& name, const std::string& fallback = {}) const;
    [[nodiscard]] std::int64_t number(const std::string& name, std::int64_t fallback) const;
    [[nodiscard]] bool flag(const std::string& name) const { return get(name) == "1"; }
    [[nodiscard]] bool has(const std::string& name) const { return params.count(name) != 0; }
    /// Every element of an array or of a comma list.
    [[nodiscard]] std::vector<std::string> list(const std::string& name) const;
    [[nodiscard]] bool may(const std::string& acl_path, std::string_view privilege) const;
    [[nodiscard]] bool may_guest(vmid id, std::string_view privilege) const;
    [[nodiscard]] guest_id guest(guest_type type) const;
    /// /etc/pve as the executing node sees it: a node without quorum has an old copy.
    [[nodiscard]] const config_files& files() const { return model.files(at); }
};

using handler = reply (*)(call&);

/// Which function answers a call of the schema. Everything else about the call (who may, where it runs, what it takes)
/// is the schema's.
class route {
  public:
    const char* method;
    const char* path;  ///< as in the schema: "/nodes/{node}/lxc/{vmid}/config"
    handler run;
};

[[nodiscard]] const std::vector<route>& access_routes();
[[nodiscard]] const std::vector<route>& resource_routes();
[[nodiscard]] const std::vector<route>& task_routes();
[[nodiscard]] const std::vector<route>& guest_routes();
[[nodiscard]] const std::vector<route>& restore_routes();
[[nodiscard]] const std::vector<route>& ha_routes();
[[nodiscard]] const std::vector<route>& ha_rule_routes();
[[nodiscard]] const std::vector<route>& bulk_routes();
[[nodiscard]] const std::vector<route>& node_status_routes();
[[nodiscard]] const std::vector<route>& node_system_routes();
[[nodiscard]] const std::vector<route>& node_service_routes();
[[nodiscard]] const std::vector<route>& cluster_options_routes();
[[nodiscard]] const std::vector<route>& cluster_config_routes();
[[nodiscard]] const std::vector<route>& notification_routes();
[[nodiscard]] const std::vector<route>& storage_config_routes();
[[nodiscard]] const std::vector<route>& storage_status_routes();
[[nodiscard]] const std::vector<route>& storage_content_routes();
[[nodiscard]] const std::vector<route>& storage_prune_routes();
[[nodiscard]] const std::vector<route>& storage_upload_routes();
[[nodiscard]] const std::vector<route>& vzdump_routes();
[[nodiscard]] const std::vector<route>& backup_job_routes();
[[nodiscard]] const std::vector<route>& firewall_routes();

[[nodiscard]] reply ok(boost::json::value data);
/// A list with its `total`.
[[nodiscard]] reply ok(boost::json::value data, std::size_t total);
/// The message is the reason phrase as well (pve-facts B.3).
[[nodiscard]] reply error(int status, const std::string& message);
[[nodiscard]] reply parameter_error(const std::map<std::string, std::string>& errors);
/// 403 "Permission check failed (/vms/101, VM.PowerMgmt)"
[[nodiscard]] reply forbidden(const std::string& acl_path, const std::string& privileges);
[[nodiscard]] reply configuration_missing(const node_name& node, guest_id guest);
/// No body, as for 401, 595, 596.
[[nodiscard]] reply bare(int status, std::string reason, duration delay);

/// Whether the contacted node's own daemons let a request in; nothing when they do (way.cpp).
[[nodiscard]] std::optional<reply> way_into(cluster& model, const request& what);
/// What stands between the contacted node and the code of a call that runs on `at`: an unknown or silent node, a
/// daemon that is out of order (pve-facts B.5). Nothing when it arrives.
[[nodiscard]] std::optional<reply> way_to(cluster& model, const request& what, const pve::schema::method& call,
                                          const node_name& at);

/// The injected misbehaviour of a contacted node, while it lasts (injection.cpp).
[[nodiscard]] std::optional<api_fault> injected_fault(cluster& model, const request& what);
/// What it answers without running the call; nothing when the call runs.
[[nodiscard]] std::optional<reply> answer_instead(const api_fault& fault);
/// What it makes of the answer to a call that ran.
void spoil(const api_fault& fault, const request& what, reply& r);

/// Not yet: the same request is to come again after `pause`.
[[nodiscard]] reply wait(duration pause);

/// The waits of a call that changes something. Nothing: go on. Else hand this reply back: it says to come again, or,
/// after PVE's patience has ended, what PVE says then. The cluster lock priv/lock/`name` (pve-facts E.4): 9 s, then
/// "PREFIXcfs-lock 'name' error: …".
[[nodiscard]] std::optional<reply> await_cluster_lock(const call& c, const std::string& name,
                                                      const std::string& prefix = {});
/// The guest's flock on its node (pve-facts E.6): 10 s, then "can't lock file '…' - got timeout".
[[nodiscard]] std::optional<reply> await_guest_lock(const call& c, guest_id guest);
/// pmxcfs, which blocks while the membership changes and refuses without quorum; `path` below /etc/pve.
[[nodiscard]] std::optional<reply> await_write(const call& c, const std::string& path);

/// 403 when the caller may not make this call (permission.cpp); `given` are all parameters, those of the path included.
[[nodiscard]] std::optional<reply> check_permission(const cluster& model, const identity& who,
                                                    const pve::schema::method& what, const parameters& given);

/// Errors by parameter name in PVE's words (pve/schema/check.hpp).
[[nodiscard]] std::map<std::string, std::string> check_parameters(const cluster& model, const pve::schema::method& what,
                                                                  const std::map<std::string, std::string>& path,
                                                                  const parameters& given);

/// The VM.Config.* privilege that changing an option takes.
[[nodiscard]] std::string privilege_of_option(guest_type type, const std::string& option);

/// 403 when one of the options may not be set; also SDN.Use for bridges.
[[nodiscard]] std::optional<reply> check_options(const call& c, guest_id guest,
                                                 const std::vector<std::string>& options);

/// The `ha` member of a guest's status/current: {"managed":0}, or with state and group.
[[nodiscard]] boost::json::object ha_object(const call& c, guest_id guest);

/// The address of a node by its position in the cluster; a stand-alone node has one of its own.
[[nodiscard]] std::string node_address(const cluster& model, std::size_t index);

/// "64" → 64, else text: PVE's configuration values are a mixture (pve-facts B.3).
[[nodiscard]] boost::json::value number_or_text(const std::string& text);

/// What a guest's tags look like after PVE has written them (pve-facts F.6).
[[nodiscard]] std::string normalised_tags(const std::string& given);

}  // namespace steward::sim::api
