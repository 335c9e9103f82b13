#include "sim/api/access.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <fmt/core.h>
#include <unordered_map>

namespace steward::sim::api {

namespace json = boost::json;

namespace {

std::string joined(const json::array& words, const char* between) {
    std::string text;
    for (const json::value& w : words) text += (text.empty() ? "" : between) + std::string(w.as_string());
    return text;
}

/// PVE's words for a user name that is none; nothing when it is one.
std::optional<std::string> name_problem(const std::string& userid) {
    if (userid.size() < 3) return fmt::format("user name '{}' is too short", userid);
    if (userid.size() > 64) return fmt::format("user name '{}' is too long ({} > 64)", userid, userid.size());
    if (!is_userid(userid)) return fmt::format("value '{}' does not look like a valid user name", userid);
    return std::nullopt;
}

/// One check of PVE's permission expression (pve-facts K; the words are the schema's). The parameters have not been
/// checked yet. `quiet`: below an "or", where something that is missing is only a no.
class judge {
  public:
    judge(const cluster& model, const identity& who, const parameters& given)
        : access_(model.access()), who_(who), given_(given) {}

    /// Nothing when allowed.
    [[nodiscard]] std::optional<reply> decide(const json::array& rule, bool quiet = false) const {
        const std::string kind(rule.at(0).as_string());
        if (kind == "perm") return privileges(rule);
        if (kind == "and") {
            for (std::size_t i = 1; i < rule.size(); ++i)
                if (auto refused = decide(rule[i].as_array())) return refused;
            return std::nullopt;
        }
        if (kind == "or") return any_of(rule);
        if (kind == "userid-param") return user_of_the_call(std::string(rule.at(1).as_string()), quiet);
        if (kind == "userid-group") return groups_of_the_user(rule, quiet);
        if (kind == "perm-modify") return may_change_permissions(filled(std::string(rule.at(1).as_string())));
        return forbidden();
    }

  private:
    [[nodiscard]] std::optional<std::string> value_of(const std::string& name) const {
        for (const auto& [key, value] : given_)
            if (key == name) return value;
        return std::nullopt;
    }

    [[nodiscard]] std::string filled(std::string text) const {
        for (std::size_t open = text.find('{'); open != std::string::npos; open = text.find('{', open + 1)) {
            const std::size_t close = text.find('}', open);
            const auto value = value_of(text.substr(open + 1, close - open - 1));
            text.replace(open, close - open + 1, value.value_or(""));
        }
        return text;
    }

    /// An "and" in it that refuses has the last word.
    [[nodiscard]] std::optional<reply> any_of(const json::array& rule) const {
        for (std::size_t i = 1; i < rule.size(); ++i) {
            const json::array& each = rule[i].as_array();
            auto refused = decide(each, true);
            if (!refused) return std::nullopt;
            if (each.at(0).as_string() == "and") return refused;
        }
        return forbidden();
    }

    [[nodiscard]] std::optional<reply> privileges(const json::array& rule) const {
        bool any = false;
        for (std::size_t i = 3; i + 1 < rule.size(); i += 2) {
            const std::string word(rule[i].as_string());
            if (word == "any") any = true;
            if (word == "require_param" && !value_of(std::string(rule[i + 1].as_string()))) return forbidden();
        }
        const std::string given = filled(std::string(rule.at(1).as_string()));
        const std::string path = normalised_acl_path(given).value_or(given);
        const json::array& wanted = rule.at(2).as_array();
        const auto has = [&](const json::value& p) { return access_.has(who_, path, std::string_view(p.as_string())); };
        if (any) {
            if (std::any_of(wanted.begin(), wanted.end(), has)) return std::nullopt;
            return forbidden(path, joined(wanted, "|"));
        }
        for (const json::value& p : wanted)
            if (!has(p)) return forbidden(path, std::string(p.as_string()));
        return std::nullopt;
    }

    [[nodiscard]] std::optional<reply> missing_user(const std::string& userid, bool quiet) const {
        const auto problem = name_problem(userid);
        if (!problem && access_.users().find_user(userid) != nullptr) return std::nullopt;
        if (quiet) return forbidden();
        return error(500, problem.value_or(fmt::format("no such user ('{}')", userid)));
    }

    [[nodiscard]] std::optional<reply> user_of_the_call(const std::string& what, bool quiet) const {
        const std::string userid = value_of("userid").value_or("");
        if (const auto problem = name_problem(userid)) return error(500, *problem);
        if (what == "self") {
            if (auto missing = missing_user(userid, quiet)) return missing;
            if (who_.name() == userid) return std::nullopt;
            return forbidden();
        }
        const std::string path = "/access/realm/" + realm_of(userid);
        if (access_.has(who_, path, what)) return std::nullopt;
        return forbidden(path, what);
    }

    /// The privilege on all groups, or on one of those that the user is in; on each of those that the call names.
    [[nodiscard]] std::optional<reply> groups_of_the_user(const json::array& rule, bool quiet) const {
        const json::array& wanted = rule.at(1).as_array();
        const bool names_groups = rule.size() > 3;  // "groups_param", "create" or "update"
        const bool exists = !names_groups || rule.at(3).as_string() != "create";
        const std::string userid = value_of("userid").value_or("");
        if (exists)
            if (auto missing = missing_user(userid, quiet)) return missing;
        const auto allowed_on = [&](const std::string& path) {
            return std::any_of(wanted.begin(), wanted.end(), [&](const json::value& p) {
                return access_.has(who_, path, std::string_view(p.as_string()));
            });
        };
        if (allowed_on("/access/groups")) return std::nullopt;
        if (names_groups) {
            const auto groups = split_list(value_of("groups").value_or(""));
            if (groups.empty()) return forbidden("/access/groups", joined(wanted, "|"));
            for (const std::string& group : groups)
                if (access_.users().groups.count(group) == 0 || !allowed_on("/access/groups/" + group))
                    return forbidden("/access/groups/" + group, joined(wanted, "|"));
        }
        if (!exists) return std::nullopt;
        for (const std::string& group : access_.groups_of(userid))
            if (allowed_on("/access/groups/" + group)) return std::nullopt;
        return forbidden();
    }

    [[nodiscard]] std::optional<reply> may_change_permissions(const std::string& given) const {
        const auto path = normalised_acl_path(given);
        if (!path) return forbidden();
        if (const auto lacks = lacks_to_modify(access_, who_, *path))
            return error(403, fmt::format("Permission check failed ({})", *lacks));
        return std::nullopt;
    }

    const access_control& access_;
    const identity& who_;
    const parameters& given_;
};

/// Rules are read once: there are some hundred, and requests come by the thousand.
const json::array& parsed(const std::string& rule) {
    static std::unordered_map<std::string, json::array> known;
    const auto found = known.find(rule);
    if (found != known.end()) return found->second;
    return known.emplace(rule, json::parse(rule).as_array()).first->second;
}

}  // namespace

std::optional<reply> check_permission(const cluster& model, const identity& who, const pve::schema::method& what,
                                      const parameters& given) {
    if (who.is_root()) return std::nullopt;
    std::string rule = "root";  // an endpoint without an entry is root@pam's (pve-facts A.9)
    for (const auto& permission : what.permissions)
        if (permission.when.contains(model.version())) rule = permission.rule;
    if (rule == "all" || rule == "world" || rule == "code") return std::nullopt;
    if (rule == "root") return error(403, "Permission check failed (user != root@pam)");
    return judge(model, who, given).decide(parsed(rule));
}

}  // namespace steward::sim::api
