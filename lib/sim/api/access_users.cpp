#include "sim/api/access.hpp"
#include "sim/model/realms.hpp"
#include "sim/model/second_factors.hpp"
#include "sim/model/secrets.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <fmt/core.h>

namespace steward::sim::api {

namespace json = boost::json;

namespace {

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& w : words) text += (text.empty() ? "" : ",") + w;
    return text;
}

json::object token_row(const token_entry& t) {
    json::object row{{"expire", t.expire}, {"privsep", t.privsep ? 1 : 0}};
    if (!t.comment.empty()) row["comment"] = t.comment;
    return row;
}

/// An empty e-mail address between other fields of the line is there, as "".
json::object user_row(const user_entry& u) {
    json::object row{{"enable", u.enable ? 1 : 0}, {"expire", u.expire}};
    if (!u.firstname.empty()) row["firstname"] = u.firstname;
    if (!u.lastname.empty()) row["lastname"] = u.lastname;
    if (!u.email.empty() || !u.comment.empty() || !u.keys.empty()) row["email"] = u.email;
    if (!u.comment.empty()) row["comment"] = u.comment;
    if (!u.keys.empty()) row["keys"] = u.keys;
    return row;
}

void add_tokens(json::object& row, const user_entry& u) {
    if (u.tokens.empty()) return;
    json::array tokens;
    for (const auto& [id, t] : u.tokens) {
        json::object token = token_row(t);
        token["tokenid"] = id;
        tokens.push_back(std::move(token));
    }
    row["tokens"] = std::move(tokens);
}

void add_lock_state(json::object& row, const factors_of_user* factors, wall_time now) {
    if (factors == nullptr) return;
    if (factors->totp_locked) row["totp-locked"] = 1;
    if (factors->locked_until > now.time_since_epoch().count()) row["tfa-locked-until"] = factors->locked_until;
}

reply list_users(call& c) {
    const user_config users = read_users(c);
    const auto& tree = c.files().tree();
    const realm_config realms = realm_config::parse(tree.read("domains.cfg").value_or(""));
    const second_factors factors = second_factors::parse(tree.read("priv/tfa.cfg").value_or(""));
    json::array rows;
    for (const auto& [id, u] : users.users) {
        if (!may_see_user(c, id) || (c.has("enabled") && c.flag("enabled") != u.enable)) continue;
        json::object row = user_row(u);
        row["userid"] = id;
        if (c.flag("full")) {
            row["groups"] = joined(c.model.access().groups_of(id));
            add_tokens(row, u);
        }
        if (const realm* r = realms.find(realm_of(id))) row["realm-type"] = r->type;
        add_lock_state(row, factors.find(id), c.model.wall_now(c.at));
        rows.push_back(std::move(row));
    }
    return ok(std::move(rows));
}

reply read_user(call& c) {
    const std::string id = c.path.at("userid");
    const user_config users = read_users(c);
    const user_entry* u = users.find_user(id);
    if (u == nullptr) return error(500, fmt::format("no such user ('{}')", id));
    json::object row = user_row(*u);
    json::array groups;
    for (const auto& [name, group] : users.groups)
        if (group.users.count(id) != 0) groups.emplace_back(name);
    row["groups"] = std::move(groups);
    json::object tokens;
    for (const auto& [name, t] : u->tokens) tokens[name] = token_row(t);
    row["tokens"] = tokens.empty() ? json::value() : json::value(std::move(tokens));
    return ok(std::move(row));
}

/// The fields that POST and PUT have in common; those that are not given stay.
void take_fields(const call& c, user_entry& u) {
    if (c.has("enable")) u.enable = c.flag("enable");
    u.expire = c.number("expire", u.expire);
    u.firstname = c.get("firstname", u.firstname);
    u.lastname = c.get("lastname", u.lastname);
    u.email = c.get("email", u.email);
    u.comment = c.get("comment", u.comment);
    u.keys = c.get("keys", u.keys);
}

complaint join_groups(const call& c, user_config& users, const std::string& id) {
    for (const std::string& name : c.list("groups")) {
        const auto group = users.groups.find(name);
        if (group == users.groups.end()) return fmt::format("no such group '{}'", name);
        group->second.users.insert(id);
    }
    return std::nullopt;
}

reply create_user(call& c) {
    const std::string id = c.get("userid");
    const auto refused = change_users(c, "create user failed", [&](user_config& users) -> complaint {
        if (users.find_user(id) != nullptr) return fmt::format("user '{}' already exists", id);
        take_fields(c, users.users[id]);
        if (auto why = join_groups(c, users, id)) return why;
        if (c.has("password")) return set_password(c, id, c.get("password"));
        return std::nullopt;
    });
    return refused ? *refused : ok(nullptr);
}

reply update_user(call& c) {
    const std::string id = c.path.at("userid");
    const auto refused = change_users(c, "update user failed", [&](user_config& users) -> complaint {
        const auto found = users.users.find(id);
        if (found == users.users.end()) return fmt::format("no such user ('{}')", id);
        take_fields(c, found->second);
        if (c.has("groups") && !c.flag("append"))
            for (auto& [name, group] : users.groups) group.users.erase(id);
        return join_groups(c, users, id);
    });
    return refused ? *refused : ok(nullptr);
}

/// His password and second factors go with him; the secrets of his tokens stay behind, without a token.
reply delete_user(call& c) {
    const std::string id = c.path.at("userid");
    const auto refused = change_users(c, "delete user failed", [&](user_config& users) -> complaint {
        users.remove_user(id);
        return std::nullopt;
    });
    if (refused) return *refused;
    file_tree& tree = c.model.files().tree();
    auto factors = second_factors::parse(tree.read("priv/tfa.cfg").value_or(""));
    if (factors.users.erase(id) != 0) tree.write("priv/tfa.cfg", factors.text());
    auto hashes = parse_shadow(tree.read("priv/shadow.cfg").value_or(""));
    if (realm_of(id) == "pve" && hashes.erase(id.substr(0, id.rfind('@'))) != 0)
        tree.write("priv/shadow.cfg", shadow_text(hashes));
    return ok(nullptr);
}

}  // namespace

const std::vector<route>& user_routes() {
    static const std::vector<route> routes = {
        {"GET", "/access/users", list_users},
        {"POST", "/access/users", create_user},
        {"GET", "/access/users/{userid}", read_user},
        {"PUT", "/access/users/{userid}", update_user},
        {"DELETE", "/access/users/{userid}", delete_user},
    };
    return routes;
}

}  // namespace steward::sim::api
