#include "base/sha1.hpp"
#include "sim/api/call.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include <ctime>
#include <fmt/core.h>

namespace steward::sim::api {

namespace json = boost::json;

namespace {

constexpr const char* resources_file = "ha/resources.cfg";
constexpr const char* lock = "domain-ha";
constexpr std::int64_t stale_after = 30;  // seconds, pve-facts I.3
constexpr std::int64_t drift_after = 2;
constexpr const char* modified = "detected modified configuration - file changed by other user? Try again.";

std::string resources_text(const call& c) { return c.files().tree().read(resources_file).value_or(""); }

std::string sid_of(const config_section& s) { return s.type + ":" + s.id; }

/// The resource of the path; a bare vmid names it too.
const config_section* find(const section_config& all, const std::string& sid) {
    const std::size_t colon = sid.find(':');
    const config_section* found = all.find(colon == std::string::npos ? sid : sid.substr(colon + 1));
    return found != nullptr && (colon == std::string::npos || sid_of(*found) == sid) ? found : nullptr;
}

json::object row_of(const config_section& s, const std::string& digest) {
    json::object row{{"sid", sid_of(s)}, {"type", s.type}, {"digest", digest}};
    for (const auto& [key, value] : s.values)
        row[key] = key == "comment" || key == "group" || key == "state" ? json::value(value) : number_or_text(value);
    return row;
}

reply list_resources(call& c) {
    const std::string text = resources_text(c);
    json::array rows;
    for (const config_section& s : section_config::parse(text).sections)
        if (!c.has("type") || c.get("type") == s.type) rows.push_back(row_of(s, sha1_hex(text)));
    return ok(std::move(rows));
}

reply no_such_resource(const std::string& sid) { return error(500, fmt::format("no such resource '{}'", sid)); }

reply get_resource(call& c) {
    const std::string text = resources_text(c);
    const section_config all = section_config::parse(text);
    const config_section* s = find(all, c.path.at("sid"));
    if (s == nullptr) return no_such_resource(c.path.at("sid"));
    return ok(row_of(*s, sha1_hex(text)));
}

std::optional<reply> check_group(const call& c) {
    if (!c.has("group")) return std::nullopt;
    if (ha_config::read(c.files().tree()).groups.find(c.get("group")) != nullptr) return std::nullopt;
    return error(500, fmt::format("HA group '{}' does not exist", c.get("group")));
}

void take_values(const call& c, config_section& into) {
    for (const char* key : {"state", "group", "comment", "max_restart", "max_relocate", "failback"})
        if (c.has(key)) into.values[key] = c.get(key) == "enabled" ? "started" : c.get(key);
}

reply add_resource(call& c) {
    const std::string given = c.get("sid");
    auto guest = parse_sid(given);
    if (!guest) return error(500, fmt::format("unable to parse resource id '{}'", given));
    const auto place = c.files().find(guest->id);
    if (given.find(':') == std::string::npos && place) guest = place->guest;
    const std::string sid = steward::sim::sid_of(*guest);
    if (!place || place->guest != *guest)
        return error(500, fmt::format("resource '{}' does not exist in cluster", sid));
    if (auto refused = check_group(c)) return *refused;
    const std::string prefix = "create resource failed: ";
    if (auto busy = await_cluster_lock(c, lock, prefix)) return *busy;
    section_config all = section_config::parse(resources_text(c));
    if (find(all, sid) != nullptr) return error(500, fmt::format("{}resource ID '{}' already defined", prefix, sid));
    config_section& added = all.sections.emplace_back(sid.substr(0, 2), to_string(guest->id));
    added.values["state"] = "started";
    take_values(c, added);
    c.model.ha().write(resources_file, all.text());
    c.model.ha().wake();
    return ok(nullptr);
}

reply update_resource(call& c) {
    const std::string sid = c.path.at("sid");
    if (auto refused = check_group(c)) return *refused;
    const std::string prefix = "update resources config failed: ";
    if (auto busy = await_cluster_lock(c, lock, prefix)) return *busy;
    const std::string text = resources_text(c);
    section_config all = section_config::parse(text);
    if (find(all, sid) == nullptr) return error(500, fmt::format("{}no such resource '{}'", prefix, sid));
    if (c.has("digest") && c.get("digest") != sha1_hex(text)) return error(500, prefix + modified);
    config_section& changed = *all.find(find(all, sid)->id);
    for (const std::string& key : c.list("delete")) changed.values.erase(key);
    take_values(c, changed);
    c.model.ha().write(resources_file, all.text());
    c.model.ha().wake();
    return ok(nullptr);
}

reply remove_resource(call& c) {
    const std::string sid = c.path.at("sid");
    const section_config all = section_config::parse(resources_text(c));
    const config_section* s = find(all, sid);
    if (s == nullptr) return error(500, fmt::format("cannot delete service '{}', not HA managed!", sid));
    if (auto busy = await_cluster_lock(c, lock, "delete resource failed: ")) return *busy;
    c.model.ha().remove(*parse_sid(sid_of(*s)), c.get("purge", "1") == "1");
    return ok(nullptr);
}

/// Only a line for the CRM: whether it can be done is seen a round later.
reply move_resource(call& c, const char* how) {
    const section_config all = section_config::parse(resources_text(c));
    const config_section* s = find(all, c.path.at("sid"));
    if (s == nullptr) return no_such_resource(c.path.at("sid"));
    const std::string sid = sid_of(*s);
    const ha_view ha(c.model, c.at);
    const auto service = ha.status->services.find(sid);
    if (service != ha.status->services.end() && service->second.state == "error")
        return error(500, fmt::format("service '{}' in error state, must be disabled and fixed first", sid));
    if (auto busy = await_cluster_lock(c, lock)) return *busy;
    c.model.ha().command(fmt::format("{} {} {}", how, sid, c.get("node")));
    if (c.model.version() < pve::schema::version{9, 0}) return ok(nullptr);
    return ok(json::object{{"sid", sid}, {"requested-node", c.get("node")}});
}

reply migrate_resource(call& c) { return move_resource(c, "migrate"); }
reply relocate_resource(call& c) { return move_resource(c, "relocate"); }

/// "Fri Nov 20 20:02:58 2026"
std::string date_of(std::int64_t seconds) {
    const std::time_t t = seconds;
    std::tm parts{};
    gmtime_r(&t, &parts);
    char text[32];
    (void)std::strftime(text, sizeof text, "%a %b %e %H:%M:%S %Y", &parts);
    return text;
}

/// What the age of a daemon's last word says about it; `alive` for a fresh one.
std::string opinion(const call& c, std::int64_t timestamp, const std::string& alive) {
    const std::int64_t age = c.model.wall_now().time_since_epoch().count() - timestamp;
    if (age > stale_after) return "old timestamp - dead?";
    return age < -drift_after ? "detected time drift!" : alive;
}

json::object quorum_row(const call& c) {
    const bool quorate = c.model.is_quorate(c.at);
    return {{"id", "quorum"},
            {"type", "quorum"},
            {"node", c.at.str()},
            {"quorate", quorate ? 1 : 0},
            {"status", quorate ? "OK" : fmt::format("No quorum on node '{}'!", c.at.str())}};
}

json::object master_row(const call& c, const ha_view& ha) {
    const std::string& name = ha.status->master.str();
    std::string text = opinion(c, ha.status->timestamp, "active");
    if (ha.status->services.empty() && text != "active") text = "idle";
    return {{"id", "master"},
            {"type", "master"},
            {"node", name},
            {"timestamp", ha.status->timestamp},
            {"status", fmt::format("{} ({}, {})", name, text, date_of(ha.status->timestamp))}};
}

json::object lrm_row(const call& c, const ha_view& ha, const node_name& node) {
    json::object row{{"id", "lrm:" + node.str()}, {"type", "lrm"}, {"node", node.str()}};
    const auto text = c.files().tree().read(ha_lrm_status::path(node));
    if (!text) {
        row["status"] = node.str() + " (unable to read lrm status)";
        return row;
    }
    const ha_lrm_status lrm = ha_lrm_status::parse(*text);
    bool has_services = false;
    for (const auto& [sid, s] : ha.status->services) has_services = has_services || s.node == node;
    std::string state = lrm.state == "wait_for_agent_lock" && !has_services ? "idle" : lrm.state;
    if (lrm.mode == "maintenance") state = "maintenance mode";
    row["timestamp"] = lrm.timestamp;
    row["status"] = fmt::format("{} ({}, {})", node.str(), opinion(c, lrm.timestamp, state), date_of(lrm.timestamp));
    return row;
}

json::object service_row(const call& c, const ha_view& ha, const ha_resource& r) {
    const std::string sid = steward::sim::sid_of(r.guest);
    const auto s = ha.status->services.find(sid);
    const auto place = c.files().find(r.guest.id);
    const bool is_known = s != ha.status->services.end();
    const std::string node = is_known ? s->second.node.str() : place ? place->node.str() : std::string();
    const std::string state = ha.state_of(r.guest);
    json::object row{{"id", "service:" + sid},
                     {"type", "service"},
                     {"sid", sid},
                     {"node", node},
                     {"state", state},
                     {"request_state", r.state},
                     {"max_restart", r.max_restart},
                     {"max_relocate", r.max_relocate},
                     {"status", fmt::format("{} ({}, {})", sid, node, state)}};
    if (is_known) row["crm_state"] = s->second.state;
    if (!r.group.empty()) row["group"] = r.group;
    if (!(c.model.version() < pve::schema::version{9, 0})) row["failback"] = r.failback ? 1 : 0;
    return row;
}

reply current_status(call& c) {
    const ha_view ha(c.model, c.at);
    json::array rows;
    rows.push_back(quorum_row(c));
    if (!ha.status->master.empty()) rows.push_back(master_row(c, ha));
    for (const auto& [node, state] : ha.status->nodes) rows.push_back(lrm_row(c, ha, node));
    for (const ha_resource& r : ha.config.resources) rows.push_back(service_row(c, ha, r));
    return ok(std::move(rows));
}

/// The files themselves.
reply manager_status(call& c) {
    const auto& tree = c.files().tree();
    json::object all{{"quorum", json::object{{"node", c.at.str()}, {"quorate", c.model.is_quorate(c.at) ? "1" : "0"}}}};
    json::error_code ec;
    const auto text = tree.read("ha/manager_status");
    json::value manager = json::parse(text.value_or(""), ec);
    if (ec) manager = json::object{{"node_status", json::object()}};
    json::object lrm;
    for (const auto& [node, state] : ha_manager_status::parse(text.value_or("")).nodes)
        if (const auto known = tree.read(ha_lrm_status::path(node))) {
            json::value parsed = json::parse(*known, ec);
            if (!ec) lrm[node.str()] = std::move(parsed);
        }
    all["manager_status"] = std::move(manager);
    if (!lrm.empty()) all["lrm_status"] = std::move(lrm);
    return ok(std::move(all));
}

}  // namespace

json::object ha_object(const call& c, guest_id guest) {
    const ha_view ha(c.model, c.at);
    const ha_resource* r = ha.config.find(guest);
    if (r == nullptr) return {{"managed", 0}};
    json::object managed{{"managed", 1}, {"state", ha.state_of(guest)}};
    if (!r->group.empty()) managed["group"] = r->group;
    return managed;
}

const std::vector<route>& ha_routes() {
    static const std::vector<route> routes = {
        {"GET", "/cluster/ha/resources", list_resources},
        {"POST", "/cluster/ha/resources", add_resource},
        {"GET", "/cluster/ha/resources/{sid}", get_resource},
        {"PUT", "/cluster/ha/resources/{sid}", update_resource},
        {"DELETE", "/cluster/ha/resources/{sid}", remove_resource},
        {"POST", "/cluster/ha/resources/{sid}/migrate", migrate_resource},
        {"POST", "/cluster/ha/resources/{sid}/relocate", relocate_resource},
        {"GET", "/cluster/ha/status/current", current_status},
        {"GET", "/cluster/ha/status/manager_status", manager_status},
    };
    return routes;
}

}  // namespace steward::sim::api
