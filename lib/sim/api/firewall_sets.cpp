#include "sim/api/firewall.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim::api {

namespace {

firewall_rows rows_of(const firewall_set& set) {
    firewall_rows rows;
    rows.reserve(set.members.size());
    for (const firewall_member& m : set.members) {
        rows.push_back({{"cidr", m.cidr}});
        if (m.is_exception) rows.back()["nomatch"] = "1";
        if (is_perl_true(m.comment)) rows.back()["comment"] = m.comment;
    }
    return rows;
}

boost::json::array listed(const firewall_set& set) {
    boost::json::array rows = with_digest(rows_of(set));
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (!set.members[i].errors.empty()) rows[i].as_object()["errors"] = firewall_json(set.members[i].errors);
    return rows;
}

reply no_such_set(const std::string& name) { return error(500, fmt::format("no such IPSet '{}'", name)); }

bool is_yes(const call& c, const char* parameter) { return is_perl_true(c.get(parameter)); }

// ---- the sets

reply list(call&, const firewall_place& in) { return ok(with_digest(named_rows(in.read()->sets, "name"))); }

reply rename(call& c, const firewall_place& in) {
    const std::string from = c.get("rename");
    const std::string to = c.get("name");
    firewall_file file = in.edit();
    if (auto changed = check_digest(c, named_rows(file.sets, "name"))) return *changed;
    const auto found = file.sets.find(from);
    if (found == file.sets.end()) return parameter_error({{"name", fmt::format("IPSet '{}' does not exist", from)}});
    if (to != from && file.sets.count(to) != 0)
        return parameter_error({{"name", fmt::format("IPSet '{}' does already exist", to)}});
    firewall_set set = std::move(found->second);
    if (c.has("comment")) set.comment = c.get("comment");
    file.sets.erase(found);
    file.sets[to] = std::move(set);
    in.write(file);
    return ok(nullptr);
}

reply create(call& c, const firewall_place& in) {
    if (auto waits = in.await()) return *waits;
    if (is_yes(c, "rename")) return rename(c, in);
    firewall_file file = in.edit();
    const std::string name = c.get("name");
    if (file.sets.count(name) != 0) return parameter_error({{"name", fmt::format("IPSet '{}' already exists", name)}});
    file.sets[name].comment = c.get("comment");
    in.write(file);
    return ok(nullptr);
}

reply remove(call& c, const firewall_place& in) {
    if (auto waits = in.await()) return *waits;
    firewall_file file = in.edit();
    const std::string& name = c.path.at("name");
    const auto found = file.sets.find(name);
    if (found == file.sets.end()) return no_such_set(name);
    if (!found->second.members.empty() && !is_yes(c, "force"))
        return error(500, fmt::format("IPSet '{}' is not empty", name));
    file.sets.erase(found);
    in.write(file);
    return ok(nullptr);
}

// ---- what is in them

reply list_members(call& c, const firewall_place& in) {
    const auto file = in.read();
    const auto found = file->sets.find(c.path.at("name"));
    if (found == file->sets.end()) return no_such_set(c.path.at("name"));
    return ok(listed(found->second));
}

reply get_member(call& c, const firewall_place& in) {
    const auto file = in.read();
    const auto found = file->sets.find(c.path.at("name"));
    if (found == file->sets.end()) return no_such_set(c.path.at("name"));
    for (boost::json::value& row : listed(found->second))
        if (row.at("cidr").as_string() == c.path.at("cidr")) return ok(std::move(row));
    return parameter_error({{"cidr", "no such IP/Network"}});
}

reply add_member(call& c, const firewall_place& in) {
    if (auto waits = in.await()) return *waits;
    firewall_file file = in.edit();
    const auto found = file.sets.find(c.path.at("name"));
    if (found == file.sets.end()) return no_such_set(c.path.at("name"));
    firewall_member m;
    m.cidr = c.get("cidr");
    if (const auto name = split_alias(m.cidr)) {
        const auto cluster = in.cluster();
        const firewall_names names{cluster ? cluster.get() : &file, cluster ? &file : nullptr};
        if (find_alias(names, *name) == nullptr) return error(500, fmt::format("no such alias '{}'", name->second));
    } else {
        m.cidr = without_full_prefix(masked_cidr(m.cidr));
    }
    auto& members = found->second.members;
    if (std::any_of(members.begin(), members.end(), [&](const firewall_member& o) { return o.cidr == m.cidr; }))
        return parameter_error({{"cidr", fmt::format("address '{}' already exists", m.cidr)}});
    if (has_zero_prefix(m.cidr)) return parameter_error({{"cidr", "a zero prefix is not allowed in ipset entries"}});
    m.is_exception = is_yes(c, "nomatch");
    m.comment = c.get("comment");
    members.insert(members.begin(), std::move(m));
    in.write(file);
    return ok(nullptr);
}

/// What is not given is cleared.
reply change_member(call& c, const firewall_place& in) {
    if (auto waits = in.await()) return *waits;
    firewall_file file = in.edit();
    const auto found = file.sets.find(c.path.at("name"));
    if (found == file.sets.end()) return no_such_set(c.path.at("name"));
    if (auto changed = check_digest(c, rows_of(found->second))) return *changed;
    auto& members = found->second.members;
    const auto m = std::find_if(members.begin(), members.end(),
                                [&](const firewall_member& each) { return each.cidr == c.path.at("cidr"); });
    if (m == members.end()) return parameter_error({{"cidr", "no such IP/Network"}});
    m->is_exception = is_yes(c, "nomatch");
    m->comment = c.get("comment");
    in.write(file);
    return ok(nullptr);
}

/// One that is not there is gone already.
reply remove_member(call& c, const firewall_place& in) {
    if (auto waits = in.await()) return *waits;
    firewall_file file = in.edit();
    const auto found = file.sets.find(c.path.at("name"));
    if (found == file.sets.end()) return no_such_set(c.path.at("name"));
    if (auto changed = check_digest(c, rows_of(found->second))) return *changed;
    std::erase_if(found->second.members, [&](const firewall_member& m) { return m.cidr == c.path.at("cidr"); });
    in.write(file);
    return ok(nullptr);
}

template <firewall_scope Scope>
void add_routes(std::vector<route>& to, const char* const (&paths)[3]) {
    const route routes[] = {
        {"GET", paths[0], in_firewall<list, Scope>},          {"POST", paths[0], in_firewall<create, Scope>},
        {"DELETE", paths[1], in_firewall<remove, Scope>},     {"GET", paths[1], in_firewall<list_members, Scope>},
        {"POST", paths[1], in_firewall<add_member, Scope>},   {"GET", paths[2], in_firewall<get_member, Scope>},
        {"PUT", paths[2], in_firewall<change_member, Scope>}, {"DELETE", paths[2], in_firewall<remove_member, Scope>},
    };
    to.insert(to.end(), std::begin(routes), std::end(routes));
}

}  // namespace

const std::vector<route>& firewall_set_routes() {
    static const std::vector<route> all = [] {
        std::vector<route> routes;
        add_routes<firewall_scope::cluster>(routes, {"/cluster/firewall/ipset", "/cluster/firewall/ipset/{name}",
                                                     "/cluster/firewall/ipset/{name}/{cidr}"});
        add_routes<firewall_scope::ct>(
            routes, {"/nodes/{node}/lxc/{vmid}/firewall/ipset", "/nodes/{node}/lxc/{vmid}/firewall/ipset/{name}",
                     "/nodes/{node}/lxc/{vmid}/firewall/ipset/{name}/{cidr}"});
        add_routes<firewall_scope::vm>(
            routes, {"/nodes/{node}/qemu/{vmid}/firewall/ipset", "/nodes/{node}/qemu/{vmid}/firewall/ipset/{name}",
                     "/nodes/{node}/qemu/{vmid}/firewall/ipset/{name}/{cidr}"});
        return routes;
    }();
    return all;
}

}  // namespace steward::sim::api
