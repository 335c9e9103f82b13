#include "sim/api/access.hpp"
#include "sim/model/secrets.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <fmt/core.h>

namespace steward::sim::api {

namespace json = boost::json;

namespace {

std::string missing(const call& c) {
    const std::string& user = c.path.at("userid");
    if (read_users(c).find_user(user) == nullptr) return fmt::format("no such user ('{}')", user);
    return fmt::format("no such token '{}' for user '{}'", c.path.at("tokenid"), user);
}

std::string full_id(const call& c) { return fmt::format("{}!{}", c.path.at("userid"), c.path.at("tokenid")); }

json::object token_row(const token_entry& t) {
    json::object row{{"expire", t.expire}, {"privsep", t.privsep ? 1 : 0}};
    if (!t.comment.empty()) row["comment"] = t.comment;
    return row;
}

/// What was given comes back as text, what was kept as numbers (recorded: ac-05).
void add_as_given(const call& c, json::object& row) {
    for (const char* name : {"expire", "privsep", "comment"})
        if (c.has(name)) row[name] = c.get(name);
}

std::string new_secret(cluster& model) {
    const std::uint64_t a = model.chance().next();
    const std::uint64_t b = model.chance().next();
    return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", a >> 32U, a >> 16U & 0xFFFFU, a & 0xFFFU,
                       (b >> 48U & 0x3FFFU) | 0x8000U, b & 0xFFFFFFFFFFFFU);
}

void change_secrets(call& c, const std::function<void(std::map<std::string, std::string>&)>& change) {
    file_tree& tree = c.model.files().tree();
    auto secrets = parse_token_secrets(tree.read("priv/token.cfg").value_or(""));
    change(secrets);
    tree.write("priv/token.cfg", token_secrets_text(secrets));
}

reply list_tokens(call& c) {
    const user_config users = read_users(c);
    const user_entry* u = users.find_user(c.path.at("userid"));
    if (u == nullptr) return error(500, missing(c));
    json::array rows;
    for (const auto& [id, t] : u->tokens) {
        json::object row = token_row(t);
        row["tokenid"] = id;
        rows.push_back(std::move(row));
    }
    return ok(std::move(rows));
}

reply read_token(call& c) {
    const user_config users = read_users(c);
    const token_entry* t = users.find_token(full_id(c));
    if (t == nullptr) return error(500, missing(c));
    return ok(token_row(*t));
}

reply create_token(call& c) {
    const std::string user = c.path.at("userid");
    const user_config before = read_users(c);
    if (before.find_user(user) == nullptr) return error(500, missing(c));
    if (before.find_token(full_id(c)) != nullptr) return parameter_error({{"tokenid", "Token already exists."}});
    constexpr const char* failure = "generating token failed";
    if (auto waiting = await_cluster_lock(c, "file-priv_token_cfg", std::string(failure) + ": ")) return *waiting;
    const auto refused = change_users(c, failure, [&](user_config& users) -> complaint {
        token_entry& t = users.users[user].tokens[c.path.at("tokenid")];
        t.privsep = !c.has("privsep") || c.flag("privsep");
        t.expire = c.number("expire", 0);
        t.comment = c.get("comment");
        return std::nullopt;
    });
    if (refused) return *refused;
    const std::string secret = new_secret(c.model);
    change_secrets(c, [&](auto& secrets) { secrets[full_id(c)] = secret; });
    json::object info{{"privsep", 1}};
    add_as_given(c, info);
    return ok(json::object{{"full-tokenid", full_id(c)}, {"info", std::move(info)}, {"value", secret}});
}

reply update_token(call& c) {
    if (read_users(c).find_token(full_id(c)) == nullptr) return error(500, missing(c));
    json::object row;
    bool is_commented = false;
    const auto refused = change_users(c, "updating token info failed", [&](user_config& users) -> complaint {
        token_entry& t = users.users[c.path.at("userid")].tokens[c.path.at("tokenid")];
        if (c.has("privsep")) t.privsep = c.flag("privsep");
        t.expire = c.number("expire", t.expire);
        t.comment = c.get("comment", t.comment);
        for (const std::string& option : c.list("delete")) {
            if (option != "comment") return parameter_complaint("delete", fmt::format("unknown option '{}'", option));
            t.comment.clear();
        }
        is_commented = !t.comment.empty();
        row = token_row(t);
        return std::nullopt;
    });
    if (refused) return *refused;
    add_as_given(c, row);
    if (!is_commented) row.erase("comment");
    if (c.flag("regenerate")) {
        const std::string secret = new_secret(c.model);
        change_secrets(c, [&](auto& secrets) { secrets[full_id(c)] = secret; });
        row["full-tokenid"] = full_id(c);
        row["value"] = secret;
    }
    return ok(std::move(row));
}

reply delete_token(call& c) {
    if (read_users(c).find_token(full_id(c)) == nullptr) return error(500, missing(c));
    const auto refused = change_users(c, "deleting token failed", [&](user_config& users) -> complaint {
        users.users[c.path.at("userid")].tokens.erase(c.path.at("tokenid"));
        return std::nullopt;
    });
    if (refused) return *refused;
    change_secrets(c, [&](auto& secrets) { secrets.erase(full_id(c)); });
    return ok(nullptr);
}

}  // namespace

const std::vector<route>& token_routes() {
    static const std::vector<route> routes = {
        {"GET", "/access/users/{userid}/token", list_tokens},
        {"GET", "/access/users/{userid}/token/{tokenid}", read_token},
        {"POST", "/access/users/{userid}/token/{tokenid}", create_token},
        {"PUT", "/access/users/{userid}/token/{tokenid}", update_token},
        {"DELETE", "/access/users/{userid}/token/{tokenid}", delete_token},
    };
    return routes;
}

}  // namespace steward::sim::api
