#include "sim/api/access.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim::api {

namespace json = boost::json;

namespace {

template <class Container>
std::string joined(const Container& words) {
    std::string text;
    for (const std::string& w : words) text += (text.empty() ? "" : ",") + w;
    return text;
}

std::string no_group(const std::string& name) { return fmt::format("group '{}' does not exist", name); }
std::string no_role(const std::string& name) { return fmt::format("role '{}' does not exist", name); }

// ---- groups

reply list_groups(call& c) {
    json::array rows;
    for (const auto& [name, group] : read_users(c).groups) {
        if (!may_any(c, "/access/groups/" + name, {"User.Modify", "Sys.Audit", "Group.Allocate"})) continue;
        json::object row{{"groupid", name}, {"users", joined(group.users)}};
        if (!group.comment.empty()) row["comment"] = group.comment;
        rows.push_back(std::move(row));
    }
    return ok(std::move(rows));
}

reply read_group(call& c) {
    const std::string name = c.path.at("groupid");
    const user_config users = read_users(c);
    const auto group = users.groups.find(name);
    if (group == users.groups.end()) return error(500, no_group(name));
    json::object row{{"members", json::array(group->second.users.begin(), group->second.users.end())}};
    if (!group->second.comment.empty()) row["comment"] = group->second.comment;
    return ok(std::move(row));
}

reply create_group(call& c) {
    const std::string name = c.get("groupid");
    const auto refused = change_users(c, "create group failed", [&](user_config& users) -> complaint {
        if (users.groups.count(name) != 0) return fmt::format("group '{}' already exists", name);
        users.groups[name].comment = c.get("comment");
        return std::nullopt;
    });
    return refused ? *refused : ok(nullptr);
}

reply update_group(call& c) {
    const std::string name = c.path.at("groupid");
    const auto refused = change_users(c, "update group failed", [&](user_config& users) -> complaint {
        const auto group = users.groups.find(name);
        if (group == users.groups.end()) return no_group(name);
        group->second.comment = c.get("comment", group->second.comment);
        return std::nullopt;
    });
    return refused ? *refused : ok(nullptr);
}

reply delete_group(call& c) {
    const std::string name = c.path.at("groupid");
    const auto refused = change_users(c, "delete group failed", [&](user_config& users) -> complaint {
        if (users.groups.count(name) == 0) return no_group(name);
        users.remove_group(name);
        return std::nullopt;
    });
    return refused ? *refused : ok(nullptr);
}

// ---- roles

bool is_built_in(const call& c, const std::string& role) { return built_in_roles(c.model.version()).count(role) != 0; }

reply list_roles(call& c) {
    json::array rows;
    for (const auto& [name, privileges] : read_users(c).roles_by_name)
        rows.push_back(
            json::object{{"roleid", name}, {"privs", joined(privileges)}, {"special", is_built_in(c, name) ? 1 : 0}});
    return ok(std::move(rows));
}

reply read_role(call& c) {
    const std::string name = c.path.at("roleid");
    const user_config users = read_users(c);
    const auto role = users.roles_by_name.find(name);
    if (role == users.roles_by_name.end()) return error(500, no_role(name));
    json::object row;
    for (const std::string& privilege : role->second) row[privilege] = 1;
    return ok(std::move(row));
}

complaint add_privileges(const call& c, privilege_set& role) {
    for (const std::string& privilege : c.list("privs")) {
        if (privileges_of(c.model.version()).count(privilege) == 0)
            return fmt::format("invalid privilege '{}'", privilege);
        role.insert(privilege);
    }
    return std::nullopt;
}

bool is_reserved(std::string name) {
    name.resize(std::min<std::size_t>(name.size(), 3));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char letter) { return static_cast<char>(std::toupper(letter)); });
    return name == "PVE";
}

/// The first of `privs` that this release does not have: the schema's format is one of these names.
std::optional<reply> check_privileges(const call& c) {
    for (const std::string& privilege : c.list("privs"))
        if (privileges_of(c.model.version()).count(privilege) == 0)
            return parameter_error({{"privs", fmt::format("invalid format - invalid privilege '{}'\n\n", privilege)}});
    return std::nullopt;
}

reply create_role(call& c) {
    const std::string name = c.get("roleid");
    if (auto wrong = check_privileges(c)) return *wrong;
    if (c.model.version().major >= 8 && is_reserved(name))
        return parameter_error({{"roleid", "cannot use role ID starting with the (case-insensitive) 'PVE' namespace"}});
    const auto refused = change_users(c, "create role failed", [&](user_config& users) -> complaint {
        if (users.roles_by_name.count(name) != 0) return fmt::format("role '{}' already exists", name);
        return add_privileges(c, users.roles_by_name[name]);
    });
    return refused ? *refused : ok(nullptr);
}

reply update_role(call& c) {
    const std::string name = c.path.at("roleid");
    if (auto wrong = check_privileges(c)) return *wrong;
    if (is_built_in(c, name)) return error(500, fmt::format("auto-generated role '{}' cannot be modified", name));
    const auto refused = change_users(c, "update role failed", [&](user_config& users) -> complaint {
        const auto role = users.roles_by_name.find(name);
        if (role == users.roles_by_name.end()) return no_role(name);
        if (!c.flag("append")) role->second.clear();
        return add_privileges(c, role->second);
    });
    return refused ? *refused : ok(nullptr);
}

/// Entries of the ACL that name it stay in nobody's way: they are dropped when the file is next read.
reply delete_role(call& c) {
    const std::string name = c.path.at("roleid");
    if (is_built_in(c, name)) return error(500, fmt::format("auto-generated role '{}' cannot be deleted", name));
    const auto refused = change_users(c, "delete role failed", [&](user_config& users) -> complaint {
        return users.roles_by_name.erase(name) == 0 ? complaint(no_role(name)) : std::nullopt;
    });
    return refused ? *refused : ok(nullptr);
}

}  // namespace

const std::vector<route>& group_routes() {
    static const std::vector<route> routes = {
        {"GET", "/access/groups", list_groups},
        {"POST", "/access/groups", create_group},
        {"GET", "/access/groups/{groupid}", read_group},
        {"PUT", "/access/groups/{groupid}", update_group},
        {"DELETE", "/access/groups/{groupid}", delete_group},
        {"GET", "/access/roles", list_roles},
        {"POST", "/access/roles", create_role},
        {"GET", "/access/roles/{roleid}", read_role},
        {"PUT", "/access/roles/{roleid}", update_role},
        {"DELETE", "/access/roles/{roleid}", delete_role},
    };
    return routes;
}

}  // namespace steward::sim::api
