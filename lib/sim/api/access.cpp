#include "sim/api/access.hpp"

#include "base/sha1.hpp"
#include "sim/model/realms.hpp"
#include "sim/model/secrets.hpp"

#include <boost/json/object.hpp>

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim::api {

namespace json = boost::json;

namespace {

reply version(call& c) {
    const auto release = c.model.version();
    return ok(json::object{
        {"release", to_string(release)}, {"version", full_version(release)}, {"repoid", repository_id(release)}});
}

/// GET /access/permissions: his own, and those of his tokens, may everybody ask for.
reply permissions(call& c) {
    identity asked = c.who;
    if (c.has("userid") && c.get("userid") != c.who.name()) {
        const std::string id = c.get("userid");
        const auto token = split_token_id(id);
        const bool is_own_token = token && c.who.token.empty() && token->first == c.who.user;
        if (!is_own_token && !c.may("/access", "Sys.Audit")) return forbidden("/access", "Sys.Audit");
        asked = identity(token ? token->first : id);
        if (token) asked.token = id;
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

reply change_password(call& c) {
    const std::string userid = c.get("userid", c.path.count("userid") != 0 ? c.path.at("userid") : "");
    if (auto refused = confirm_password(c, userid, "confirmation-password")) return *refused;
    // Others' system passwords are root's alone.
    if (!c.who.is_root() && c.who.user != userid && realm_of(userid) == "pam") return forbidden();
    if (realm_of(userid) == "pve")
        if (auto waiting = await_cluster_lock(c, "file-priv_shadow_cfg")) return *waiting;
    if (const complaint why = set_password(c, userid, c.get("password"))) return error(500, *why);
    return ok(nullptr);
}

complaint set_pve_password(call& c, const std::string& userid, const std::string& password) {
    file_tree& tree = c.model.files().tree();
    auto hashes = parse_shadow(tree.read("priv/shadow.cfg").value_or(""));
    const std::string salt = sha1_hex(std::to_string(c.model.chance().next())).substr(0, 8);
    hashes[userid.substr(0, userid.rfind('@'))] = password_hash(password, salt);
    tree.write("priv/shadow.cfg", shadow_text(hashes));
    return std::nullopt;
}

}  // namespace

user_config read_users(const call& c) {
    return user_config::parse(c.files().tree().read("user.cfg").value_or(""), c.model.version());
}

std::optional<reply> change_users(call& c, const std::string& failure,
                                  const std::function<complaint(user_config&)>& change) {
    if (auto waiting = await_cluster_lock(c, "file-user_cfg", failure + ": ")) return waiting;
    user_config config = read_users(c);
    if (const complaint why = change(config)) return error(500, fmt::format("{}: {}", failure, *why));
    c.model.files().tree().write("user.cfg", config.text());
    return std::nullopt;
}

complaint set_password(call& c, const std::string& userid, const std::string& password) {
    const std::string name = realm_of(userid);
    const realm_config realms = realm_config::parse(c.files().tree().read("domains.cfg").value_or(""));
    const realm* known = realms.find(name);
    if (known == nullptr) return fmt::format("auth domain '{}' does not exist", name);
    if (known->type == "pve") return set_pve_password(c, userid, password);
    if (known->type != "pam") return fmt::format("can't set password on auth type '{}'", known->type);
    if (c.model.access().set_system_password(c.at, userid, password)) return std::nullopt;
    return "change password failed: exit code 6";  // usermod: there is no such user on this node
}

reply forbidden() { return error(403, "Permission check failed"); }

std::string parameter_complaint(const std::string& name, const std::string& text) {
    return fmt::format("400 Parameter verification failed.\n{}: {}", name, text);
}

bool may_any(const call& c, const std::string& acl_path, std::initializer_list<const char*> privileges) {
    return std::any_of(privileges.begin(), privileges.end(), [&](const char* p) { return c.may(acl_path, p); });
}

bool may_see_user(const call& c, const std::string& userid) {
    if (userid == c.who.name() || may_any(c, "/access/groups", {"User.Modify", "Sys.Audit"})) return true;
    const auto groups = c.model.access().groups_of(userid);
    return std::any_of(groups.begin(), groups.end(), [&](const std::string& group) {
        return may_any(c, "/access/groups/" + group, {"User.Modify", "Sys.Audit"});
    });
}

std::optional<std::string> lacks_to_modify(const access_control& access, const identity& who,
                                           const std::string& acl_path) {
    std::vector<std::string> enough = {"Permissions.Modify"};
    if (acl_path.starts_with("/storage/")) enough.emplace_back("Datastore.Allocate");
    if (acl_path.starts_with("/vms/")) enough.emplace_back("VM.Allocate");
    if (acl_path.starts_with("/pool/")) enough.emplace_back("Pool.Allocate");
    std::string names;
    for (const std::string& privilege : enough) {
        if (access.has(who, acl_path, privilege)) return std::nullopt;
        names += (names.empty() ? "" : "|") + privilege;
    }
    return fmt::format("{}, {}", acl_path, names);
}

std::optional<reply> confirm_password(call& c, const std::string& userid, const char* parameter) {
    if (read_users(c).find_user(userid) == nullptr) return error(500, fmt::format("no such user ('{}')", userid));
    if (c.who.is_root()) return std::nullopt;
    if (userid == "root@pam") return forbidden();
    if (!c.has(parameter)) return parameter_error({{parameter, "password is required to modify user"}});
    if (!c.model.access().is_password(c.at, c.who.user, c.get(parameter))) return error(500, "invalid credentials");
    return std::nullopt;
}

const std::vector<route>& access_routes() {
    static const std::vector<route> routes = [] {
        std::vector<route> all = {
            {"GET", "/version", version},
            {"GET", "/nodes/{node}/version", version},
            {"GET", "/access/permissions", permissions},
            {"PUT", "/access/password", change_password},
        };
        for (const auto* part : {&ticket_routes(), &user_routes(), &token_routes(), &group_routes(), &acl_routes(),
                                 &realm_routes(), &second_factor_routes(), &pool_routes()})
            all.insert(all.end(), part->begin(), part->end());
        return all;
    }();
    return routes;
}

}  // namespace steward::sim::api
