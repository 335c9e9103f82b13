#include "sim/model/ha_status.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <fmt/core.h>

namespace steward::sim {

namespace json = boost::json;

namespace {

/// What cannot be read counts as empty: the files are also written by hands.
json::object object_of(std::string_view text) {
    json::error_code ec;
    json::value v = json::parse(json::string_view(text.data(), text.size()), ec);
    if (ec || !v.is_object()) return {};
    return std::move(v.get_object());
}

const json::object& object_at(const json::object& o, const char* key) {
    static const json::object nothing;
    const auto* v = o.if_contains(key);
    return v != nullptr && v->is_object() ? v->get_object() : nothing;
}

std::string text_at(const json::object& o, const char* key, const char* fallback = "") {
    const auto* v = o.if_contains(key);
    return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string(fallback);
}

std::int64_t number_at(const json::object& o, const char* key, std::int64_t fallback = 0) {
    const auto* v = o.if_contains(key);
    if (v == nullptr) return fallback;
    if (v->is_int64()) return v->get_int64();
    return v->is_uint64() ? static_cast<std::int64_t>(v->get_uint64()) : fallback;
}

ha_service service_of(const json::object& o) {
    ha_service s;
    s.state = text_at(o, "state");
    s.node = node_name(text_at(o, "node"));
    s.uid = text_at(o, "uid");
    s.running = number_at(o, "running") != 0;
    s.target = node_name(text_at(o, "target"));
    s.maintenance_node = node_name(text_at(o, "maintenance_node"));
    if (o.contains("timeout")) s.timeout = number_at(o, "timeout");
    if (const auto* cmd = o.if_contains("cmd"); cmd != nullptr && cmd->is_array() && cmd->get_array().size() == 2) {
        s.command = std::string(cmd->get_array().at(0).as_string());
        s.wanted = node_name(std::string(cmd->get_array().at(1).as_string()));
    }
    if (const auto* failed = o.if_contains("failed_nodes"); failed != nullptr && failed->is_array())
        for (const json::value& n : failed->get_array()) s.failed_nodes.emplace_back(std::string(n.as_string()));
    return s;
}

json::object json_of(const ha_service& s) {
    json::object o{{"state", s.state}, {"node", s.node.str()}, {"uid", s.uid}};
    if (s.running) o["running"] = 1;
    if (!s.target.empty()) o["target"] = s.target.str();
    if (!s.maintenance_node.empty()) o["maintenance_node"] = s.maintenance_node.str();
    if (s.timeout) o["timeout"] = *s.timeout;
    if (!s.command.empty()) o["cmd"] = json::array{json::value(s.command), json::value(s.wanted.str())};
    if (!s.failed_nodes.empty()) {
        json::array failed;
        for (const node_name& n : s.failed_nodes) failed.push_back(json::value(n.str()));
        o["failed_nodes"] = std::move(failed);
    }
    return o;
}

}  // namespace

std::string sid_of(guest_id guest) {
    return fmt::format("{}:{}", guest.type == guest_type::ct ? "ct" : "vm", guest.id.number());
}

std::optional<guest_id> parse_sid(std::string_view sid) {
    guest_type type = guest_type::ct;
    if (sid.starts_with("vm:")) type = guest_type::vm;
    if (sid.starts_with("vm:") || sid.starts_with("ct:")) sid.remove_prefix(3);
    const auto id = parse_vmid(sid);
    if (!id) return std::nullopt;
    return guest_id(type, *id);
}

std::string ha_manager_status::node_state(const node_name& node) const {
    const auto found = nodes.find(node);
    return found == nodes.end() ? std::string() : found->second;
}

ha_manager_status ha_manager_status::parse(std::string_view text) {
    const json::object o = object_of(text);
    ha_manager_status s;
    s.master = node_name(text_at(o, "master_node"));
    s.timestamp = number_at(o, "timestamp");
    s.disarmed = text_at(object_at(o, "disarm"), "mode");
    for (const auto& [node, state] : object_at(o, "node_status"))
        if (state.is_string()) s.nodes[node_name(std::string(node))] = std::string(state.get_string());
    for (const auto& [sid, service] : object_at(o, "service_status"))
        if (service.is_object()) s.services[std::string(sid)] = service_of(service.get_object());
    for (const auto& [sid, trial] : object_at(o, "relocate_trial"))
        if (trial.is_int64()) s.relocate_trial[std::string(sid)] = static_cast<int>(trial.get_int64());
    for (const auto& [node, request] : object_at(o, "node_request"))
        if (request.is_object() && request.get_object().contains("maintenance"))
            s.maintenance.insert(node_name(std::string(node)));
    return s;
}

std::string ha_manager_status::text() const {
    json::object node_status;
    for (const auto& [node, state] : nodes) node_status[node.str()] = state;
    json::object service_status;
    for (const auto& [sid, service] : services) service_status[sid] = json_of(service);
    json::object trials;
    for (const auto& [sid, trial] : relocate_trial) trials[sid] = trial;
    json::object requests;
    for (const node_name& node : maintenance) requests[node.str()] = json::object{{"maintenance", 1}};
    json::object o{{"master_node", master.str()},
                   {"node_status", std::move(node_status)},
                   {"service_status", std::move(service_status)},
                   {"relocate_trial", std::move(trials)},
                   {"timestamp", timestamp}};
    if (!disarmed.empty()) o["disarm"] = json::object{{"mode", disarmed}};
    if (!requests.empty()) o["node_request"] = std::move(requests);
    return json::serialize(o);
}

ha_lrm_status ha_lrm_status::parse(std::string_view text) {
    const json::object o = object_of(text);
    ha_lrm_status s;
    s.state = text_at(o, "state", "wait_for_agent_lock");
    s.mode = text_at(o, "mode", "active");
    s.timestamp = number_at(o, "timestamp");
    for (const auto& [uid, result] : object_at(o, "results")) {
        if (!result.is_object()) continue;
        outcome r;
        r.sid = text_at(result.get_object(), "sid");
        r.state = text_at(result.get_object(), "state");
        r.exit_code = static_cast<int>(number_at(result.get_object(), "exit_code"));
        s.results[std::string(uid)] = std::move(r);
    }
    return s;
}

std::string ha_lrm_status::text() const {
    json::object all;
    for (const auto& [uid, r] : results)
        all[uid] = json::object{{"sid", r.sid}, {"exit_code", r.exit_code}, {"state", r.state}};
    return json::serialize(
        json::object{{"state", state}, {"mode", mode}, {"results", std::move(all)}, {"timestamp", timestamp}});
}

}  // namespace steward::sim
