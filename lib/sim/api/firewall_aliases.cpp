#include "sim/api/firewall.hpp"

#include <fmt/core.h>

namespace steward::sim::api {

namespace {

std::map<std::string, std::string> row_of(const firewall_alias& a) {
    std::map<std::string, std::string> row = {{"name", a.name}, {"cidr", a.cidr}};
    if (a.ip_version != 0) row["ipversion"] = std::to_string(a.ip_version);
    if (is_perl_true(a.comment)) row["comment"] = a.comment;
    return row;
}

firewall_rows rows_of(const firewall_file& file) {
    firewall_rows rows;
    for (const auto& [name, a] : file.aliases) rows.push_back(row_of(a));
    return rows;
}

firewall_alias given(const call& c) {
    firewall_alias a;
    a.name = c.path.count("name") != 0 ? c.path.at("name") : c.get("name");
    a.cidr = c.get("cidr");
    a.comment = c.get("comment");
    return a;
}

reply list(call&, const firewall_place& in) { return ok(with_digest(rows_of(*in.read()))); }

reply get(call& c, const firewall_place& in) {
    const auto file = in.read();
    const firewall_alias* a = file->alias(c.path.at("name"));
    if (a == nullptr) return parameter_error({{"name", "no such alias"}});
    return ok(firewall_json(row_of(*a)));
}

reply create(call& c, const firewall_place& in) {
    if (auto waits = in.await()) return *waits;
    firewall_file file = in.edit();
    firewall_alias a = given(c);
    if (file.alias(a.name) != nullptr)
        return parameter_error({{"name", fmt::format("alias '{}' already exists", a.name)}});
    file.aliases[lower(a.name)] = std::move(a);
    in.write(file);
    return ok(nullptr);
}

/// A comment that is not given is cleared; the spelling of the name becomes that of the path.
reply change(call& c, const firewall_place& in) {
    if (auto waits = in.await()) return *waits;
    firewall_file file = in.edit();
    if (auto changed = check_digest(c, rows_of(file))) return *changed;
    firewall_alias a = given(c);
    if (file.alias(a.name) == nullptr) return parameter_error({{"name", "no such alias"}});
    const std::string wanted = c.get("rename");
    if (is_perl_true(wanted) && lower(wanted) != lower(a.name)) {
        if (file.alias(wanted) != nullptr)
            return parameter_error({{"name", fmt::format("alias '{}' already exists", wanted)}});
        file.aliases.erase(lower(a.name));
        a.name = wanted;
    }
    file.aliases[lower(a.name)] = std::move(a);
    in.write(file);
    return ok(nullptr);
}

/// Nobody asks who uses it, nor whether it was there.
reply remove(call& c, const firewall_place& in) {
    if (auto waits = in.await()) return *waits;
    firewall_file file = in.edit();
    if (auto changed = check_digest(c, rows_of(file))) return *changed;
    file.aliases.erase(lower(c.path.at("name")));
    in.write(file);
    return ok(nullptr);
}

// ---- what rules and sets may name

void add_refs(boost::json::array& to, const firewall_file& file, const char* scope, const std::string& type) {
    const auto add = [&](const char* kind, const std::string& name, const std::string& ref,
                         const std::string& comment) {
        boost::json::object row{{"type", kind}, {"name", name}, {"ref", ref}, {"scope", scope}};
        if (is_perl_true(comment)) row["comment"] = comment;
        to.push_back(std::move(row));
    };
    if (type.empty() || type == "ipset")
        for (const auto& [name, set] : file.sets) add("ipset", name, "+" + name, set.comment);
    if (type.empty() || type == "alias")
        for (const auto& [name, a] : file.aliases) add("alias", name, name, a.comment);
}

reply refs(call& c, const firewall_place& in) {
    boost::json::array rows;
    const auto cluster = in.cluster();
    if (cluster != nullptr) add_refs(rows, *cluster, "dc", c.get("type"));
    add_refs(rows, *in.read(), cluster != nullptr ? "guest" : "dc", c.get("type"));
    return ok(std::move(rows));
}

template <firewall_scope Scope>
void add_routes(std::vector<route>& to, const char* all, const char* one, const char* names) {
    const route routes[] = {
        {"GET", all, in_firewall<list, Scope>},      {"POST", all, in_firewall<create, Scope>},
        {"GET", one, in_firewall<get, Scope>},       {"PUT", one, in_firewall<change, Scope>},
        {"DELETE", one, in_firewall<remove, Scope>}, {"GET", names, in_firewall<refs, Scope>},
    };
    to.insert(to.end(), std::begin(routes), std::end(routes));
}

}  // namespace

const std::vector<route>& firewall_alias_routes() {
    static const std::vector<route> all = [] {
        std::vector<route> routes;
        add_routes<firewall_scope::cluster>(routes, "/cluster/firewall/aliases", "/cluster/firewall/aliases/{name}",
                                            "/cluster/firewall/refs");
        add_routes<firewall_scope::ct>(routes, "/nodes/{node}/lxc/{vmid}/firewall/aliases",
                                       "/nodes/{node}/lxc/{vmid}/firewall/aliases/{name}",
                                       "/nodes/{node}/lxc/{vmid}/firewall/refs");
        add_routes<firewall_scope::vm>(routes, "/nodes/{node}/qemu/{vmid}/firewall/aliases",
                                       "/nodes/{node}/qemu/{vmid}/firewall/aliases/{name}",
                                       "/nodes/{node}/qemu/{vmid}/firewall/refs");
        return routes;
    }();
    return all;
}

}  // namespace steward::sim::api
