#pragma once
#include "sim/api.hpp"

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
    call(cluster& m, node_name at, identity from) : model(m), node(std::move(at)), who(std::move(from)) {}
    cluster& model;
    node_name node;  ///< the node of the path, else the contacted one
    identity who;
    std::map<std::string, std::string> path;    ///< {node}, {vmid}, … decoded
    std::map<std::string, std::string> params;  ///< checked against the schema of the call

    [[nodiscard]] std::string get(const std::string& name, const std::string& fallback = {}) const;
    [[nodiscard]] bool flag(const std::string& name) const { return get(name) == "1"; }
    [[nodiscard]] bool has(const std::string& name) const { return params.count(name) != 0; }
    [[nodiscard]] bool may(const std::string& acl_path, std::string_view privilege) const;
    [[nodiscard]] bool may_guest(vmid id, std::string_view privilege) const;
    [[nodiscard]] guest_id guest(guest_type type) const;
};

using handler = reply (*)(call&);

class route {
  public:
    const char* method;
    const char* pattern;  ///< "/nodes/{node}/lxc/{vmid}/config"; a last "{x...}" swallows the rest
    const char* needs;    ///< "VM.Audit@/vms/{vmid}", alternatives with '|', "" for any user
    handler run;
};

[[nodiscard]] const std::vector<route>& access_routes();
[[nodiscard]] const std::vector<route>& cluster_routes();
[[nodiscard]] const std::vector<route>& node_routes();
[[nodiscard]] const std::vector<route>& task_routes();
[[nodiscard]] const std::vector<route>& guest_routes();
[[nodiscard]] const std::vector<route>& restore_routes();
[[nodiscard]] const std::vector<route>& storage_routes();

[[nodiscard]] reply ok(boost::json::value data);
/// A list with its `total`.
[[nodiscard]] reply ok(boost::json::value data, std::size_t total);
/// The message is the reason phrase as well (pve-facts B.3).
[[nodiscard]] reply error(int status, const std::string& message);
[[nodiscard]] reply parameter_error(const std::map<std::string, std::string>& errors);
/// 403 "Permission check failed (/vms/101, VM.PowerMgmt)"
[[nodiscard]] reply forbidden(const std::string& acl_path, const std::string& privileges);
[[nodiscard]] reply configuration_missing(const node_name& node, guest_id guest);

/// Errors by parameter name, as PVE 8.4 words them (pve/schema/check.hpp). What the schema does not have (GET /) takes
/// no parameters.
[[nodiscard]] std::map<std::string, std::string> check_parameters(const route& r,
                                                                  const std::map<std::string, std::string>& path,
                                                                  const parameters& given);

/// The VM.Config.* privilege that changing an option takes.
[[nodiscard]] std::string privilege_of_option(guest_type type, const std::string& option);

/// 403 when one of the options may not be set; also SDN.Use for bridges.
[[nodiscard]] std::optional<reply> check_options(const call& c, guest_id guest,
                                                 const std::vector<std::string>& options);

/// "64" → 64, else text: PVE's configuration values are a mixture (pve-facts B.3).
[[nodiscard]] boost::json::value number_or_text(const std::string& text);

/// What a guest's tags look like after PVE has written them (pve-facts F.6).
[[nodiscard]] std::string normalised_tags(const std::string& given);

}  // namespace steward::sim::api
