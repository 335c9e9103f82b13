#include "sim/api/call.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <fmt/core.h>
#include <set>

namespace steward::sim::api {

namespace json = boost::json;

namespace {

constexpr const char* file = "datacenter.cfg";

guest_config datacenter(const call& c) { return guest_config::parse(c.files().tree().read(file).value_or("")); }

/// "lower=200,upper=300" → {lower: 200, upper: 300}; a word without '=' belongs to `default_key`.
json::object parts_of(const std::string& text, const char* default_key) {
    json::object parts;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(',', at), text.size());
        const std::string word = text.substr(at, end - at);
        const std::size_t equals = word.find('=');
        if (equals == std::string::npos)
            parts[default_key] = number_or_text(word);
        else
            parts[word.substr(0, equals)] = number_or_text(word.substr(equals + 1));
        at = end + 1;
    }
    return parts;
}

json::value value_of(const std::string& key, const std::string& text) {
    static const std::map<std::string, const char*> structured = {
        {"bwlimit", "default"}, {"crs", "ha"},        {"ha", "shutdown_policy"},
        {"migration", "type"},  {"next-id", "lower"}, {"notify", "type"},
        {"tag-style", "shape"}, {"u2f", "appid"},     {"user-tag-access", "user-allow"},
        {"webauthn", "rp"}};
    const auto list_of = [](const std::string& words) {
        json::array list;
        for (const std::string& word : split_list(words)) list.push_back(json::value(word));
        return list;
    };
    if (key == "registered-tags") return list_of(text);
    const auto found = structured.find(key);
    if (found == structured.end()) return number_or_text(text);
    json::object parts = parts_of(text, found->second);
    if (const auto* allowed = parts.if_contains("user-allow-list"))
        parts["user-allow-list"] = list_of(std::string(allowed->as_string()));
    return parts;
}

/// What a user may write without more rights: by default every tag that is in use on guests he sees.
json::array allowed_tags(const call& c, const guest_config& config) {
    const json::object access = parts_of(config.get("user-tag-access"), "user-allow");
    const auto* mode = access.if_contains("user-allow");
    const std::string policy = mode == nullptr ? "free" : std::string(mode->as_string());
    std::set<std::string> tags;
    for (std::string& tag : split_list(config.get("registered-tags"))) tags.insert(std::move(tag));
    if (policy == "free" || policy == "existing")
        for (const auto& p : c.files().guests())
            if (c.may_guest(p.guest.id, "VM.Audit"))
                if (const auto text = c.files().read(p.node, p.guest))
                    for (std::string& tag : split_list(guest_config::parse(*text).get("tags")))
                        tags.insert(std::move(tag));
    if (const auto* allowed = access.if_contains("user-allow-list"); allowed != nullptr && policy != "none")
        for (std::string& tag : split_list(std::string(allowed->as_string()))) tags.insert(std::move(tag));
    json::array list;
    for (const std::string& tag : tags) list.push_back(json::value(tag));
    return list;
}

reply get_options(call& c) {
    const guest_config config = datacenter(c);
    json::object data{{"allowed-tags", allowed_tags(c, config)}};
    // Without Sys.Audit only what the interface needs to draw itself.
    static const std::set<std::string> open = {"console", "tag-style", "description", "consent-text"};
    const bool all = c.may("/", "Sys.Audit");
    for (const auto& [key, value] : config.values)
        if (all || open.count(key) != 0) data[key] = value_of(key, value);
    if (!all) return ok(std::move(data));
    if (config.get("mac_prefix").empty()) data["mac_prefix"] = "BC:24:11";
    std::string description;
    for (std::size_t at = 0; at < config.description.size();) {
        const std::size_t end = config.description.find('\n', at);
        description += percent_decode(std::string_view(config.description).substr(at + 1, end - at - 1)) + "\n";
        at = end + 1;
    }
    data["description"] = description;
    return ok(std::move(data));
}

std::string comment_of(const std::string& text) {
    std::string comment;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        comment += "#" + text.substr(at, end - at) + "\n";
        at = end + 1;
    }
    return comment;
}

reply put_options(call& c) {
    if (auto busy = await_cluster_lock(c, "file-datacenter_cfg")) return *busy;
    guest_config config = datacenter(c);
    for (const std::string& key : c.list("delete")) {
        config.set(key, "");
        if (key == "description") config.description.clear();
    }
    for (const auto& [key, value] : c.params) {
        if (key == "delete") continue;
        if (key == "description")
            config.description = comment_of(value);
        else
            config.set(key, value);
    }
    c.model.files().tree().write(file, config.text());
    return ok(nullptr);
}

/// Newest first; without Sys.Syslog only one's own (pve-facts J).
reply log(call& c) {
    const bool all = c.may("/", "Sys.Syslog");
    const auto& entries = c.model.journal().entries();
    const auto most = static_cast<std::size_t>(c.number("max", 50));
    json::array rows;
    for (auto e = entries.rbegin(); e != entries.rend() && rows.size() < most; ++e) {
        const bool is_own = e->user == c.who.name() || e->user.substr(0, e->user.find('!')) == c.who.name();
        if (!all && !is_own) continue;
        rows.push_back(json::object{{"id", fmt::format("{}:{}", e->uid, e->node.str())},
                                    {"uid", e->uid},
                                    {"time", e->when.time_since_epoch().count()},
                                    {"node", e->node.str()},
                                    {"pid", e->pid},
                                    {"pri", e->priority},
                                    {"tag", e->tag},
                                    {"user", e->user},
                                    {"msg", e->message}});
    }
    return ok(std::move(rows));
}

reply nothing(call&) { return ok(json::array()); }

/// The zone of plain bridges is no entry of zones.cfg, so that this is empty on a new cluster.
const char* const empty_lists[] = {"/cluster/replication",     "/cluster/metrics/server",  "/cluster/mapping/dir",
                                   "/cluster/mapping/pci",     "/cluster/mapping/usb",     "/cluster/sdn/zones",
                                   "/cluster/sdn/vnets",       "/cluster/sdn/controllers", "/cluster/sdn/dns",
                                   "/cluster/jobs/realm-sync", "/cluster/acme/account",    "/cluster/acme/plugins"};

reply ipams(call&) { return ok(json::array{json::object{{"ipam", "pve"}, {"type", "pve"}}}); }

}  // namespace

const std::vector<route>& cluster_options_routes() {
    static const std::vector<route> routes = [] {
        std::vector<route> all = {
            {"GET", "/cluster/options", get_options},
            {"PUT", "/cluster/options", put_options},
            {"GET", "/cluster/log", log},
            {"GET", "/cluster/sdn/ipams", ipams},
        };
        for (const char* path : empty_lists) all.push_back({"GET", path, nothing});
        return all;
    }();
    return routes;
}

}  // namespace steward::sim::api
