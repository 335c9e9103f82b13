#include "sim/api/call.hpp"

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

/// One check of PVE's permission expression (pve-facts K; the words are the schema's).
class judge {
  public:
    judge(const cluster& model, const identity& who, const parameters& given)
        : model_(model), who_(who), given_(given) {}

    /// Nothing when allowed.
    std::optional<reply> decide(const json::array& rule) const {
        const std::string kind(rule.at(0).as_string());
        if (kind == "perm") return privileges(rule);
        if (kind == "and") {
            for (std::size_t i = 1; i < rule.size(); ++i)
                if (auto refused = decide(rule[i].as_array())) return refused;
            return std::nullopt;
        }
        if (kind == "or") {
            for (std::size_t i = 1; i < rule.size(); ++i)
                if (!decide(rule[i].as_array())) return std::nullopt;
            return refused();
        }
        if (kind == "userid-param") return user_of_the_call(std::string(rule.at(1).as_string()));
        if (kind == "userid-group") return groups_of_the_user(rule);
        if (kind == "perm-modify") return may_change_permissions(filled(std::string(rule.at(1).as_string())));
        return refused();
    }

  private:
    static reply refused() { return error(403, "Permission check failed"); }

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

    [[nodiscard]] std::optional<reply> privileges(const json::array& rule) const {
        bool any = false;
        for (std::size_t i = 3; i + 1 < rule.size(); i += 2) {
            const std::string word(rule[i].as_string());
            if (word == "any") any = true;
            if (word == "require_param" && !value_of(std::string(rule[i + 1].as_string()))) return std::nullopt;
        }
        const std::string path = filled(std::string(rule.at(1).as_string()));
        const json::array& wanted = rule.at(2).as_array();
        const auto held = model_.access().privileges(who_, path);
        const auto has = [&](const json::value& p) { return held.count(std::string(p.as_string())) != 0; };
        if (any) {
            if (std::any_of(wanted.begin(), wanted.end(), has)) return std::nullopt;
            return forbidden(path, joined(wanted, "|"));
        }
        for (const json::value& p : wanted)
            if (!has(p)) return forbidden(path, std::string(p.as_string()));
        return std::nullopt;
    }

    [[nodiscard]] std::optional<reply> user_of_the_call(const std::string& what) const {
        const std::string userid = value_of("userid").value_or("");
        if (what == "self") {
            if (who_.name() == userid) return std::nullopt;
            return refused();
        }
        const std::size_t at = userid.rfind('@');
        const std::string path = "/access/realm/" + (at == std::string::npos ? userid : userid.substr(at + 1));
        if (model_.access().has(who_, path, what)) return std::nullopt;
        return forbidden(path, what);
    }

    [[nodiscard]] std::optional<reply> groups_of_the_user(const json::array& rule) const {
        const json::array& wanted = rule.at(1).as_array();
        const auto allowed_on = [&](const std::string& path) {
            const auto held = model_.access().privileges(who_, path);
            return std::any_of(wanted.begin(), wanted.end(),
                               [&](const json::value& p) { return held.count(std::string(p.as_string())) != 0; });
        };
        if (allowed_on("/access/groups")) return std::nullopt;
        for (const std::string& group : model_.access().groups_of(value_of("userid").value_or("")))
            if (allowed_on("/access/groups/" + group)) return std::nullopt;
        return forbidden("/access/groups", joined(wanted, "|"));
    }

    /// Permissions.Modify, or for what lies below these roots the privilege that hands them out.
    [[nodiscard]] std::optional<reply> may_change_permissions(const std::string& path) const {
        std::vector<std::string> enough = {"Permissions.Modify"};
        if (path.starts_with("/storage/")) enough.emplace_back("Datastore.Allocate");
        if (path.starts_with("/vms/")) enough.emplace_back("VM.Allocate");
        if (path.starts_with("/pool/")) enough.emplace_back("Pool.Allocate");
        for (const std::string& privilege : enough)
            if (model_.access().has(who_, path, privilege)) return std::nullopt;
        std::string names;
        for (const std::string& privilege : enough) names += (names.empty() ? "" : "|") + privilege;
        return forbidden(path, names);
    }

    const cluster& model_;
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
