#include "base/sha1.hpp"
#include "pve/schema/all_facts.hpp"
#include "sim/api/guest_api.hpp"
#include "sim/model/devices.hpp"

#include <fmt/core.h>
#include <set>

namespace steward::sim::api {

namespace schema = pve::schema;

const char* guest_path(guest_type type, const std::string& rest) {
    static std::set<std::string> paths;  // its elements stay where they are
    return paths.insert(fmt::format("/nodes/{{node}}/{}/{{vmid}}{}", api_word(type), rest)).first->c_str();
}

reply task_reply(const std::string& upid) { return ok(boost::json::value(upid)); }

std::optional<reply> refuse_locked(guest_type type, const guest_config& config) {
    const std::string text = locked_text(type, config);
    if (text.empty()) return std::nullopt;
    return error(500, text);
}

std::optional<reply> refuse_without_quorum(const call& c) {
    if (c.model.is_quorate(c.at)) return std::nullopt;
    return error(500, "cluster not ready - no quorum?");
}

bool is_root_himself(const call& c) { return c.who.user == "root@pam" && c.who.token.empty(); }

std::optional<reply> refuse_skiplock(const call& c) {
    if (!c.flag("skiplock") || is_root_himself(c)) return std::nullopt;
    return parameter_error({{"skiplock", "Only root may use this option."}});
}

std::optional<reply> refuse_changed(const call& c, guest_type type, const std::string& text) {
    if (!c.has("digest") || c.get("digest") == sha1_hex(text)) return std::nullopt;
    return error(500, type == guest_type::ct
                          ? "detected modified configuration - file changed by other user? Try again."
                          : "checksum mismatch (file change by other user?)");
}

boost::json::value typed_option(schema::version version, guest_type type, const std::string& key,
                                const std::string& value) {
    const auto found =
        schema::catalogue_of_everything().find("PUT", fmt::format("/nodes/n/{}/100/config", api_word(type)), version);
    const auto facts =
        found ? schema::find_values(found->what->parameters, key, version) : std::vector<const schema::value*>();
    const bool is_number =
        key == "snaptime" || (!facts.empty() && (facts.front()->type == schema::value_type::integer ||
                                                 facts.front()->type == schema::value_type::boolean));
    return is_number ? number_or_text(value) : boost::json::value(value);
}

std::optional<reply> check_bridge(const call& c, const std::string& net) {
    const std::string bridge = bridge_of(net);
    if (bridge.empty()) return std::nullopt;
    std::string path = "/sdn/zones/localnetwork/" + bridge;
    if (const std::string tag = property_list(net).get("tag"); !tag.empty()) path += "/" + tag;
    if (c.may(path, "SDN.Use")) return std::nullopt;
    return forbidden(path, "SDN.Use");
}

std::optional<reply> check_changes(const call& c, guest_id guest, const std::map<std::string, std::string>& changes,
                                   const std::vector<std::string>& removed) {
    std::vector<std::string> options = removed;
    for (const auto& [key, value] : changes) options.push_back(key);
    if (auto refused = check_options(c, guest, options)) return refused;
    for (const auto& [key, value] : changes) {
        if (is_net_option(key))
            if (auto refused = check_bridge(c, value)) return refused;
        if (!is_drive_option(key) || key.starts_with("unused")) continue;
        const std::string volume = volume_of(value).str();
        if (volume.find(':') == std::string::npos) continue;
        const std::string storage = "/storage/" + storage_of(volid(volume)).str();
        if (is_to_allocate(value) && !c.may(storage, "Datastore.AllocateSpace"))
            return forbidden(storage, "Datastore.AllocateSpace");
    }
    return std::nullopt;
}

const std::vector<route>& guest_routes() {
    static const std::vector<route> routes = [] {
        std::vector<route> all;
        add_status_routes(all);
        add_power_routes(all);
        add_config_routes(all);
        add_snapshot_routes(all);
        add_disk_routes(all);
        add_clone_routes(all);
        add_migrate_routes(all);
        add_agent_routes(all);
        add_rrd_routes(all);
        return all;
    }();
    return routes;
}

}  // namespace steward::sim::api
