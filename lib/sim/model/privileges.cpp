#include "sim/model/privileges.hpp"

#include "base/sha1.hpp"
#include "sim/model/secrets.hpp"
#include "sim/model/tickets.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/core.h>

namespace steward::sim {
namespace {

constexpr const char* ticket_key = "priv/authkey.key";
constexpr const char* csrf_key = "pve-www.key";

std::string cookie_ticket(const std::string& cookie) {
    constexpr std::string_view key = "PVEAuthCookie=";
    for (std::size_t at = cookie.find(key); at != std::string::npos; at = cookie.find(key, at + 1)) {
        // The key must follow a blank or stand first (pve-facts A.4).
        if (at != 0 && cookie[at - 1] != ' ' && cookie[at - 1] != '\t') continue;
        const std::size_t begin = at + key.size();
        return percent_decode(cookie.substr(begin, cookie.find(';', begin) - begin));
    }
    return {};
}

std::string signature_of(const granted_roles& roles) {
    std::string text;
    for (const auto& [role, propagate] : roles) text += fmt::format("{}{}", role, propagate ? "+" : "-");
    return text;
}

/// "/vms/101" → 101
std::optional<std::uint32_t> guest_of(std::string_view path) {
    constexpr std::string_view below = "/vms/";
    std::uint32_t vmid = 0;
    if (!path.starts_with(below)) return std::nullopt;
    path.remove_prefix(below.size());
    const auto [end, ec] = std::from_chars(path.data(), path.data() + path.size(), vmid);
    if (ec != std::errc() || end != path.data() + path.size()) return std::nullopt;
    return vmid;
}

bool is_member(const pool_entry& pool, const std::string& path) {
    constexpr std::string_view below = "/storage/";
    if (const auto vmid = guest_of(path)) return pool.vms.count(*vmid) != 0;
    return path.starts_with(below) && pool.storage.count(path.substr(below.size())) != 0;
}

}  // namespace

const std::set<std::string>& all_privileges() {
    static const std::set<std::string> all = [] {
        std::set<std::string> names;
        for (const int major : {7, 8, 9})
            for (const std::string& name : privileges_of({major, 0})) names.insert(name);
        return names;
    }();
    return all;
}

void access_control::see(const file_tree& tree) const {
    tree_ = &tree;
    if (users_ && tree.holds("user.cfg", text_)) return;
    text_ = file("user.cfg");
    users_ = std::make_shared<const user_config>(user_config::parse(text_, release_));
    by_path_.clear();
    by_roles_.clear();
}

std::string access_control::file(const char* path) const { return tree_->read(path).value_or(""); }

/// Since 9.1 a refusal no longer tells what was wrong (pve-facts A.6).
fault access_control::refuse(std::string reason) const {
    if (release_ >= pve::schema::version(9, 1)) reason = "Authentication failed!";
    return fault(errc::unauthorized, "authenticate", std::move(reason));
}

result<void> access_control::check_user(const std::string& userid, wall_time now) const {
    const user_entry* user = users_->find_user(userid);
    if (user == nullptr) return refuse(fmt::format("no such user ('{}')", userid));
    if (!user->enable) return refuse(fmt::format("user '{}' is disabled", userid));
    if (user->expire != 0 && user->expire < now.time_since_epoch().count())
        return refuse(fmt::format("user '{}' access expired", userid));
    return {};
}

bool access_control::is_password(const node_name& node, const std::string& userid, const std::string& password) const {
    const std::string realm = realm_of(userid);
    if (realm == "pam") {
        const auto known = system_passwords_.find({node, userid});
        return known != system_passwords_.end() && sim::is_password(known->second, password);
    }
    if (realm != "pve") return false;  // nobody can be asked
    const auto hashes = parse_shadow(file("priv/shadow.cfg"));
    const auto known = hashes.find(userid.substr(0, userid.rfind('@')));
    return known != hashes.end() && sim::is_password(known->second, password);
}

bool access_control::set_system_password(const node_name& node, const std::string& user, const std::string& password) {
    const auto known = system_passwords_.find({node, user});
    if (known == system_passwords_.end()) return false;
    known->second = password_hash(password, sha1_hex(known->second).substr(0, 8));
    return true;
}

std::string access_control::make_ticket(const std::string& userid, wall_time now) const {
    return sim::make_ticket(file(ticket_key), userid, now);
}

std::string access_control::make_csrf(const std::string& userid, wall_time now) const {
    return sim::make_csrf(file(csrf_key), userid, now);
}

std::optional<std::string> access_control::user_of_ticket(std::string_view ticket, wall_time now) const {
    auto data = read_ticket(file(ticket_key), ticket, now);
    if (data && data->starts_with(challenge_mark)) return std::nullopt;
    return data;
}

std::string access_control::make_challenge(const std::string& userid, const std::string& kinds, wall_time now) const {
    std::string data(challenge_mark);
    for (const char c : kinds) data += c == ':' ? "%3A" : std::string(1, c);
    return sim::make_ticket(file(ticket_key), data, now, userid);
}

bool access_control::is_challenge(const std::string& userid, std::string_view ticket, wall_time now) const {
    const auto data = read_ticket(file(ticket_key), ticket, now, userid);
    return data && data->starts_with(challenge_mark);
}

void access_control::revoke_tickets(file_tree& tree) {
    tree.write(ticket_key, sha1_hex(tree.read(ticket_key).value_or("")) + "\n");
}

result<identity> access_control::check_ticket(const std::string& ticket, wall_time now) const {
    // Somebody half-way in is nobody yet (pve-facts A.3).
    if (ticket.starts_with(fmt::format("PVE:{}", challenge_mark)))
        return fault(errc::unauthorized, "authenticate", "No ticket");
    const auto user = user_of_ticket(ticket, now);
    if (!user) return refuse("permission denied - invalid PVE ticket");
    if (const auto allowed = check_user(*user, now); !allowed) return allowed.error();
    return identity(*user);
}

result<identity> access_control::check_token(const std::string& value, wall_time now) const {
    const std::size_t equals = value.rfind('=');
    if (equals == std::string::npos) return refuse("no tokenid specified");
    const std::string full_id = value.substr(0, equals);
    const auto id = split_token_id(full_id);
    if (!id)
        return refuse(
            fmt::format("'{}' is not a valid token ID - not able to split into user and token parts", full_id));
    if (const auto allowed = check_user(id->first, now); !allowed) return allowed.error();
    const token_entry* token = users_->find_token(full_id);
    if (token == nullptr || tokens_revoked)
        return refuse(fmt::format("no such token '{}' for user '{}'", id->second, id->first));
    if (token->expire != 0 && token->expire < now.time_since_epoch().count())
        return refuse(fmt::format("token '{}' access expired", id->second));
    const auto secrets = secrets_.in(*tree_);
    const auto secret = secrets->find(full_id);
    if (secret == secrets->end() || secret->second != value.substr(equals + 1)) return refuse("invalid token value!");
    identity who(id->first);
    who.token = full_id;
    return who;
}

result<identity> access_control::authenticate(const credentials& given, bool is_write, wall_time now) const {
    std::string ticket = cookie_ticket(given.cookie);
    constexpr std::string_view as_header = "PVEAuthCookie=";
    if (ticket.empty() && given.authorization.starts_with(as_header))
        ticket = percent_decode(given.authorization.substr(as_header.size()));
    // A ticket wins over a token, even an invalid one (pve-facts A.4).
    if (!ticket.empty()) {
        auto who = check_ticket(ticket, now);
        if (!who || !is_write || is_csrf(file(csrf_key), given.csrf, who->user, now)) return who;
        return fault(errc::unauthorized, "authenticate", "Permission denied - invalid csrf token");
    }
    constexpr std::string_view token = "PVEAPIToken";
    if (given.authorization.starts_with(token) && given.authorization.size() > token.size() + 1 &&
        (given.authorization[token.size()] == '=' || given.authorization[token.size()] == ' '))
        return check_token(percent_decode(given.authorization.substr(token.size() + 1)), now);
    return fault(errc::unauthorized, "authenticate", "No ticket");
}

granted_roles access_control::effective_roles(const std::string& subject, const std::string& path) const {
    granted_roles roles = users_->roles(subject, path);
    if (roles.count(no_access) != 0 || !(path.starts_with("/vms/") || path.starts_with("/storage/"))) return roles;
    for (const auto& [name, pool] : users_->pools) {
        if (!is_member(pool, path)) continue;
        const granted_roles through_pool = users_->roles(subject, "/pool/" + name);
        if (through_pool.count(no_access) != 0) return {{no_access, false}};
        for (const auto& [role, propagate] : through_pool) roles.emplace(role, false);
    }
    return roles;
}

held_privileges access_control::of_roles(const granted_roles& roles) const {
    held_privileges held;
    for (const auto& [role, propagate] : roles)
        if (const auto known = users_->roles_by_name.find(role); known != users_->roles_by_name.end())
            for (const std::string& privilege : known->second) held[privilege] = held[privilege] || propagate;
    return held;
}

access_control::shared_privileges access_control::compute(const identity& who, bool is_separated,
                                                          const std::string& path) const {
    const bool is_roots = who.user == "root@pam";
    const granted_roles of_user = is_roots ? granted_roles{{"Administrator", true}} : effective_roles(who.user, path);
    const granted_roles of_token = is_separated ? effective_roles(who.token, path) : granted_roles();
    std::string key = signature_of(of_user);
    if (is_separated) key += "/" + signature_of(of_token);
    shared_privileges& known = by_roles_[key];
    if (known) return known;
    held_privileges held = of_roles(of_user);
    if (is_separated) {
        const held_privileges mine = of_roles(of_token);
        std::erase_if(held, [&](const auto& privilege) { return mine.count(privilege.first) == 0; });
        for (auto& [privilege, propagate] : held) propagate = propagate && mine.at(privilege);
    }
    known = std::make_shared<const held_privileges>(std::move(held));
    return known;
}

access_control::shared_privileges access_control::held_by(const identity& who, const std::string& path) const {
    shared_privileges& known = by_path_[who.name() + "\n" + path];
    if (known) return known;
    const token_entry* token = who.token.empty() ? nullptr : users_->find_token(who.token);
    if (!who.token.empty() && token == nullptr)
        known = std::make_shared<const held_privileges>();
    else
        known = compute(who, token != nullptr && token->privsep, normalised_acl_path(path).value_or(path));
    return known;
}

held_privileges access_control::privileges(const identity& who, const std::string& path) const {
    held_privileges held = *held_by(who, path);
    if (!who.is_root()) std::erase_if(held, [&](const auto& privilege) { return denied.count(privilege.first) != 0; });
    return held;
}

bool access_control::has(const identity& who, const std::string& path, std::string_view privilege) const {
    if (!who.is_root() && denied.count(privilege) != 0) return false;
    return held_by(who, path)->count(privilege) != 0;
}

std::vector<std::string> access_control::groups_of(const std::string& userid) const {
    std::vector<std::string> names;
    for (const auto& [name, group] : users_->groups)
        if (group.users.count(userid) != 0) names.push_back(name);
    return names;
}

std::vector<std::string> access_control::known_paths() const {
    std::set<std::string> paths = {"/", "/access", "/access/groups", "/nodes", "/pool", "/sdn", "/storage", "/vms"};
    for (const auto& [path, node] : users_->acl)
        for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
            paths.insert(path.substr(0, end));
            if (end == std::string::npos) break;
        }
    for (const auto& [name, pool] : users_->pools) {
        for (const std::uint32_t vmid : pool.vms) paths.insert(fmt::format("/vms/{}", vmid));
        for (const std::string& storage : pool.storage) paths.insert("/storage/" + storage);
    }
    return {paths.begin(), paths.end()};
}

}  // namespace steward::sim
