#include "sim/model/user_config.hpp"

#include "sim/model/text.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/core.h>
#include <vector>

namespace steward::sim {
namespace {

std::string field(const std::vector<std::string>& fields, std::size_t at) {
    return at < fields.size() ? fields[at] : std::string();
}

/// Nothing when it is no number; an empty field is 0.
std::optional<std::int64_t> seconds_in(const std::string& text) {
    if (text.empty()) return 0;
    std::int64_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
    return value;
}

bool is_set(const std::string& text) { return !text.empty() && text != "0"; }

template <class Container>
std::string joined(const Container& words) {
    std::string text;
    for (const auto& word : words) text += fmt::format("{}{}", text.empty() ? "" : ",", word);
    return text;
}

/// Who has the same roles here stands on one line, once for those that propagate and once for those that do not.
class acl_lines {
  public:
    void add(const std::map<std::string, granted_roles>& members, const char* prefix) {
        for (const auto& [who, roles] : members) {
            if (who == "root@pam") continue;
            for (const bool propagate : {false, true}) {
                std::vector<std::string> names;
                for (const auto& [role, propagates] : roles)
                    if (propagates == propagate) names.push_back(role);
                if (!names.empty()) by_roles_[propagate][joined(names)].insert(prefix + who);
            }
        }
    }

    [[nodiscard]] std::string text(const std::string& path) const {
        std::string out;
        for (const auto& [propagate, lines] : by_roles_)
            for (const auto& [roles, who] : lines)
                out += fmt::format("acl:{}:{}:{}:{}:\n", propagate ? 1 : 0, path, joined(who), roles);
        return out;
    }

  private:
    std::map<bool, std::map<std::string, std::set<std::string>>> by_roles_;
};

}  // namespace

user_config user_config::parse(std::string_view text, pve::schema::version release) {
    user_config config;
    config.release_ = release;
    config.roles_by_name = built_in_roles(release);
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = trimmed(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (!line.empty()) config.read_line(split_at(line, ':'));
    }
    config.users["root@pam"];  // is never missing
    return config;
}

void user_config::read_line(std::vector<std::string> fields) {
    for (std::string& f : fields) f = std::string(trimmed(f));
    const std::string kind = fields.front();
    fields.erase(fields.begin());
    if (kind == "user") read_user(fields);
    if (kind == "token") read_token(fields);
    if (kind == "group") read_group(fields);
    if (kind == "role") read_role(fields);
    if (kind == "pool") read_pool(fields);
    if (kind == "acl") read_acl(fields);
}

void user_config::read_user(const std::vector<std::string>& fields) {
    const auto expire = seconds_in(field(fields, 2));
    if (!is_userid(field(fields, 0)) || !expire) return;
    user_entry& user = users[fields[0]];
    user.enable = is_set(field(fields, 1));
    user.expire = *expire;
    user.firstname = percent_decode(field(fields, 3));
    user.lastname = percent_decode(field(fields, 4));
    user.email = field(fields, 5);
    user.comment = percent_decode(field(fields, 6));
    user.keys = field(fields, 7);
}

void user_config::read_token(const std::vector<std::string>& fields) {
    const auto id = split_token_id(field(fields, 0));
    const auto expire = seconds_in(field(fields, 1));
    if (!id || !expire) return;
    const auto owner = users.find(id->first);
    if (owner == users.end()) return;
    token_entry& token = owner->second.tokens[id->second];
    token.expire = *expire;
    token.privsep = is_set(field(fields, 2));
    token.comment = percent_decode(field(fields, 3));
}

void user_config::read_group(const std::vector<std::string>& fields) {
    if (field(fields, 0).empty()) return;
    group_entry& group = groups[fields[0]];
    for (const std::string& user : split_list(field(fields, 1)))
        if (is_userid(user)) group.users.insert(user);
    group.comment = percent_decode(field(fields, 2));
}

void user_config::read_role(const std::vector<std::string>& fields) {
    if (field(fields, 0).empty() || built_in_roles(release_).count(fields[0]) != 0) return;
    privilege_set& role = roles_by_name[fields[0]];
    for (const std::string& privilege : split_list(field(fields, 1)))
        if (privileges_of(release_).count(privilege) != 0) role.insert(privilege);
}

void user_config::read_pool(const std::vector<std::string>& fields) {
    const std::string name = field(fields, 0);
    if (name.empty()) return;
    for (std::size_t slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1))
        pools[name.substr(0, slash)];
    pool_entry& pool = pools[name];
    pool.comment = percent_decode(field(fields, 1));
    for (const std::string& word : split_list(field(fields, 2)))
        if (const auto vmid = seconds_in(word); vmid && !pool_of(static_cast<std::uint32_t>(*vmid)))
            pool.vms.insert(static_cast<std::uint32_t>(*vmid));
    for (const std::string& storage : split_list(field(fields, 3))) pool.storage.insert(storage);
}

void user_config::read_acl(const std::vector<std::string>& fields) {
    const auto path = normalised_acl_path(field(fields, 1));
    if (!path) return;
    const bool propagate = is_set(field(fields, 0));
    for (const std::string& role : split_list(field(fields, 3))) {
        if (roles_by_name.count(role) == 0) continue;
        for (const std::string& who : split_list(field(fields, 2))) {
            if (who.front() == '@')
                acl[*path].groups[who.substr(1)][role] = propagate;
            else if (find_token(who) != nullptr)
                acl[*path].tokens[who][role] = propagate;
            else if (!split_token_id(who) && is_userid(who))
                acl[*path].users[who][role] = propagate;
        }
    }
}

std::string user_config::text() const {
    std::string out;
    for (const auto& [id, u] : users) {
        out += fmt::format("user:{}:{}:{}:{}:{}:{}:{}:{}:\n", id, u.enable ? 1 : 0, u.expire, encode_field(u.firstname),
                           encode_field(u.lastname), u.email, encode_field(u.comment), u.keys);
        for (const auto& [name, t] : u.tokens)
            out +=
                fmt::format("token:{}!{}:{}:{}:{}:\n", id, name, t.expire, t.privsep ? 1 : 0, encode_field(t.comment));
    }
    out += "\n";
    for (const auto& [name, g] : groups)
        out += fmt::format("group:{}:{}:{}:\n", name, joined(g.users), encode_field(g.comment));
    out += "\n";
    for (const auto& [name, p] : pools)
        out += fmt::format("pool:{}:{}:{}:{}:\n", name, encode_field(p.comment), joined(p.vms), joined(p.storage));
    out += "\n";
    for (const auto& [name, privileges] : roles_by_name)
        if (built_in_roles(release_).count(name) == 0) out += fmt::format("role:{}:{}:\n", name, joined(privileges));
    out += "\n";
    for (const auto& [path, node] : acl) {
        acl_lines lines;
        lines.add(node.groups, "@");
        lines.add(node.users, "");
        lines.add(node.tokens, "");
        out += lines.text(path);
    }
    return out;
}

const user_entry* user_config::find_user(const std::string& userid) const {
    const auto found = users.find(userid);
    return found == users.end() ? nullptr : &found->second;
}

const token_entry* user_config::find_token(const std::string& full_id) const {
    const auto id = split_token_id(full_id);
    if (!id) return nullptr;
    const user_entry* owner = find_user(id->first);
    if (owner == nullptr) return nullptr;
    const auto found = owner->tokens.find(id->second);
    return found == owner->tokens.end() ? nullptr : &found->second;
}

std::optional<std::string> user_config::pool_of(std::uint32_t vmid) const {
    for (const auto& [name, pool] : pools)
        if (pool.vms.count(vmid) != 0) return name;
    return std::nullopt;
}

std::set<std::string> user_config::pools_below(const std::string& pool) const {
    std::set<std::string> found;
    for (const auto& [name, entry] : pools)
        if (name.starts_with(pool + "/")) found.insert(name);
    return found;
}

namespace {

/// What of these roles reaches the path itself.
granted_roles reaching(const granted_roles& granted, bool is_the_path_itself) {
    granted_roles out;
    for (const auto& [role, propagate] : granted)
        if (propagate || is_the_path_itself) out.emplace(role, propagate);
    return out;
}

}  // namespace

granted_roles user_config::roles(const std::string& subject, const std::string& path) const {
    granted_roles held;
    if (path.empty()) return held;
    for (std::size_t end = 0; end != std::string::npos;) {
        const std::string level = end == 0 ? "/" : path.substr(0, end);
        const bool is_last = level == path;
        if (const auto found = acl.find(level); found != acl.end()) {
            const acl_node& node = found->second;
            granted_roles here;
            if (const auto t = node.tokens.find(subject); t != node.tokens.end()) here = reaching(t->second, is_last);
            if (const auto u = node.users.find(subject); here.empty() && u != node.users.end())
                here = reaching(u->second, is_last);
            if (here.empty())
                for (const auto& [group, granted] : node.groups)
                    if (const auto g = groups.find(group); g != groups.end() && g->second.users.count(subject) != 0)
                        here.merge(reaching(granted, is_last));
            if (!here.empty()) held = std::move(here);
        }
        if (is_last) break;
        end = std::min(path.find('/', end + 1), path.size());
    }
    if (const auto none = held.find(no_access); none != held.end()) return {*none};
    return held;
}

void user_config::remove_user(const std::string& userid) {
    users.erase(userid);
    for (auto& [name, group] : groups) group.users.erase(userid);
    for (auto& [path, node] : acl) {
        node.users.erase(userid);
        std::erase_if(node.tokens, [&](const auto& t) { return t.first.starts_with(userid + "!"); });
    }
}

void user_config::remove_group(const std::string& group) {
    groups.erase(group);
    for (auto& [path, node] : acl) node.groups.erase(group);
}

void user_config::remove_pool(const std::string& pool) {
    pools.erase(pool);
    acl.erase("/pool/" + pool);
}

}  // namespace steward::sim
