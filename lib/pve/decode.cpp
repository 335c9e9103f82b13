#include "pve/decode.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <charconv>
#include <fmt/core.h>

namespace steward::pve {
namespace json = boost::json;
namespace {

std::string operation(const request& what) { return fmt::format("pve {} {}", http_method(what.what), what.path); }

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// 500 is PVE's universal failure; its text only refines the kind (pve-facts M3).
errc kind_of_refusal(std::string_view words) {
    if (contains(words, "no quorum")) return errc::no_quorum;
    if (contains(words, "does not exist") || contains(words, "no such")) return errc::not_found;
    if (contains(words, "already exists") || contains(words, "File exists")) return errc::exists;
    if (contains(words, "is locked") || contains(words, "can't lock file") ||
        contains(words, "got lock request timeout"))
        return errc::locked;
    if (contains(words, "detected modified configuration")) return errc::changed;
    return errc::refused;
}

errc kind_of(int status, std::string_view words, verb what) {
    switch (status) {
        case 401: return errc::unauthorized;
        case 403: return errc::forbidden;
        case 595: return errc::not_delivered;
        // The proxy lost the answer: a write may have run (pve-facts B.5).
        case 596:
        case 597:
        case 599: return what == verb::get ? errc::not_delivered : errc::outcome_unknown;
        default: break;
    }
    if (status == 400)
        return contains(words, "no such task") || contains(words, "No such storage") ? errc::not_found
                                                                                     : errc::bad_request;
    if (status == 501) return errc::bad_request;
    if (status == 500) return kind_of_refusal(words);
    if (status == 502 || status == 503 || status == 504)
        return what == verb::get ? errc::not_delivered : errc::outcome_unknown;
    return status >= 400 ? errc::refused : errc::garbage;
}

void drop_line_ends(std::string& text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
}

/// Newer versions put the message into the body, older ones only into the reason phrase; parameter errors name fields.
std::string words_of(const reply& answer) {
    std::string words = answer.reason;
    boost::system::error_code ec;
    const json::value body = json::parse(answer.body, ec);
    if (ec || !body.is_object()) return words;
    const json::object& top = body.get_object();
    if (const json::value* message = top.if_contains("message"); message && message->is_string())
        words = std::string(message->get_string());
    drop_line_ends(words);
    if (const json::value* errors = top.if_contains("errors"); errors && errors->is_object())
        for (const auto& [field, text] : errors->get_object())
            words += fmt::format(" {}: {};", std::string_view(field),
                                 text.is_string() ? std::string(text.get_string()) : json::serialize(text));
    return words;
}

fault garbage(std::string_view what) { return fault(errc::garbage, "pve answer", std::string(what)); }

model::run_state run_state_of(std::string_view word) {
    if (word == "stopped") return model::run_state::stopped;
    // QEMU's own states (paused, io-error, …) all mean that the process exists; "unknown" means no fresh report.
    if (word.empty() || word == "unknown") return model::run_state::unknown;
    return model::run_state::running;
}

std::optional<guest_type> guest_type_of(std::string_view word) {
    if (word == "lxc" || word == "ct") return guest_type::ct;
    if (word == "qemu" || word == "vm") return guest_type::vm;
    return std::nullopt;
}

void read_guest_row(const json::object& row, model::cluster_view& into) {
    const auto type = guest_type_of(text_of(row, "type"));
    const auto id = number_of(row, "vmid");
    if (!type || !id) return;
    model::guest_row g;
    g.id = guest_id(*type, vmid(static_cast<std::uint32_t>(*id)));
    g.node = node_name(text_of(row, "node"));
    g.name = text_of(row, "name");
    g.status = run_state_of(text_of(row, "status"));
    g.is_template = truth_of(row, "template");
    g.lock = text_of(row, "lock");
    g.tags = split_tags(text_of(row, "tags"));
    g.hastate = text_of(row, "hastate");
    g.max_memory = number_of(row, "maxmem").value_or(0);
    into.guests[g.id] = std::move(g);
}

void read_node_row(const json::object& row, model::cluster_view& into) {
    const node_name name(text_of(row, "node"));
    model::node& n = into.nodes[name];
    n.name = name;
    const std::string status = text_of(row, "status");
    if (!n.online && status == "online") n.online = true;
    if (!n.online && status == "offline") n.online = false;
    const auto total = number_of(row, "maxmem");
    const auto used = number_of(row, "mem");
    if (total && used && *total > *used) n.free_memory = *total - *used;
}

void read_storage_row(const json::object& row, model::cluster_view& into) {
    model::storage_row s;
    s.id = storage_id(text_of(row, "storage"));
    s.node = node_name(text_of(row, "node"));
    s.shared = truth_of(row, "shared");
    s.available = text_of(row, "status") == "available";
    s.content = split_list(text_of(row, "content"), ",");
    const auto total = number_of(row, "maxdisk");
    const auto used = number_of(row, "disk");
    if (total && used) s.free_bytes = *total > *used ? *total - *used : 0;
    into.storages.push_back(std::move(s));
}

}  // namespace

result<json::value> data_of(const reply& answer, const request& what) {
    if (answer.status < 200 || answer.status > 299) {
        std::string words = words_of(answer);
        drop_line_ends(words);
        const errc kind = kind_of(answer.status, words, what.what);
        if (words.empty()) words = fmt::format("HTTP status {}", answer.status);
        fault f(kind, operation(what), std::move(words));
        f.http_status = answer.status;
        return f;
    }
    boost::system::error_code ec;
    json::parse_options options;
    options.max_depth = 32;
    json::value body = json::parse(answer.body, ec, {}, options);
    if (ec || !body.is_object() || !body.get_object().contains("data"))
        return fault(what.what == verb::get ? errc::garbage : errc::outcome_unknown, operation(what),
                     "the answer is not PVE's JSON envelope");
    return std::move(body.get_object()["data"]);
}

std::string text_of(const json::object& row, std::string_view key) {
    const json::value* v = row.if_contains(key);
    if (!v || v->is_null()) return {};
    if (v->is_string()) return std::string(v->get_string());
    return json::serialize(*v);
}

std::optional<std::uint64_t> number_of(const json::object& row, std::string_view key) {
    const json::value* v = row.if_contains(key);
    if (!v) return std::nullopt;
    if (v->is_uint64()) return v->get_uint64();
    if (v->is_int64() && v->get_int64() >= 0) return static_cast<std::uint64_t>(v->get_int64());
    if (v->is_double() && v->get_double() >= 0 && v->get_double() < 1e18)
        return static_cast<std::uint64_t>(v->get_double());
    if (v->is_string()) {
        const json::string& s = v->get_string();
        std::uint64_t number = 0;
        const auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), number);
        if (ec == std::errc{} && end == s.data() + s.size() && !s.empty()) return number;
    }
    return std::nullopt;
}

bool truth_of(const json::object& row, std::string_view key) {
    const json::value* v = row.if_contains(key);
    if (!v) return false;
    if (v->is_bool()) return v->get_bool();
    return number_of(row, key).value_or(0) != 0;
}

std::vector<std::string> split_list(std::string_view text, std::string_view separators) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const auto end = std::min(text.find_first_of(separators), text.size());
        if (end > 0) out.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

std::vector<std::string> split_tags(std::string_view text) {
    std::vector<std::string> tags = split_list(text, ",; \t");
    for (std::string& t : tags)
        for (char& c : t)
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    std::sort(tags.begin(), tags.end());
    tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
    return tags;
}

result<void> read_status(const json::value& data, model::cluster_view& into) {
    if (!data.is_array()) return garbage("cluster/status is not a list");
    bool has_cluster_row = false;
    for (const json::value& v : data.get_array()) {
        if (!v.is_object()) return garbage("cluster/status has a row that is not an object");
        const json::object& row = v.get_object();
        if (text_of(row, "type") == "cluster") {
            has_cluster_row = true;
            into.cluster_name = text_of(row, "name");
            into.is_quorate = truth_of(row, "quorate");
        } else if (text_of(row, "type") == "node") {
            const node_name name(text_of(row, "name"));
            if (name.empty()) return garbage("cluster/status has a node without a name");
            into.nodes[name].name = name;
            into.nodes[name].online = truth_of(row, "online");
            if (truth_of(row, "local")) into.contacted = name;
        }
    }
    if (into.nodes.empty()) return garbage("cluster/status names no node");
    // A stand-alone node has no cluster row and always has its own vote (pve-facts D.1, E.1).
    if (!has_cluster_row) into.is_quorate = true;
    return {};
}

result<void> read_resources(const json::value& data, model::cluster_view& into) {
    if (!data.is_array()) return garbage("cluster/resources is not a list");
    for (const json::value& v : data.get_array()) {
        if (!v.is_object()) return garbage("cluster/resources has a row that is not an object");
        const json::object& row = v.get_object();
        const std::string type = text_of(row, "type");
        if (type == "lxc" || type == "qemu") read_guest_row(row, into);
        if (type == "node") read_node_row(row, into);
        if (type == "storage") read_storage_row(row, into);
    }
    return {};
}

result<model::guest_status> read_guest_status(const json::value& data) {
    if (!data.is_object()) return garbage("status/current is not an object");
    const json::object& row = data.get_object();
    model::guest_status s;
    s.status = run_state_of(text_of(row, "status"));
    s.detail = text_of(row, "qmpstatus");
    s.lock = text_of(row, "lock");
    s.uptime = std::chrono::seconds(number_of(row, "uptime").value_or(0));
    if (const json::value* ha = row.if_contains("ha"); ha && ha->is_object())
        s.ha_managed = truth_of(ha->get_object(), "managed");
    return s;
}

result<model::guest_config> read_guest_config(const json::value& data) {
    if (!data.is_object()) return garbage("config is not an object");
    model::guest_config config;
    for (const auto& [key, value] : data.get_object())
        if (!value.is_array() && !value.is_object()) config.values[std::string(key)] = text_of(data.get_object(), key);
    config.digest = config.get("digest");
    config.values.erase("digest");
    if (config.digest.empty()) return garbage("config has no digest");
    return config;
}

result<std::vector<model::backup>> read_backups(const json::value& data) {
    if (!data.is_array()) return garbage("storage content is not a list");
    std::vector<model::backup> backups;
    for (const json::value& v : data.get_array()) {
        if (!v.is_object()) return garbage("storage content has a row that is not an object");
        const json::object& row = v.get_object();
        const auto id = number_of(row, "vmid");
        auto type = guest_type_of(text_of(row, "subtype"));
        const std::string volume = text_of(row, "volid");
        if (!type)
            type = volume.find("/ct/") != std::string::npos || volume.find("vzdump-lxc-") != std::string::npos
                       ? std::optional(guest_type::ct)
                   : volume.find("/vm/") != std::string::npos || volume.find("vzdump-qemu-") != std::string::npos
                       ? std::optional(guest_type::vm)
                       : std::nullopt;
        if (!id || !type || volume.empty()) continue;
        model::backup b;
        b.volume = volid(volume);
        b.guest = guest_id(*type, vmid(static_cast<std::uint32_t>(*id)));
        b.created = wall_time(std::chrono::seconds(number_of(row, "ctime").value_or(0)));
        b.bytes = number_of(row, "size").value_or(0);
        b.is_protected = truth_of(row, "protected");
        b.encrypted = !text_of(row, "encrypted").empty() && text_of(row, "encrypted") != "0";
        if (const json::value* check = row.if_contains("verification"); check && check->is_object())
            b.verify_failed = text_of(check->get_object(), "state") == "failed";
        backups.push_back(std::move(b));
    }
    return backups;
}

model::guest_config parse_config_text(std::string_view text) {
    model::guest_config config;
    for (const std::string& line : split_list(text, "\n")) {
        if (line.starts_with('[')) break;  // snapshots and pending changes follow
        const auto colon = line.find(':');
        if (line.starts_with('#') || colon == std::string::npos) continue;
        const auto value = line.find_first_not_of(' ', colon + 1);
        config.values[line.substr(0, colon)] = value == std::string::npos ? std::string() : line.substr(value);
    }
    return config;
}

}  // namespace steward::pve
