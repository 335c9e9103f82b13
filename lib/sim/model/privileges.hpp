#pragma once
#include "base/result.hpp"
#include "base/time.hpp"
#include "sim/model/options.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
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

/// Users, tokens, tickets and ACLs (pve-facts A). Times are calendar times of the cluster.
class access_control {
  public:
    access_control(const options& o);

    /// Error detail is the reason phrase of the 401. `is_write` demands the CSRF token from tickets.
    [[nodiscard]] result<identity> authenticate(const credentials& given, bool is_write, wall_time now) const;
    /// A password or a still valid ticket of that user.
    [[nodiscard]] bool verify_password(const std::string& userid, const std::string& password, wall_time now) const;
    [[nodiscard]] std::string make_ticket(const std::string& userid, wall_time now) const;
    [[nodiscard]] std::string make_csrf(const std::string& userid, wall_time now) const;

    /// Effective privileges on a path with their propagate flag: of the user, cut down by a separated token's own.
    [[nodiscard]] std::map<std::string, bool> privileges(const identity& who, const std::string& path) const;
    [[nodiscard]] bool has(const identity& who, const std::string& path, std::string_view privilege) const;
    [[nodiscard]] std::vector<std::string> groups_of(const std::string& userid) const;
    /// Top-level paths plus every path that has an entry: what GET /access/permissions lists.
    [[nodiscard]] std::vector<std::string> known_paths() const;

    // Faults: a token that is gone, and privileges that nobody but root@pam has any more.
    bool tokens_revoked = false;
    std::set<std::string> denied;

  private:
    [[nodiscard]] result<identity> check_ticket(const std::string& ticket, wall_time now) const;
    [[nodiscard]] result<identity> check_token(std::string value, wall_time now) const;
    [[nodiscard]] std::map<std::string, bool> own(const std::string& subject, const std::string& path) const;

    std::vector<user_options> users_;
    std::vector<token_options> tokens_;
    std::vector<acl_entry> acl_;
    std::string secret_;
};

/// "%41" → "A"; '+' stays as it is.
[[nodiscard]] std::string percent_decode(std::string_view text);

/// Every privilege of PVE 8.4 (pve-facts A.9).
[[nodiscard]] const std::set<std::string>& all_privileges();

}  // namespace steward::sim
