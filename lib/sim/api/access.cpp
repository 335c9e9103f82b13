#include "sim/api/call.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <set>

namespace steward::sim::api {

namespace json = boost::json;

namespace {

/// What the ticket's `cap` lists, by area (pve-facts A.1).
json::object capabilities(const call& c, const identity& who) {
    static const std::vector<std::pair<const char*, const char*>> areas = {
        {"vms", "/vms"}, {"access", "/access"}, {"storage", "/storage"}, {"nodes", "/nodes"},
        {"sdn", "/sdn"}, {"dc", "/"},           {"mapping", "/mapping"}};
    json::object cap;
    for (const auto& [area, path] : areas) {
        json::object held;
        for (const auto& [privilege, propagate] : c.model.access().privileges(who, path)) held[privilege] = 1;
        cap[area] = std::move(held);
    }
    return cap;
}

reply version(call&) {
    return ok(json::object{{"release", "8.4"}, {"version", "8.4.1"}, {"repoid", "2a5fa54a8503f96d"}});
}

reply nothing(call&) { return ok(nullptr); }

reply domains(call&) {
    return ok(
        json::array{json::object{{"realm", "pam"}, {"type", "pam"}, {"comment", "Linux PAM standard authentication"}},
                    json::object{{"realm", "pve"}, {"type", "pve"}, {"comment", "Proxmox VE authentication server"}}});
}

reply create_ticket(call& c) {
    std::string user = c.get("username");
    if (user.find('@') == std::string::npos && c.has("realm")) user += "@" + c.get("realm");
    const wall_time now = c.model.wall_now();
    if (!c.model.access().verify_password(user, c.get("password"), now)) {
        reply refused = error(401, "authentication failure");
        refused.delay = std::chrono::seconds(3);
        return refused;
    }
    const identity who(user);
    json::object data{{"username", user},
                      {"ticket", c.model.access().make_ticket(user, now)},
                      {"CSRFPreventionToken", c.model.access().make_csrf(user, now)},
                      {"cap", capabilities(c, who)}};
    if (c.model.access().has(who, "/", "Sys.Audit")) data["clustername"] = c.model.configured().cluster_name;
    return ok(std::move(data));
}

reply permissions(call& c) {
    identity asked = c.who;
    if (c.has("userid") && c.get("userid") != c.who.name()) {
        if (!c.may("/access", "Sys.Audit")) return forbidden("/access", "Sys.Audit");
        const std::string id = c.get("userid");
        const std::size_t bang = id.find('!');
        asked = identity(id.substr(0, bang));
        if (bang != std::string::npos) asked.token = id;
    }
    std::vector<std::string> paths = c.model.access().known_paths();
    if (c.has("path")) paths = {c.get("path")};
    json::object by_path;
    for (const std::string& path : paths) {
        json::object held;
        for (const auto& [privilege, propagate] : c.model.access().privileges(asked, path))
            held[privilege] = propagate ? 1 : 0;
        if (!held.empty() || c.has("path")) by_path[path] = std::move(held);
    }
    return ok(std::move(by_path));
}

}  // namespace

const std::vector<route>& access_routes() {
    static const std::vector<route> routes = {
        {"GET", "/version", version},
        {"GET", "/nodes/{node}/version", version},
        {"GET", "/access/domains", domains},
        {"GET", "/access/ticket", nothing},
        {"POST", "/access/ticket", create_ticket},
        {"GET", "/access/permissions", permissions},
    };
    return routes;
}

}  // namespace steward::sim::api
