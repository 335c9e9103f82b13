#include "sim/model/ha_config.hpp"

#include "sim/model/file_tree.hpp"
#include "sim/model/text.hpp"

#include <algorithm>
#include <cstdlib>
#include <tuple>

namespace steward::sim {

namespace {

bool names(const config_section& rule, const std::string& sid) {
    const auto all = split_list(rule.get("resources"));
    return std::find(all.begin(), all.end(), sid) != all.end();
}

bool is_in(const std::vector<node_name>& nodes, const node_name& n) {
    return std::find(nodes.begin(), nodes.end(), n) != nodes.end();
}

}  // namespace

ha_resource::ha_resource(const config_section& from, guest_id who)
    : guest(who),
      state(from.get("state", "started")),
      group(from.get("group")),
      max_restart(std::atoi(from.get("max_restart", "1").c_str())),
      max_relocate(std::atoi(from.get("max_relocate", "1").c_str())),
      failback(from.get("failback", "1") == "1") {
    if (state == "enabled") state = "started";
}

std::map<node_name, int> parse_ha_nodes(const std::string& list) {
    std::map<node_name, int> nodes;
    for (const std::string& word : split_list(list)) {
        const std::size_t colon = word.find(':');
        nodes[node_name(word.substr(0, colon))] = colon == std::string::npos ? 0 : std::atoi(word.c_str() + colon + 1);
    }
    return nodes;
}

ha_config ha_config::read(const file_tree& tree) {
    ha_config c;
    for (const config_section& s : section_config::parse(tree.read("ha/resources.cfg").value_or("")).sections)
        if (const auto guest = parse_sid(s.type + ":" + s.id)) c.resources.emplace_back(s, *guest);
    c.groups = section_config::parse(tree.read("ha/groups.cfg").value_or(""));
    c.rules = section_config::parse(tree.read("ha/rules.cfg").value_or(""));
    return c;
}

const ha_resource* ha_config::find(guest_id guest) const {
    const auto found =
        std::find_if(resources.begin(), resources.end(), [&](const ha_resource& r) { return r.guest == guest; });
    return found == resources.end() ? nullptr : &*found;
}

const ha_resource* ha_config::find(const std::string& sid) const {
    const auto guest = parse_sid(sid);
    return guest ? find(*guest) : nullptr;
}

ha_affinity ha_config::affinity_of(const ha_resource& resource) const {
    ha_affinity found;
    found.failback = resource.failback;
    if (const config_section* group = groups.find(resource.group)) {
        found.priorities = parse_ha_nodes(group->get("nodes"));
        found.strict = group->flag("restricted");
        found.failback = !group->flag("nofailback");
        return found;
    }
    for (const config_section& rule : rules.sections)
        if (rule.type == "node-affinity" && !rule.flag("disable") && names(rule, sid_of(resource.guest))) {
            found.priorities = parse_ha_nodes(rule.get("nodes"));
            found.strict = rule.flag("strict");
        }
    return found;
}

/// Resources that must not meet stay apart; those that belong together meet where one of them is.
std::vector<node_name> ha_config::without_conflicts(const wish& w, std::vector<node_name> candidates,
                                                    const std::map<std::string, ha_service>& services) const {
    for (const config_section& rule : rules.sections) {
        if (rule.type != "resource-affinity" || rule.flag("disable") || !names(rule, w.sid)) continue;
        std::vector<node_name> taken;
        for (const std::string& other : split_list(rule.get("resources")))
            if (const auto s = services.find(other); other != w.sid && s != services.end())
                taken.push_back(s->second.node);
        const bool together = rule.get("affinity") == "positive";
        const bool can_meet =
            std::any_of(candidates.begin(), candidates.end(), [&](const node_name& n) { return is_in(taken, n); });
        if (together && !can_meet) continue;
        std::erase_if(candidates, [&](const node_name& n) { return is_in(taken, n) != together; });
    }
    return candidates;
}

std::optional<node_name> ha_config::choose(const wish& w, const std::vector<node_name>& online,
                                           const std::map<std::string, ha_service>& services) const {
    const ha_resource* resource = find(w.sid);
    if (resource == nullptr) return std::nullopt;
    const ha_affinity affinity = affinity_of(*resource);
    std::vector<node_name> candidates;
    for (const node_name& n : online) {
        const bool is_allowed = !affinity.strict || affinity.priorities.empty() || affinity.priorities.count(n) != 0;
        const bool has_failed = w.elsewhere && (n == w.current || is_in(w.not_there, n));
        if (is_allowed && !has_failed) candidates.push_back(n);
    }
    candidates = without_conflicts(w, std::move(candidates), services);
    if (candidates.empty()) return std::nullopt;
    if (!affinity.failback && is_in(candidates, w.current)) return w.current;
    const auto rank = [&](const node_name& n) {
        const auto p = affinity.priorities.find(n);
        const auto load = std::count_if(services.begin(), services.end(),
                                        [&](const auto& s) { return s.second.node == n && s.first != w.sid; });
        return std::tuple(p == affinity.priorities.end() ? 1 : -p->second - 1, n == w.current ? 0 : 1, load, n);
    };
    return *std::min_element(candidates.begin(), candidates.end(),
                             [&](const node_name& a, const node_name& b) { return rank(a) < rank(b); });
}

}  // namespace steward::sim
