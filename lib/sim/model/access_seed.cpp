#include "base/sha1.hpp"
#include "sim/model/privileges.hpp"
#include "sim/model/secrets.hpp"

#include <fmt/core.h>

namespace steward::sim {
namespace {

/// A role with just these privileges: a built-in one, or the first of ours that has them.
std::string role_with(user_config& config, const std::set<std::string>& wanted) {
    const privilege_set privileges(wanted.begin(), wanted.end());
    for (const auto& [name, held] : config.roles_by_name)
        if (held == privileges && name != no_access) return name;
    std::string name;
    for (int number = 1; name.empty() || config.roles_by_name.count(name) != 0; ++number)
        name = fmt::format("Simulated{}", number);
    config.roles_by_name[name] = privileges;
    return name;
}

user_config wanted_users(const options& o) {
    user_config config = user_config::parse("", o.version);
    for (const user_options& u : o.users) {
        user_entry& user = config.users[u.id];
        user.enable = u.enabled;
        user.expire = u.expires.time_since_epoch().count();
    }
    for (const token_options& t : o.tokens) {
        const auto id = split_token_id(t.id);
        if (!id) continue;
        token_entry& token = config.users[id->first].tokens[id->second];
        token.privsep = t.privsep;
        token.expire = t.expires.time_since_epoch().count();
    }
    for (const role_options& r : o.roles)
        config.roles_by_name[r.name] = privilege_set(r.privileges.begin(), r.privileges.end());
    for (const acl_entry& e : o.acl) {
        const std::string role = e.role.empty() ? role_with(config, e.privileges) : e.role;
        acl_node& node = config.acl[e.path];
        auto& members = split_token_id(e.subject) ? node.tokens : node.users;
        members[e.subject][role] = e.propagate;
    }
    return config;
}

void write_if_missing(file_tree& tree, const std::string& path, const std::string& text) {
    if (!tree.read(path)) tree.write(path, text);
}

}  // namespace

access_control::access_control(const options& o, file_tree& tree) : release_(o.version), tree_(&tree) {
    std::map<std::string, std::string> shadow;
    std::map<std::string, std::string> secrets;
    for (const token_options& t : o.tokens) secrets[t.id] = t.secret;
    for (const user_options& u : o.users) {
        if (u.password.empty()) continue;
        const std::string hash = password_hash(u.password, sha1_hex(fmt::format("{}{}", o.seed, u.id)).substr(0, 8));
        if (realm_of(u.id) == "pve") shadow[u.id.substr(0, u.id.rfind('@'))] = hash;
        if (realm_of(u.id) != "pam") continue;
        for (const node_name& node : o.nodes) system_passwords_[{node, u.id}] = hash;
    }
    // A directory that is already filled is a simulator started again: the files are the truth.
    write_if_missing(tree, "user.cfg", wanted_users(o).text());
    write_if_missing(tree, "priv/shadow.cfg", shadow_text(shadow));
    write_if_missing(tree, "priv/token.cfg", token_secrets_text(secrets));
    for (const char* key : {"priv/authkey.key", "pve-www.key"})
        write_if_missing(tree, key, sha1_hex(fmt::format("{} {} {}", o.cluster_name, o.seed, key)) + "\n");
    see(tree);
}

}  // namespace steward::sim
