#pragma once
#include "base/result.hpp"
#include "base/time.hpp"
#include "sim/model/file_tree.hpp"
#include "sim/model/options.hpp"
#include "sim/model/parsed_file.hpp"
#include "sim/model/secrets.hpp"
#include "sim/model/text.hpp"
#include "sim/model/user_config.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace steward::sim {

/// Who sent a request.
class identity {
  public:
    identity() = default;
    explicit identity(std::string userid) : user(std::move(userid)) {}
    std::string user;   ///< "steward@pve"
    std::string token;  ///< "steward@pve!failover", empty for a ticket
    [[nodiscard]] const std::string& name() const { return token.empty() ? user : token; }
    /// root@pam itself; its tokens are not (pve-facts A.8).
    [[nodiscard]] bool is_root() const { return user == "root@pam" && token.empty(); }
};

/// What a request brings along, as headers.
class credentials {
  public:
    std::string authorization;  ///< "PVEAPIToken=…" or "PVEAuthCookie=…"
    std::string cookie;
    std::string csrf;
};

/// Privilege → does it propagate to what lies below.
using held_privileges = std::map<std::string, bool, std::less<>>;

/// Who may come in and what he may do (pve-facts A), read from user.cfg, priv/token.cfg, priv/shadow.cfg and the keys.
/// Like a PVE daemon it looks at user.cfg when a request begins (`see`) and keeps to that while the request lasts.
/// Times are calendar times of the node that is asked.
class access_control {
  public:
    /// Writes the files that are missing, as `o` wants them.
    access_control(const options& o, file_tree& tree);

    /// From now on this is /etc/pve: what the node that is asked sees of it. Cheap when nothing changed. The tree must
    /// outlive the request.
    void see(const file_tree& tree) const;
    [[nodiscard]] const user_config& users() const { return *users_; }

    /// Error detail is the reason phrase of the 401. `is_write` demands the CSRF token from tickets.
    [[nodiscard]] result<identity> authenticate(const credentials& given, bool is_write, wall_time now) const;
    /// A user that exists, is enabled and has not expired; PVE's words otherwise.
    [[nodiscard]] result<void> check_user(const std::string& userid, wall_time now) const;
    [[nodiscard]] bool is_password(const node_name& node, const std::string& userid, const std::string& password) const;
    /// Passwords of the realm pam are the node's own (/etc/shadow); false for a user that its system does not have.
    bool set_system_password(const node_name& node, const std::string& user, const std::string& password);

    [[nodiscard]] std::string make_ticket(const std::string& userid, wall_time now) const;
    [[nodiscard]] std::string make_csrf(const std::string& userid, wall_time now) const;
    /// Whose valid ticket this is, be he enabled or not.
    [[nodiscard]] std::optional<std::string> user_of_ticket(std::string_view ticket, wall_time now) const;
    /// The ticket that only asks for the second factor, and the challenge in it.
    [[nodiscard]] std::string make_challenge(const std::string& userid, const std::string& kinds, wall_time now) const;
    [[nodiscard]] bool is_challenge(const std::string& userid, std::string_view ticket, wall_time now) const;
    /// A new key: no ticket that was made with the old one is good any more.
    void revoke_tickets(file_tree& tree);

    /// Effective privileges on a path: of the user, cut down by a separated token's own; those of the pool that a guest
    /// or storage is in come on top (pve-facts A.8, A.9).
    [[nodiscard]] held_privileges privileges(const identity& who, const std::string& path) const;
    [[nodiscard]] bool has(const identity& who, const std::string& path, std::string_view privilege) const;
    [[nodiscard]] std::vector<std::string> groups_of(const std::string& userid) const;
    /// Top-level paths, every path that has an entry with those above it, and members of pools: what GET
    /// /access/permissions lists.
    [[nodiscard]] std::vector<std::string> known_paths() const;

    // Faults: a token that is gone, and privileges that nobody but root@pam has any more.
    bool tokens_revoked = false;
    std::set<std::string, std::less<>> denied;

  private:
    using shared_privileges = std::shared_ptr<const held_privileges>;

    [[nodiscard]] fault refuse(std::string reason) const;
    [[nodiscard]] std::string file(const char* path) const;
    [[nodiscard]] result<identity> check_ticket(const std::string& ticket, wall_time now) const;
    [[nodiscard]] result<identity> check_token(const std::string& value, wall_time now) const;
    [[nodiscard]] granted_roles effective_roles(const std::string& subject, const std::string& path) const;
    [[nodiscard]] shared_privileges held_by(const identity& who, const std::string& path) const;
    [[nodiscard]] shared_privileges compute(const identity& who, bool is_separated, const std::string& path) const;
    [[nodiscard]] held_privileges of_roles(const granted_roles& roles) const;

    pve::schema::version release_;
    mutable const file_tree* tree_;
    mutable std::string text_;  ///< of user.cfg, as it was parsed
    mutable std::shared_ptr<const user_config> users_;
    mutable parsed_file<std::map<std::string, std::string>> secrets_{"priv/token.cfg", parse_token_secrets};
    std::map<std::pair<node_name, std::string>, std::string> system_passwords_;
    // Asked for each of ten thousand guests in one request, so kept until user.cfg changes. Never iterated.
    mutable std::unordered_map<std::string, shared_privileges> by_path_;
    mutable std::unordered_map<std::string, shared_privileges> by_roles_;
};

/// Every privilege of every release that we know.
[[nodiscard]] const std::set<std::string>& all_privileges();

}  // namespace steward::sim
