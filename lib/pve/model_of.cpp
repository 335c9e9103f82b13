#include "pve/model_of.hpp"

#include "pve/api/cluster.hpp"
#include "pve/api/encode.hpp"
#include "pve/api/nodes_storage.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>

namespace steward::pve {
namespace json = boost::json;
using resource = api::cluster::resources_get_row;
using resource_type = api::cluster::resources_type_choice;

namespace {

fault garbage(const char* what) { return fault(errc::garbage, "pve answer", what); }

std::vector<std::string> split(std::string_view text, std::string_view separators) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const auto end = std::min(text.find_first_of(separators), text.size());
        if (end > 0) out.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

/// A size in bytes; a negative one is none.
std::optional<std::uint64_t> bytes(const std::optional<std::int64_t>& value) {
    if (!value || *value < 0) return std::nullopt;
    return static_cast<std::uint64_t>(*value);
}

void read_guest(const resource& row, guest_type type, model::cluster_view& into) {
    if (!row.vmid) return;
    model::guest_row g;
    g.id = guest_id(type, *row.vmid);
    g.node = row.node.value_or(node_name());
    g.name = row.name.value_or("");
    g.status = run_state_of(row.status.value_or(""));
    g.is_template = row.template_.value_or(false);
    g.lock = row.lock.value_or("");
    g.tags = split_tags(row.tags.value_or(""));
    g.pool = row.pool.value_or("");
    g.hastate = row.hastate.value_or("");
    g.max_memory = bytes(row.maxmem).value_or(0);
    g.used_memory = bytes(row.mem).value_or(0);
    g.uptime = std::chrono::seconds(row.uptime.value_or(0));
    into.guests[g.id] = std::move(g);
}

void read_node(const resource& row, model::cluster_view& into) {
    if (!row.node) return;
    model::node& n = into.nodes[*row.node];
    n.name = *row.node;
    const std::string status = row.status.value_or("");
    if (!n.online && status == "online") n.online = true;
    if (!n.online && status == "offline") n.online = false;
    n.is_in_ha_maintenance = row.hastate == "maintenance";
    const auto total = bytes(row.maxmem);
    const auto used = bytes(row.mem);
    if (total && used && *total > *used) n.free_memory = *total - *used;
    n.memory = total.value_or(0);
}

void read_storage(const resource& row, model::cluster_view& into) {
    model::storage_row s;
    s.id = row.storage.value_or(storage_id());
    s.node = row.node.value_or(node_name());
    s.shared = row.shared.value_or(false);
    s.available = row.status.value_or("") == "available";
    s.content = row.content;
    const auto total = bytes(row.maxdisk);
    const auto used = bytes(row.disk);
    if (total && used) s.free_bytes = *total > *used ? *total - *used : 0;
    into.storages.push_back(std::move(s));
}

/// "ct", "vm", or nothing: from the answer, else from the archive's name.
std::optional<guest_type> type_of(const api::nodes_storage::content_get_row& row, const std::string& volume) {
    const json::value& extra = row.extra.value();
    const json::value* subtype = extra.is_object() ? extra.get_object().if_contains("subtype") : nullptr;
    const std::string_view word = subtype && subtype->is_string() ? std::string_view(subtype->get_string()) : "";
    const auto has = [&](const char* part) { return volume.find(part) != std::string::npos; };
    if (word == "lxc" || word == "ct" || (word.empty() && (has("/ct/") || has("vzdump-lxc-")))) return guest_type::ct;
    if (word == "qemu" || word == "vm" || (word.empty() && (has("/vm/") || has("vzdump-qemu-")))) return guest_type::vm;
    return std::nullopt;
}

}  // namespace

model::run_state run_state_of(std::string_view word) {
    if (word == "stopped") return model::run_state::stopped;
    if (word.empty() || word == "unknown") return model::run_state::unknown;
    return model::run_state::running;
}

std::vector<std::string> split_tags(std::string_view text) {
    std::vector<std::string> tags = split(text, ",; \t");
    for (std::string& t : tags)
        for (char& c : t)
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    std::sort(tags.begin(), tags.end());
    tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
    return tags;
}

result<void> read_status(const std::vector<api::cluster::status_get_row>& rows, model::cluster_view& into) {
    using row_type = api::cluster::status_type_choice;
    bool has_cluster_row = false;
    for (const auto& row : rows) {
        if (!row.type) continue;
        if (row.type->is(row_type::cluster)) {
            has_cluster_row = true;
            into.cluster_name = row.name.value_or("");
            into.is_quorate = row.quorate.value_or(false);
        } else if (row.type->is(row_type::node)) {
            const node_name name(row.name.value_or(""));
            if (name.empty()) return garbage("cluster/status has a node without a name");
            into.nodes[name].name = name;
            into.nodes[name].online = row.online.value_or(false);
            if (row.local.value_or(false)) into.contacted = name;
        }
    }
    if (into.nodes.empty()) return garbage("cluster/status names no node");
    // A stand-alone node has no cluster row and always has its own vote (pve-facts D.1, E.1).
    if (!has_cluster_row) into.is_quorate = true;
    return {};
}

void read_resource(const resource& row, model::cluster_view& into) {
    if (!row.type) return;
    if (row.type->is(resource_type::lxc)) read_guest(row, guest_type::ct, into);
    if (row.type->is(resource_type::qemu)) read_guest(row, guest_type::vm, into);
    if (row.type->is(resource_type::node)) read_node(row, into);
    if (row.type->is(resource_type::storage)) read_storage(row, into);
}

std::vector<model::backup> backups_of(const std::vector<api::nodes_storage::content_get_row>& rows) {
    std::vector<model::backup> backups;
    for (const auto& row : rows) {
        if (!row.volid || row.volid->empty() || !row.vmid) continue;
        const auto type = type_of(row, row.volid->str());
        if (!type) continue;
        model::backup b;
        b.volume = *row.volid;
        b.guest = guest_id(*type, *row.vmid);
        b.created = wall_time(std::chrono::seconds(row.ctime.value_or(0)));
        b.bytes = bytes(row.size).value_or(0);
        b.is_protected = row.protected_.value_or(false);
        b.encrypted = row.encrypted && !row.encrypted->empty() && *row.encrypted != "0";
        if (row.notes) b.stamp = model::read_stamp(*row.notes);
        b.verify_failed = row.verification && row.verification->state == "failed";
        backups.push_back(std::move(b));
    }
    return backups;
}

result<model::guest_config> config_of(const api::struct_table& table, const void* answer, const api::raw_json& extra) {
    model::guest_config config;
    for (auto& [key, text] : api::encode(table, answer)) config.values[key] = std::move(text);
    // Options of a newer PVE, and values that its facts do not explain, are options all the same.
    if (extra.value().is_object())
        for (const auto& [key, value] : extra.value().get_object()) {
            if (value.is_array() || value.is_object()) continue;
            config.values[std::string(key)] =
                value.is_string() ? std::string(value.get_string()) : json::serialize(value);
        }
    config.digest = config.get("digest");
    config.values.erase("digest");
    if (config.digest.empty()) return garbage("config has no digest");
    return config;
}

model::guest_config parse_config_text(std::string_view text) {
    model::guest_config config;
    for (const std::string& line : split(text, "\n")) {
        if (line.starts_with('[')) break;  // snapshots and pending changes follow
        const auto colon = line.find(':');
        if (line.starts_with('#') || colon == std::string::npos) continue;
        const auto value = line.find_first_not_of(' ', colon + 1);
        config.values[line.substr(0, colon)] = value == std::string::npos ? std::string() : line.substr(value);
    }
    return config;
}

bool is_managed_by_ha(const api::raw_json& ha) {
    if (!ha.value().is_object()) return false;
    const json::value* managed = ha.value().get_object().if_contains("managed");
    if (!managed) return false;
    if (managed->is_int64()) return managed->get_int64() != 0;
    if (managed->is_bool()) return managed->get_bool();
    return managed->is_string() && managed->get_string() != "0" && !managed->get_string().empty();
}

}  // namespace steward::pve
