#include "sim/api/firewall.hpp"

#include <fmt/core.h>

namespace steward::sim::api {

namespace {

/// Where rules may name a group beside the cluster's own: every node and every guest.
class referrer {
  public:
    referrer(std::string where, std::string under, firewall_scope of)
        : path(std::move(where)), lock(std::move(under)), scope(of) {}
    std::string path;
    std::string lock;
    firewall_scope scope;
};

std::vector<referrer> referrers(const call& c) {
    std::vector<referrer> all;
    for (const sim_node& n : c.model.nodes())
        all.emplace_back(fmt::format("nodes/{}/host.fw", n.name.str()), "firewall-host-" + n.name.str(),
                         firewall_scope::node);
    for (const auto& p : c.files().guests()) {
        const std::string id = to_string(p.guest.id);
        all.emplace_back(fmt::format("firewall/{}.fw", id), "firewall-vm-" + id,
                         p.guest.type == guest_type::ct ? firewall_scope::ct : firewall_scope::vm);
    }
    return all;
}

bool rename_in(std::vector<firewall_rule>& rules, const std::string& from, const std::string& to) {
    bool changed = false;
    for (firewall_rule& r : rules)
        if (r.get("type") == "group" && r.get("action") == from) {
            r.values["action"] = to;
            changed = true;
        }
    return changed;
}

reply list(call& c, const firewall_place& in) {
    (void)c;
    return ok(with_digest(named_rows(in.read()->groups, "group")));
}

/// Rules everywhere follow, under the locks of their files.
reply rename(call& c, const firewall_place& in) {
    const std::string from = c.get("rename");
    const std::string to = c.get("group");
    firewall_file file = in.edit();
    if (auto changed = check_digest(c, named_rows(file.groups, "group"))) return *changed;
    if (file.groups.count(from) == 0)
        return parameter_error({{"group", fmt::format("Security group '{}' does not exist", from)}});
    if (file.groups.count(to) != 0 && to != from)
        return parameter_error({{"group", fmt::format("Security group '{}' does already exist", to)}});
    if (to != from)
        for (const referrer& r : referrers(c))
            if (auto waits = await_cluster_lock(c, r.lock)) return *waits;
    firewall_group group = file.groups.at(from);
    if (c.has("comment")) group.comment = c.get("comment");
    file.groups.erase(from);
    file.groups[to] = std::move(group);
    rename_in(file.rules, from, to);
    if (to != from)
        for (const referrer& r : referrers(c)) {
            firewall_file other = *in.other(r.path, r.scope);
            if (rename_in(other.rules, from, to)) c.model.files().tree().write(r.path, other.text());
        }
    in.write(file);
    return ok(nullptr);
}

reply create(call& c, const firewall_place& in) {
    if (auto waits = in.await()) return *waits;
    if (is_perl_true(c.get("rename"))) return rename(c, in);
    firewall_file file = in.edit();
    const std::string name = c.get("group");
    if (file.groups.count(name) != 0)
        return parameter_error({{"group", fmt::format("Security group '{}' already exists", name)}});
    file.groups[name].comment = c.get("comment");
    in.write(file);
    return ok(nullptr);
}

reply remove(call& c, const firewall_place& in) {
    if (auto waits = in.await()) return *waits;
    firewall_file file = in.edit();
    const std::string name = c.path.at("group");
    const auto found = file.groups.find(name);
    if (found == file.groups.end()) return error(500, fmt::format("no such security group '{}'", name));
    if (!found->second.rules.empty()) return error(500, fmt::format("Security group '{}' is not empty", name));
    file.groups.erase(found);
    in.write(file);
    return ok(nullptr);
}

}  // namespace

const std::vector<route>& firewall_group_routes() {
    constexpr firewall_scope of = firewall_scope::cluster;
    static const std::vector<route> routes = {
        {"GET", "/cluster/firewall/groups", in_firewall<list, of>},
        {"POST", "/cluster/firewall/groups", in_firewall<create, of>},
        {"DELETE", "/cluster/firewall/groups/{group}", in_firewall<remove, of>},
    };
    return routes;
}

}  // namespace steward::sim::api
