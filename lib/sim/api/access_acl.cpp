#include "sim/api/access.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <fmt/core.h>

namespace steward::sim::api {

namespace json = boost::json;

namespace {

void add_rows(json::array& rows, const std::string& path, const char* type,
              const std::map<std::string, granted_roles>& members) {
    for (const auto& [who, roles] : members)
        for (const auto& [role, propagate] : roles)
            rows.push_back(json::object{
                {"path", path}, {"type", type}, {"ugid", who}, {"roleid", role}, {"propagate", propagate ? 1 : 0}});
}

/// All of it for auditors, else the paths on which the caller may hand out rights.
reply list_acl(call& c) {
    const bool sees_all = c.may("/access", "Sys.Audit");
    json::array rows;
    for (const auto& [path, node] : read_users(c).acl) {
        if (!sees_all && lacks_to_modify(c.model.access(), c.who, path)) continue;
        add_rows(rows, path, "user", node.users);
        add_rows(rows, path, "group", node.groups);
        add_rows(rows, path, "token", node.tokens);
    }
    return ok(std::move(rows));
}

/// One change of the ACL: these roles for these people on one path, or no more.
class acl_change {
  public:
    acl_change(const call& c, std::string path)
        : c_(c), path_(std::move(path)), own_(c.model.access().privileges(c.who, path_)) {}

    complaint apply(user_config& users) const {
        for (const std::string& role : c_.list("roles")) {
            const auto known = users.roles_by_name.find(role);
            if (known == users.roles_by_name.end()) return fmt::format("role '{}' does not exist", role);
            if (auto why = check_role(role, known->second)) return why;
            if (auto why = apply_role(users, role)) return why;
        }
        return std::nullopt;
    }

  private:
    [[nodiscard]] bool deletes() const { return c_.flag("delete"); }
    [[nodiscard]] bool propagates() const { return !c_.has("propagate") || c_.flag("propagate"); }

    /// Who may allocate things but not hand out rights may pass on no more than he has (pve-facts K).
    [[nodiscard]] complaint check_role(const std::string& role, const privilege_set& privileges) const {
        if (c_.model.version().major < 8 || own_.count("Permissions.Modify") != 0) return std::nullopt;
        const std::string what = fmt::format("Cannot {} role '{}'", deletes() ? "remove" : "add", role);
        for (const std::string& privilege : privileges) {
            const auto mine = own_.find(privilege);
            if (mine == own_.end())
                return parameter_complaint("role",
                                           what + " - requires 'Permissions.Modify' or superset of privileges.");
            if (propagates() && !mine->second && !deletes())
                return parameter_complaint("role", what +
                                                       " with propagation - requires 'Permissions.Modify' or "
                                                       "propagated superset of privileges.");
        }
        if (role == no_access) return parameter_complaint("role", what + " - requires 'Permissions.Modify'");
        return std::nullopt;
    }

    [[nodiscard]] complaint apply_role(user_config& users, const std::string& role) const {
        for (const std::string& group : c_.list("groups")) {
            if (users.groups.count(group) == 0) return fmt::format("group '{}' does not exist", group);
            grant(users.acl[path_].groups, group, role);
        }
        for (const std::string& user : c_.list("users")) {
            if (users.find_user(user) == nullptr) return fmt::format("user '{}' does not exist", user);
            grant(users.acl[path_].users, user, role);
        }
        for (const std::string& token : c_.list("tokens")) {
            if (users.find_token(token) == nullptr) {
                const auto id = split_token_id(token);
                if (!id || users.find_user(id->first) == nullptr)
                    return fmt::format("no such user ('{}')", id ? id->first : token);
                return fmt::format("no such token '{}' for user '{}'", id->second, id->first);
            }
            grant(users.acl[path_].tokens, token, role);
        }
        return std::nullopt;
    }

    void grant(std::map<std::string, granted_roles>& members, const std::string& who, const std::string& role) const {
        if (!deletes()) {
            members[who][role] = propagates();
            return;
        }
        const auto found = members.find(who);
        if (found == members.end()) return;
        found->second.erase(role);
        if (found->second.empty()) members.erase(found);
    }

    const call& c_;
    std::string path_;
    held_privileges own_;
};

reply update_acl(call& c) {
    if (!c.has("users") && !c.has("groups") && !c.has("tokens")) {
        const std::string text = "either 'users', 'groups' or 'tokens' is required.";
        return parameter_error({{"users", text}, {"groups", text}, {"tokens", text}});
    }
    const auto path = normalised_acl_path(c.get("path"));
    // What lies on a path that can no longer be may still be cleared away.
    if (!path || (!c.flag("delete") && !is_acl_path(*path)))
        return parameter_error({{"path", fmt::format("invalid ACL path '{}'", c.get("path"))}});
    const acl_change change(c, *path);
    const auto refused = change_users(c, "ACL update failed", [&](user_config& users) -> complaint {
        if (auto why = change.apply(users)) return why;
        std::erase_if(users.acl, [](const auto& node) { return node.second.empty(); });
        return std::nullopt;
    });
    return refused ? *refused : ok(nullptr);
}

}  // namespace

const std::vector<route>& acl_routes() {
    static const std::vector<route> routes = {
        {"GET", "/access/acl", list_acl},
        {"PUT", "/access/acl", update_acl},
    };
    return routes;
}

}  // namespace steward::sim::api
