#include "base/sha1.hpp"
#include "sim/api/access.hpp"
#include "sim/model/realms.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <fmt/core.h>
#include <set>

namespace steward::sim::api {

namespace json = boost::json;

namespace {

constexpr const char* file = "domains.cfg";

std::string text_of(const call& c) { return c.files().tree().read(file).value_or(""); }

/// As user.cfg's change_users.
std::optional<reply> change_realms(call& c, const std::string& failure,
                                   const std::function<complaint(realm_config&)>& change) {
    if (auto waiting = await_cluster_lock(c, "file-domains_cfg", failure + ": ")) return waiting;
    realm_config realms = realm_config::parse(text_of(c));
    if (const complaint why = change(realms)) return error(500, fmt::format("{}: {}", failure, *why));
    c.model.files().tree().write(file, realms.text());
    return std::nullopt;
}

/// "type=oath,step=30" → "oath"
std::string kind_of_tfa(const std::string& text) {
    const std::size_t at = text.find("type=");
    return at == std::string::npos ? text.substr(0, text.find(',')) : text.substr(at + 5, text.find(',', at) - at - 5);
}

reply list_realms(call& c) {
    json::array rows;
    for (const auto& [name, r] : realm_config::parse(text_of(c)).realms) {
        json::object row{{"realm", name}, {"type", r.type}};
        for (const auto& [key, value] : r.options) {
            if (key == "comment" && !value.empty()) row["comment"] = value;
            if (key == "default" && value == "1") row["default"] = 1;
            if (key == "tfa") row["tfa"] = kind_of_tfa(value);
        }
        rows.push_back(std::move(row));
    }
    return ok(std::move(rows));
}

json::value option_value(const std::string& key, const std::string& value) {
    static const std::set<std::string> numbers = {
        "default",         "port",       "secure",         "verify",
        "case-sensitive",  "autocreate", "query-userinfo", "groups-autocreate",
        "groups-overwrite"};
    return numbers.count(key) != 0 ? number_or_text(value) : json::value(value);
}

reply read_realm(call& c) {
    const realm_config realms = realm_config::parse(text_of(c));
    const realm* r = realms.find(c.path.at("realm"));
    if (r == nullptr) return error(500, fmt::format("domain '{}' does not exist", c.path.at("realm")));
    json::object row{{"type", r->type}, {"digest", sha1_hex(text_of(c))}};
    if (r->type == "pam") row["plugin"] = "PVE::Auth::PAM";
    for (const auto& [key, value] : r->options) row[key] = option_value(key, value);
    return ok(std::move(row));
}

bool is_directory(const std::string& type) { return type == "ldap" || type == "ad"; }

/// What the call sets, but not what steers it.
complaint take_options(const call& c, realm& r) {
    static const std::set<std::string> others = {"realm", "type", "delete", "digest", "check-connection", "password"};
    for (const auto& [key, value] : c.params) {
        if (others.count(key) != 0) continue;
        if (auto why = realm_option_problem(r.type, key)) return why;
        r.options[key] = value;
    }
    if (c.has("check-connection") && !is_directory(r.type))
        return "'check-connection' parameter can only be set for realms of type 'ldap' or 'ad'";
    return std::nullopt;
}

/// The password with which a directory is asked is not for everybody's eyes.
void keep_password(call& c, const std::string& name, const realm& r) {
    if (is_directory(r.type) && c.has("password"))
        c.model.files().tree().write(fmt::format("priv/realm/{}.pw", name), c.get("password"));
}

/// Only one realm is the one that forms propose.
void make_only_default(realm_config& realms, const std::string& name) {
    for (auto& [other, r] : realms.realms)
        if (other != name) r.options.erase("default");
}

reply create_realm(call& c) {
    const std::string name = c.get("realm");
    const std::string type = c.get("type");
    const auto refused = change_realms(c, "add auth server failed", [&](realm_config& realms) -> complaint {
        if (realms.find(name) != nullptr) return fmt::format("domain '{}' already exists", name);
        if (type == "pam" || type == "pve") return fmt::format("unable to create builtin type '{}'", type);
        realm r;
        r.type = type;
        if (auto why = take_options(c, r)) return why;
        if (const auto option = missing_realm_option(r))
            return fmt::format("missing value for required option '{}'", *option);
        if (r.options["default"] == "1") make_only_default(realms, name);
        realms.realms[name] = r;
        return std::nullopt;
    });
    if (refused) return *refused;
    realm made;
    made.type = type;
    keep_password(c, name, made);
    return ok(nullptr);
}

reply update_realm(call& c) {
    const std::string name = c.path.at("realm");
    realm changed;
    const auto refused = change_realms(c, "update auth server failed", [&](realm_config& realms) -> complaint {
        if (c.has("digest") && c.get("digest") != sha1_hex(text_of(c)))
            return "detected modified configuration - file changed by other user? Try again.";
        const auto found = realms.realms.find(name);
        if (found == realms.realms.end()) return fmt::format("domain '{}' does not exist", name);
        if (c.params.size() == (c.has("digest") ? 1U : 0U)) return "no options specified";
        for (const std::string& option : c.list("delete")) found->second.options.erase(option);
        if (auto why = take_options(c, found->second)) return why;
        if (c.flag("default")) make_only_default(realms, name);
        changed = found->second;
        return std::nullopt;
    });
    if (refused) return *refused;
    keep_password(c, name, changed);
    return ok(nullptr);
}

reply delete_realm(call& c) {
    const std::string name = c.path.at("realm");
    const auto refused = change_realms(c, "delete auth server failed", [&](realm_config& realms) -> complaint {
        if (realms.realms.erase(name) != 0) return std::nullopt;
        return fmt::format("authentication domain '{}' does not exist", name);
    });
    if (refused) return *refused;
    c.model.files().tree().remove(fmt::format("priv/realm/{}.pw", name));
    return ok(nullptr);
}

}  // namespace

const std::vector<route>& realm_routes() {
    static const std::vector<route> routes = {
        {"GET", "/access/domains", list_realms},
        {"POST", "/access/domains", create_realm},
        {"GET", "/access/domains/{realm}", read_realm},
        {"PUT", "/access/domains/{realm}", update_realm},
        {"DELETE", "/access/domains/{realm}", delete_realm},
    };
    return routes;
}

}  // namespace steward::sim::api
