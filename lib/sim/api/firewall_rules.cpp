#include "sim/api/firewall.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <set>

namespace steward::sim::api {

namespace {

const std::set<std::string>& parts() {
    static const std::set<std::string> all = {"pos",  "type",  "action", "macro", "enable", "iface",     "source",
                                              "dest", "proto", "dport",  "sport", "log",    "icmp-type", "comment"};
    return all;
}

/// The rules that a call is about: those of a group when the path names one, else of the whole file.
std::vector<firewall_rule>* rules_of(const call& c, firewall_file& file) {
    const auto group = c.path.find("group");
    if (group == c.path.end()) return &file.rules;
    const auto found = file.groups.find(group->second);
    return found == file.groups.end() ? nullptr : &found->second.rules;
}

reply no_such_group(const call& c) {
    return error(500, fmt::format("no such security group '{}'", c.path.at("group")));
}

firewall_rows rows_of(const std::vector<firewall_rule>& rules) {
    firewall_rows rows;
    rows.reserve(rules.size());
    for (const firewall_rule& r : rules) rows.push_back(r.values);
    return rows;
}

boost::json::array listed(const std::vector<firewall_rule>& rules) {
    boost::json::array rows = with_digest(rows_of(rules));
    for (std::size_t i = 0; i < rows.size(); ++i) {
        boost::json::object& row = rows[i].as_object();
        row["pos"] = i;
        if (!rules[i].errors.empty()) row["errors"] = firewall_json(rules[i].errors);
    }
    return rows;
}

std::size_t position(const call& c) {
    return static_cast<std::size_t>(std::strtoull(c.path.at("pos").c_str(), nullptr, 10));
}

reply no_such_position(const call& c) { return error(500, fmt::format("no rule at position {}", c.path.at("pos"))); }

/// "" and "-" take a part away.
void take_parts(firewall_rule& rule, const call& c) {
    for (const std::string& part : parts()) {
        if (!c.has(part) || part == "pos") continue;
        const std::string value = c.get(part);
        if (value.empty() || value == "-")
            rule.values.erase(part);
        else
            rule.values[part] = value;
    }
}

std::optional<reply> delete_parts(firewall_rule& rule, const std::string& names) {
    for (const std::string& part : split_list(names)) {
        if (parts().count(part) == 0)
            return parameter_error({{"delete", fmt::format("no such property ('{}')", part)}});
        if (part == "type" || part == "action")
            return parameter_error({{"delete", fmt::format("unable to delete required property '{}'", part)}});
        rule.values.erase(part);
    }
    return std::nullopt;
}

/// The first thing that is wrong.
std::optional<reply> check(firewall_rule& rule, const firewall_place& in, const firewall_file& file) {
    const auto cluster = in.cluster();
    const auto problems = check_rule(rule, in.scope, {cluster ? cluster.get() : &file, &file});
    if (problems.empty()) return std::nullopt;
    if (problems.front().part.empty()) return error(500, problems.front().text);
    return parameter_error({{problems.front().part, problems.front().text}});
}

reply list(call& c, const firewall_place& in) {
    if (auto refused = check_vnet(c, in.scope, {"SDN.Audit", "SDN.Allocate"})) return *refused;
    firewall_file file = *in.read();
    const auto* rules = rules_of(c, file);
    if (rules == nullptr) return no_such_group(c);
    return ok(listed(*rules));
}

reply get(call& c, const firewall_place& in) {
    if (auto refused = check_vnet(c, in.scope, {"SDN.Audit", "SDN.Allocate"})) return *refused;
    firewall_file file = *in.read();
    const auto* rules = rules_of(c, file);
    if (rules == nullptr) return no_such_group(c);
    if (position(c) >= rules->size()) return no_such_position(c);
    return ok(listed(*rules)[position(c)]);
}

/// A new rule is the first, whatever `pos` says, and does nothing until it is enabled.
reply create(call& c, const firewall_place& in) {
    if (auto refused = check_vnet(c, in.scope, {"SDN.Allocate"})) return *refused;
    if (auto waits = in.await()) return *waits;
    firewall_file file = in.edit();
    auto* rules = rules_of(c, file);
    if (rules == nullptr) return no_such_group(c);
    firewall_rule rule;
    take_parts(rule, c);
    if (auto wrong = check(rule, in, file)) return *wrong;
    if (!c.has("enable")) rule.values["enable"] = "0";
    rules->insert(rules->begin(), std::move(rule));
    in.write(file);
    return ok(nullptr);
}

void move_rule(std::vector<firewall_rule>& rules, std::size_t from, std::size_t to) {
    const auto at = [&](std::size_t i) { return rules.begin() + static_cast<std::ptrdiff_t>(i); };
    if (to < from)
        std::rotate(at(to), at(from), at(from + 1));
    else  // it comes before the rule that was there
        std::rotate(at(from), at(from + 1), at(std::min(to, rules.size())));
}

reply change(call& c, const firewall_place& in) {
    if (auto refused = check_vnet(c, in.scope, {"SDN.Allocate"})) return *refused;
    if (auto waits = in.await()) return *waits;
    firewall_file file = in.edit();
    auto* rules = rules_of(c, file);
    if (rules == nullptr) return no_such_group(c);
    if (auto changed = check_digest(c, rows_of(*rules))) return *changed;
    const std::size_t pos = position(c);
    if (pos >= rules->size()) return no_such_position(c);
    const auto to = static_cast<std::size_t>(c.number("moveto", static_cast<std::int64_t>(pos)));
    if (to != pos) {
        move_rule(*rules, pos, to);
    } else {
        firewall_rule rule = (*rules)[pos];
        rule.errors.clear();
        take_parts(rule, c);
        if (auto wrong = delete_parts(rule, c.get("delete"))) return *wrong;
        if (auto wrong = check(rule, in, file)) return *wrong;
        (*rules)[pos] = std::move(rule);
    }
    in.write(file);
    return ok(nullptr);
}

reply remove(call& c, const firewall_place& in) {
    if (auto refused = check_vnet(c, in.scope, {"SDN.Allocate"})) return *refused;
    if (auto waits = in.await()) return *waits;
    firewall_file file = in.edit();
    auto* rules = rules_of(c, file);
    if (rules == nullptr) return no_such_group(c);
    if (auto changed = check_digest(c, rows_of(*rules))) return *changed;
    if (position(c) >= rules->size()) return no_such_position(c);
    rules->erase(rules->begin() + static_cast<std::ptrdiff_t>(position(c)));
    in.write(file);
    return ok(nullptr);
}

template <firewall_scope Scope>
void add_routes(std::vector<route>& to, const char* all, const char* one) {
    const route routes[] = {
        {"GET", all, in_firewall<list, Scope>},      {"POST", all, in_firewall<create, Scope>},
        {"GET", one, in_firewall<get, Scope>},       {"PUT", one, in_firewall<change, Scope>},
        {"DELETE", one, in_firewall<remove, Scope>},
    };
    to.insert(to.end(), std::begin(routes), std::end(routes));
}

}  // namespace

const std::vector<route>& firewall_rule_routes() {
    static const std::vector<route> all = [] {
        std::vector<route> routes;
        add_routes<firewall_scope::cluster>(routes, "/cluster/firewall/rules", "/cluster/firewall/rules/{pos}");
        add_routes<firewall_scope::group>(routes, "/cluster/firewall/groups/{group}",
                                          "/cluster/firewall/groups/{group}/{pos}");
        add_routes<firewall_scope::node>(routes, "/nodes/{node}/firewall/rules", "/nodes/{node}/firewall/rules/{pos}");
        add_routes<firewall_scope::ct>(routes, "/nodes/{node}/lxc/{vmid}/firewall/rules",
                                       "/nodes/{node}/lxc/{vmid}/firewall/rules/{pos}");
        add_routes<firewall_scope::vm>(routes, "/nodes/{node}/qemu/{vmid}/firewall/rules",
                                       "/nodes/{node}/qemu/{vmid}/firewall/rules/{pos}");
        add_routes<firewall_scope::vnet>(routes, "/cluster/sdn/vnets/{vnet}/firewall/rules",
                                         "/cluster/sdn/vnets/{vnet}/firewall/rules/{pos}");
        return routes;
    }();
    return all;
}

}  // namespace steward::sim::api
