#include "base/sha1.hpp"
#include "sim/api/call.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <fmt/core.h>

namespace steward::sim::api {

namespace json = boost::json;

namespace {

constexpr const char* lock = "domain-ha";
constexpr const char* modified = "detected modified configuration - file changed by other user? Try again.";

/// Groups (up to PVE 8) and rules (9) are kept alike; what they are called differs.
class kind {
  public:
    const char* file;
    const char* id;    ///< the parameter that names one
    const char* noun;  ///< in errors
    std::vector<const char*> properties;
};

const kind& groups() {
    static const kind k = {"ha/groups.cfg", "group", "ha group", {"nodes", "nofailback", "restricted", "comment"}};
    return k;
}

const kind& rules() {
    static const kind k = {
        "ha/rules.cfg", "rule", "ha rule", {"nodes", "resources", "affinity", "strict", "disable", "comment"}};
    return k;
}

std::string text_of(const call& c, const kind& k) { return c.files().tree().read(k.file).value_or(""); }

json::object row_of(const kind& k, const config_section& s, const std::string& digest) {
    json::object row{{k.id, s.id}, {"type", s.type}, {"digest", digest}};
    for (const auto& [key, value] : s.values)
        row[key] = key == "nofailback" || key == "restricted" || key == "strict" || key == "disable"
                       ? number_or_text(value)
                       : json::value(value);
    return row;
}

bool concerns(const config_section& s, const std::string& sid) {
    const auto all = split_list(s.get("resources"));
    return std::find(all.begin(), all.end(), sid) != all.end();
}

reply list(const call& c, const kind& k) {
    const std::string text = text_of(c, k);
    json::array rows;
    for (const config_section& s : section_config::parse(text).sections) {
        if (c.has("type") && c.get("type") != s.type) continue;
        if (c.has("resource") && !concerns(s, c.get("resource"))) continue;
        rows.push_back(row_of(k, s, sha1_hex(text)));
    }
    return ok(std::move(rows));
}

reply missing(const kind& k, const std::string& id) { return error(500, fmt::format("no such {} '{}'", k.noun, id)); }

reply get(const call& c, const kind& k) {
    const std::string text = text_of(c, k);
    const section_config all = section_config::parse(text);
    const config_section* s = all.find(c.path.at(k.id));
    return s == nullptr ? missing(k, c.path.at(k.id)) : ok(row_of(k, *s, sha1_hex(text)));
}

/// A node that nobody knows; nothing when all are.
std::optional<reply> check_nodes(const call& c) {
    for (const auto& [node, priority] : parse_ha_nodes(c.get("nodes")))
        if (c.model.find_node(node) == nullptr) return error(500, fmt::format("no such cluster node '{}'", node.str()));
    return std::nullopt;
}

void take_values(const call& c, const kind& k, config_section& into) {
    for (const char* key : k.properties)
        if (c.has(key)) into.values[key] = c.get(key);
}

reply create(call& c, const kind& k, const std::string& type) {
    if (auto refused = check_nodes(c)) return *refused;
    const std::string prefix = fmt::format("create {} failed: ", k.noun);
    if (auto busy = await_cluster_lock(c, lock, prefix)) return *busy;
    section_config all = section_config::parse(text_of(c, k));
    const std::string id = c.get(k.id);
    if (all.find(id) != nullptr) return error(500, fmt::format("{}{} ID '{}' already defined", prefix, k.id, id));
    take_values(c, k, all.sections.emplace_back(type, id));
    c.model.ha().write(k.file, all.text());
    return ok(nullptr);
}

reply update(call& c, const kind& k) {
    if (auto refused = check_nodes(c)) return *refused;
    const std::string prefix = fmt::format("update {} config failed: ", k.noun);
    if (auto busy = await_cluster_lock(c, lock, prefix)) return *busy;
    const std::string text = text_of(c, k);
    section_config all = section_config::parse(text);
    config_section* s = all.find(c.path.at(k.id));
    if (s == nullptr) return error(500, fmt::format("{}no such {} '{}'", prefix, k.noun, c.path.at(k.id)));
    if (c.has("digest") && c.get("digest") != sha1_hex(text)) return error(500, prefix + modified);
    for (const std::string& key : c.list("delete")) s->values.erase(key);
    take_values(c, k, *s);
    c.model.ha().write(k.file, all.text());
    return ok(nullptr);
}

reply remove(call& c, const kind& k) {
    const std::string id = c.path.at(k.id);
    const std::string prefix = fmt::format("delete {} failed: ", k.noun);
    if (auto busy = await_cluster_lock(c, lock, prefix)) return *busy;
    section_config all = section_config::parse(text_of(c, k));
    if (all.find(id) == nullptr) return error(500, fmt::format("{}no such {} '{}'", prefix, k.noun, id));
    for (const ha_resource& r : ha_config::read(c.files().tree()).resources)
        if (r.group == id && &k == &groups())
            return error(500, fmt::format("{}group '{}' is used by resource '{}'", prefix, id, sid_of(r.guest)));
    all.remove(id);
    c.model.ha().write(k.file, all.text());
    return ok(nullptr);
}

/// In PVE 9 the groups have become rules.
std::optional<reply> check_groups_exist(const call& c) {
    if (c.model.version() < pve::schema::version{9, 0}) return std::nullopt;
    return error(500, "ha groups have been migrated to rules");
}

reply list_groups(call& c) { return list(c, groups()); }
reply get_group(call& c) { return get(c, groups()); }
reply create_group(call& c) {
    if (auto refused = check_groups_exist(c)) return *refused;
    return create(c, groups(), "group");
}
reply update_group(call& c) {
    if (auto refused = check_groups_exist(c)) return *refused;
    return update(c, groups());
}
reply remove_group(call& c) { return remove(c, groups()); }
reply list_rules(call& c) { return list(c, rules()); }
reply get_rule(call& c) { return get(c, rules()); }
reply update_rule(call& c) { return update(c, rules()); }
reply remove_rule(call& c) { return remove(c, rules()); }

reply create_rule(call& c) {
    const bool is_about_nodes = c.get("type") == "node-affinity";
    const char* needed = is_about_nodes ? "nodes" : "affinity";
    if (!c.has(needed)) return parameter_error({{needed, "property is missing and it is not optional"}});
    return create(c, rules(), c.get("type"));
}

}  // namespace

const std::vector<route>& ha_rule_routes() {
    static const std::vector<route> routes = {
        {"GET", "/cluster/ha/groups", list_groups},
        {"POST", "/cluster/ha/groups", create_group},
        {"GET", "/cluster/ha/groups/{group}", get_group},
        {"PUT", "/cluster/ha/groups/{group}", update_group},
        {"DELETE", "/cluster/ha/groups/{group}", remove_group},
        {"GET", "/cluster/ha/rules", list_rules},
        {"POST", "/cluster/ha/rules", create_rule},
        {"GET", "/cluster/ha/rules/{rule}", get_rule},
        {"PUT", "/cluster/ha/rules/{rule}", update_rule},
        {"DELETE", "/cluster/ha/rules/{rule}", remove_rule},
    };
    return routes;
}

}  // namespace steward::sim::api
