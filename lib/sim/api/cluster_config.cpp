#include "base/sha1.hpp"
#include "sim/api/call.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <fmt/core.h>

namespace steward::sim::api {

namespace json = boost::json;

namespace {

bool is_alone(const call& c) { return c.model.nodes().size() == 1; }

/// What corosync.conf says of a cluster as `pvecm create` makes it; every value is text there (recorded: clu-26).
json::object totem(const call& c) {
    return {{"cluster_name", c.model.configured().cluster_name},
            {"config_version", std::to_string(c.model.nodes().size())},
            {"interface", json::object{{"0", json::object{{"linknumber", "0"}}}}},
            {"ip_version", "ipv4-6"},
            {"link_mode", "passive"},
            {"secauth", "on"},
            {"version", "2"}};
}

json::array node_list(const call& c, bool for_joining) {
    json::array rows;
    const auto& nodes = c.model.nodes();
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        json::object row{{"name", nodes[i].name.str()},
                         {"nodeid", std::to_string(i + 1)},
                         {"quorum_votes", "1"},
                         {"ring0_addr", node_address(c.model, i)}};
        if (for_joining) {
            row["pve_addr"] = node_address(c.model, i);
            row["pve_fp"] = nodes[i].fingerprint;
        } else {
            row["node"] = nodes[i].name.str();
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

reply get_totem(call& c) { return is_alone(c) ? ok(nullptr) : ok(totem(c)); }
reply get_nodes(call& c) { return is_alone(c) ? ok(json::array()) : ok(node_list(c, false)); }

reply join_info(call& c) {
    if (is_alone(c)) {
        reply r = error(424, "node is not in a cluster, no join info available!");
        r.body = json::serialize(json::object{{"data", nullptr}, {"message", r.reason}});  // without the usual newline
        return r;
    }
    json::object data{
        {"totem", totem(c)}, {"nodelist", node_list(c, true)}, {"preferred_node", c.get("node", c.at.str())}};
    data["config_digest"] = sha1_hex(json::serialize(data));
    return ok(std::move(data));
}

reply api_version(call&) { return ok(json::value(1)); }
reply qdevice(call&) { return ok(json::object()); }

reply index(call&) {
    json::array rows;
    for (const char* name : {"apiversion", "nodes", "totem", "join", "qdevice"})
        rows.push_back(json::object{{"name", name}});
    return ok(std::move(rows));
}

}  // namespace

const std::vector<route>& cluster_config_routes() {
    static const std::vector<route> routes = {
        {"GET", "/cluster/config", index},
        {"GET", "/cluster/config/totem", get_totem},
        {"GET", "/cluster/config/nodes", get_nodes},
        {"GET", "/cluster/config/join", join_info},
        {"GET", "/cluster/config/apiversion", api_version},
        {"GET", "/cluster/config/qdevice", qdevice},
    };
    return routes;
}

}  // namespace steward::sim::api
