#pragma once
#include "base/time.hpp"
#include "sim/model/roles.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace steward::sim {

class token_entry {
  public:
    std::int64_t expire = 0;  ///< seconds since 1970; 0: never
    bool privsep = true;
    std::string comment;
};

class user_entry {
  public:
    bool enable = true;
    std::int64_t expire = 0;  ///< seconds since 1970; 0: never
    std::string firstname;
    std::string lastname;
    std::string email;
    std::string comment;
    std::string keys;                           ///< "x": look into priv/tfa.cfg
    std::map<std::string, token_entry> tokens;  ///< by the part after '!'
};

class group_entry {
  public:
    std::string comment;
    std::set<std::string> users;
};

class pool_entry {
  public:
    std::string comment;
    std::set<std::uint32_t> vms;
    std::set<std::string> storage;
};

/// Role → does it propagate to what lies below.
using granted_roles = std::map<std::string, bool, std::less<>>;

class acl_node {
  public:
    std::map<std::string, granted_roles> users;
    std::map<std::string, granted_roles> groups;
    std::map<std::string, granted_roles> tokens;  ///< by full token id
    [[nodiscard]] bool empty() const { return users.empty() && groups.empty() && tokens.empty(); }
};

/// user.cfg: users and their tokens, groups, pools, roles and the ACL, one colon-separated line each. What a line says
/// wrongly is left out, as PVE does.
class user_config {
  public:
    [[nodiscard]] static user_config parse(std::string_view text, pve::schema::version release);
    /// As PVE writes it: sections in its order, everything sorted; built-in roles and root@pam's rights are left out.
    [[nodiscard]] std::string text() const;

    [[nodiscard]] const user_entry* find_user(const std::string& userid) const;
    [[nodiscard]] const token_entry* find_token(const std::string& full_id) const;
    /// The pool that a guest is in; a guest is in one at most.
    [[nodiscard]] std::optional<std::string> pool_of(std::uint32_t vmid) const;
    /// Sub-pools of a pool: "a/b" is one of "a".
    [[nodiscard]] std::set<std::string> pools_below(const std::string& pool) const;

    /// Roles of a user or token on a path, along the tree: the nearest entry replaces what was inherited, a user's own
    /// entry outweighs those of his groups, NoAccess outweighs all. Pools do not count here, nor what separates a
    /// token.
    [[nodiscard]] granted_roles roles(const std::string& subject, const std::string& path) const;

    void remove_user(const std::string& userid);  ///< with his memberships, tokens and entries of the ACL
    void remove_group(const std::string& group);
    void remove_pool(const std::string& pool);

    std::map<std::string, user_entry> users;
    std::map<std::string, group_entry> groups;
    std::map<std::string, pool_entry> pools;
    role_map roles_by_name;  ///< the built-in ones too
    std::map<std::string, acl_node> acl;

  private:
    void read_line(std::vector<std::string> fields);
    void read_user(const std::vector<std::string>& fields);
    void read_token(const std::vector<std::string>& fields);
    void read_group(const std::vector<std::string>& fields);
    void read_role(const std::vector<std::string>& fields);
    void read_pool(const std::vector<std::string>& fields);
    void read_acl(const std::vector<std::string>& fields);

    pve::schema::version release_;
};

/// "user@realm!token" → {"user@realm", "token"}; nothing when it is none.
[[nodiscard]] std::optional<std::pair<std::string, std::string>> split_token_id(std::string_view id);
/// 3 to 64 characters, "name@realm" (pve-facts A.8).
[[nodiscard]] bool is_userid(std::string_view text);
[[nodiscard]] std::string realm_of(const std::string& userid);

/// Slashes put right: "vms//101/" → "/vms/101"; nothing for characters that no path has.
[[nodiscard]] std::optional<std::string> normalised_acl_path(std::string_view path);
/// Whether something of that path can have an entry: "/vms/101", not "/foo".
[[nodiscard]] bool is_acl_path(const std::string& path);

/// How PVE keeps free text between colons: "a:b" → "a%3Ab", UTF-8 byte by byte.
[[nodiscard]] std::string encode_field(std::string_view text);

}  // namespace steward::sim
