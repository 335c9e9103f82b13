#include "sim/api/call.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <fmt/core.h>

namespace steward::sim::api {

namespace json = boost::json;
namespace {

std::string sid(guest_id g) { return fmt::format("{}:{}", g.type == guest_type::ct ? "ct" : "vm", g.id.number()); }

json::object ha_resource(const guest_id g, const std::string& state) {
    return json::object{{"sid", sid(g)},
                        {"type", g.type == guest_type::ct ? "ct" : "vm"},
                        {"state", state},
                        {"digest", "c93418e46b0b46a2633803d011a17d7ed8ac0362"}};
}

reply ha_resources(call& c) {
    json::array rows;
    for (const auto& [g, state] : c.model.ha()) rows.push_back(ha_resource(g, state));
    return ok(std::move(rows));
}

reply one_ha_resource(call& c) {
    for (const auto& [g, state] : c.model.ha())
        if (sid(g) == c.path.at("sid")) return ok(ha_resource(g, state));
    return error(500, fmt::format("no such resource '{}'", c.path.at("sid")));
}

reply ha_status(call& c) {
    const bool quorate = c.model.is_quorate(c.node);
    json::array rows;
    rows.push_back(json::object{{"id", "quorum"},
                                {"type", "quorum"},
                                {"node", c.node.str()},
                                {"quorate", quorate ? 1 : 0},
                                {"status", quorate ? "OK" : fmt::format("No quorum on node '{}'!", c.node.str())}});
    for (const auto& [g, state] : c.model.ha()) {
        const auto where = c.model.files().find(g.id);
        const std::string node = where ? where->node.str() : "";
        rows.push_back(json::object{{"id", "service:" + sid(g)},
                                    {"type", "service"},
                                    {"sid", sid(g)},
                                    {"node", node},
                                    {"state", state},
                                    {"crm_state", state},
                                    {"request_state", state},
                                    {"max_restart", 1},
                                    {"max_relocate", 1},
                                    {"status", fmt::format("{} ({}, {})", sid(g), node, state)}});
    }
    return ok(std::move(rows));
}

}  // namespace

const std::vector<route>& cluster_routes() {
    static const std::vector<route> routes = {
        {"GET", "/cluster/ha/resources", ha_resources},
        {"GET", "/cluster/ha/resources/{sid}", one_ha_resource},
        {"GET", "/cluster/ha/status/current", ha_status},
    };
    return routes;
}

}  // namespace steward::sim::api
