#include "sim/model/realms.hpp"

#include "sim/model/text.hpp"
#include "sim/model/user_config.hpp"

#include <fmt/core.h>
#include <set>
#include <vector>

namespace steward::sim {
namespace {

const std::set<std::string> of_all = {"comment", "default", "tfa"};

const std::set<std::string> of_directories = {
    "server1",      "server2",  "port",         "secure",         "sslversion",      "mode",
    "verify",       "capath",   "cert",         "certkey",        "filter",          "sync_attributes",
    "user_classes", "group_dn", "group_filter", "group_classes",  "group_name_attr", "sync-defaults-options",
    "bind_dn",      "base_dn",  "password",     "case-sensitive", "user_attr"};

const std::set<std::string> of_openid = {
    "issuer-url", "client-id",  "client-key",     "autocreate",   "username-claim",    "prompt",
    "scopes",     "acr-values", "query-userinfo", "groups-claim", "groups-autocreate", "groups-overwrite"};

std::vector<std::string> needed_by(const std::string& type) {
    if (type == "ldap") return {"server1", "base_dn", "user_attr"};
    if (type == "ad") return {"server1", "domain"};
    if (type == "openid") return {"issuer-url", "client-id"};
    return {};
}

bool may_stand_in(const std::string& type, const std::string& option) {
    if (of_all.count(option) != 0) return type != "openid" || option != "tfa";
    if (type == "openid") return of_openid.count(option) != 0;
    if (type == "ad" && option == "domain") return true;
    return (type == "ldap" || type == "ad") && of_directories.count(option) != 0;
}

}  // namespace

realm_config realm_config::parse(std::string_view text) {
    realm_config config;
    realm* open = nullptr;
    for (const std::string& line : split_at(text, '\n')) {
        const std::string_view words = trimmed(line);
        if (words.empty() || words.front() == '#') continue;
        if (line.front() != ' ' && line.front() != '\t') {
            const std::size_t colon = words.find(':');
            if (colon == std::string_view::npos) continue;
            open = &config.realms[std::string(trimmed(words.substr(colon + 1)))];
            open->type = std::string(words.substr(0, colon));
        } else if (open != nullptr) {
            const std::size_t blank = words.find_first_of(" \t");
            const std::string key(words.substr(0, blank));
            const std::string value(blank == std::string_view::npos ? "1" : trimmed(words.substr(blank)));
            open->options[key] = key == "comment" ? percent_decode(value) : value;
        }
    }
    const auto builtin = [&](const char* name, const char* comment) {
        realm& r = config.realms[name];
        r.type = name;
        if (r.options["comment"].empty()) r.options["comment"] = comment;
    };
    builtin("pam", "Linux PAM standard authentication");
    builtin("pve", "Proxmox VE authentication server");
    return config;
}

std::string realm_config::text() const {
    std::string out;
    for (const auto& [name, r] : realms) {
        out += fmt::format("{}: {}\n", r.type, name);
        for (const auto& [key, value] : r.options)
            if (!value.empty()) out += fmt::format("\t{} {}\n", key, key == "comment" ? encode_field(value) : value);
        out += "\n";
    }
    return out;
}

const realm* realm_config::find(const std::string& name) const {
    const auto found = realms.find(name);
    return found == realms.end() ? nullptr : &found->second;
}

std::optional<std::string> realm_option_problem(const std::string& type, const std::string& option) {
    if (may_stand_in(type, option)) return std::nullopt;
    return fmt::format("unexpected property '{}'", option);
}

std::optional<std::string> missing_realm_option(const realm& of) {
    for (const std::string& option : needed_by(of.type))
        if (of.options.count(option) == 0) return option;
    return std::nullopt;
}

}  // namespace steward::sim
