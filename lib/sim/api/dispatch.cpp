#include "pve/schema/all_facts.hpp"
#include "sim/api/api.hpp"
#include "sim/api/call.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim::api {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

namespace schema = pve::schema;

const handler* find_handler(const schema::method& what) {
    static const auto all = [] {
        std::map<std::pair<std::string_view, std::string_view>, handler> table;
        for (const auto* part : {&access_routes(),
                                 &resource_routes(),
                                 &task_routes(),
                                 &guest_routes(),
                                 &restore_routes(),
                                 &ha_routes(),
                                 &ha_rule_routes(),
                                 &bulk_routes(),
                                 &node_status_routes(),
                                 &node_system_routes(),
                                 &node_service_routes(),
                                 &cluster_options_routes(),
                                 &cluster_config_routes(),
                                 &notification_routes(),
                                 &storage_config_routes(),
                                 &storage_status_routes(),
                                 &storage_content_routes(),
                                 &storage_prune_routes(),
                                 &storage_upload_routes(),
                                 &vzdump_routes(),
                                 &backup_job_routes(),
                                 &firewall_routes()})
            for (const route& r : *part) table[{r.method, r.path}] = r.run;
        return table;
    }();
    const auto found = all.find({what.verb, what.path});
    return found == all.end() ? nullptr : &found->second;
}

std::optional<schema::matched_call> find_call(const cluster& model, const std::string& method,
                                              const std::string& path) {
    auto found = schema::catalogue_of_everything().find(method, path, model.version());
    if (found && !found->what->when.contains(model.version())) return std::nullopt;
    return found;
}

/// "/cluster" and the like: the names of what is below, under the key that the schema gives such rows.
std::optional<reply> index_of(const schema::method& what) {
    if (what.verb != "GET" || what.returns.empty() || what.returns.front().type != schema::value_type::array)
        return std::nullopt;
    const auto& row = what.returns.front().members;
    if (row.size() != 1 || row.front().members.size() != 1) return std::nullopt;
    json::array rows;
    for (const std::string& name : schema::catalogue_of_everything().children_of(what.path)) {
        if (name.front() == '{') return std::nullopt;  // a list of things, not of calls
        rows.push_back(json::object{{row.front().members.front().name, name}});
    }
    return ok(std::move(rows));
}

/// The schema does not have it, so it takes no parameters.
reply root_index(const cluster& model, const request& what) {
    schema::method itself;
    itself.path = "/";
    const auto errors = check_parameters(model, itself, {}, what.params);
    if (!errors.empty()) return parameter_error(errors);
    json::array rows;
    for (const char* word : {"version", "cluster", "nodes", "storage", "access", "pools"})
        rows.push_back(json::object{{"subdir", word}});
    return ok(std::move(rows));
}

bool is_root_path(const std::string& path) { return path.find_first_not_of('/') == std::string::npos; }

reply not_implemented(const request& what) {
    reply r = error(501, fmt::format("Method '{} {}' not implemented", what.method, what.path));
    r.body = json::serialize(json::object{{"data", nullptr}, {"message", r.reason}});  // without the usual newline
    return r;
}

bool is_open(const cluster& model, const std::optional<schema::matched_call>& found) {
    if (!found) return false;
    const auto& all = found->what->permissions;
    return std::any_of(all.begin(), all.end(), [&](const schema::permission& p) {
        return p.rule == "world" && p.when.contains(model.version());
    });
}

reply dispatch(cluster& model, const request& what, const std::optional<schema::matched_call>& m, const identity& who) {
    if (is_root_path(what.path) && what.method == "GET") return root_index(model, what);
    if (!m) return not_implemented(what);
    if (!who.token.empty() && !m->what->allows_token)
        return error(403, fmt::format("Permission check failed (URI '{}' not available with API token, need proper "
                                      "ticket.\n)",
                                      what.path));
    parameters given = m->path;
    given.insert(given.end(), what.params.begin(), what.params.end());
    if (auto refused = check_permission(model, who, *m->what, given)) return *refused;

    node_name named = what.contacted;
    for (const auto& [name, value] : m->path)
        if (name == "node" && value != "localhost") named = node_name(value);
    const node_name at = m->what->is_proxied ? named : what.contacted;
    if (auto unreachable = way_to(model, what, *m->what, at)) return *unreachable;
    if (at != what.contacted) model.access().see(model.files(at).tree());

    call c(model, at, named, who);
    c.path.insert(m->path.begin(), m->path.end());
    const auto errors = check_parameters(model, *m->what, c.path, what.params);
    if (!errors.empty()) return parameter_error(errors);
    c.arrived = what.arrived.value_or(model.now());
    for (const auto& [name, value] : what.params) c.params[name] = value;
    c.all = what.params;
    if (what.upload) c.upload = &*what.upload;
    const handler* run = find_handler(*m->what);
    if (run != nullptr) return (*run)(c);
    if (auto index = index_of(*m->what)) return *index;
    return not_implemented(what);
}

std::string who_for_log(const request& what, const cluster& model) {
    const auto who = authenticate(model, what.contacted, what.who, false);
    return who ? who->name() : "nobody";
}

reply answer(cluster& model, const request& what) {
    const bool is_write = what.method != "GET" && !what.upload;  // no CSRF token for uploads (pve-facts A.5)
    model.access().see(model.files(what.contacted).tree());
    const auto found = find_call(model, what.method, what.path);
    if (is_open(model, found)) return dispatch(model, what, found, identity());
    const auto who = authenticate(model, what.contacted, what.who, is_write);
    if (!who) return bare(401, who.error().detail, 3s);
    return dispatch(model, what, found, *who);
}

/// Who logged in, or tried to, is in the cluster log.
void log_login(cluster& model, const request& what, const reply& r) {
    if (r.status != 200 && r.status != 401) return;
    std::string user;
    for (const auto& [name, value] : what.params)
        if (name == "username") user = value;
    const bool went_well = r.status == 200;
    const std::string text =
        went_well ? fmt::format("successful auth for user '{}'", user)
                  : fmt::format("authentication failure; rhost=::ffff:127.0.0.1 user={} msg={}", user, r.reason);
    model.journal().add({model.wall_now(what.contacted), what.contacted, "pvedaemon", 1000,
                         went_well ? user : "root@pam", text, went_well ? cluster_log::info : cluster_log::error, 0});
}

reply handle_now(cluster& model, request& what) {
    model.files().look_outside();
    if (!what.arrived) {
        what.arrived = model.now();
        ++model.calls().by_verb[what.method];
    }
    const auto fault = injected_fault(model, what);
    if (fault)
        if (auto instead = answer_instead(*fault)) return *instead;
    reply r;
    if (auto stuck = way_into(model, what))
        r = *stuck;
    else
        r = answer(model, what);
    if (r.what_happens == reply::fate::again) return r;
    if (what.method == "POST" && what.path == "/access/ticket") log_login(model, what, r);
    if (what.method != "GET" && what.path != "/access/ticket")
        model.calls().writes.push_back(
            fmt::format("{} {} {} {}", what.method, what.path, r.status, who_for_log(what, model)));
    if (fault) spoil(*fault, what, r);
    return r;
}

}  // namespace

bool is_open_to_the_world(const cluster& model, const std::string& method, const std::string& path) {
    return is_open(model, find_call(model, method, path));
}

result<identity> authenticate(const cluster& model, const node_name& contacted, const credentials& given,
                              bool is_write) {
    const bool is_known = model.find_node(contacted) != nullptr;
    model.access().see(is_known ? model.files(contacted).tree() : model.files().tree());
    return model.access().authenticate(given, is_write, is_known ? model.wall_now(contacted) : model.wall_now());
}

reply handle(cluster& model, request& what) {
    reply r = handle_now(model, what);
    model.access().see(model.files().tree());  // a node's old view does not outlive its partition
    return r;
}

reply bare(int status, std::string reason, duration delay) {
    reply r;
    r.status = status;
    r.reason = std::move(reason);
    r.delay = delay;
    return r;
}

reply ok(json::value data) {
    reply r;
    r.body = json::serialize(json::object{{"data", std::move(data)}});
    return r;
}

reply ok(json::value data, std::size_t total) {
    reply r;
    r.body = json::serialize(json::object{{"data", std::move(data)}, {"total", total}});
    return r;
}

reply error(int status, const std::string& message) {
    reply r;
    r.status = status;
    r.reason = message;
    r.body = json::serialize(json::object{{"data", nullptr}, {"message", message + "\n"}});
    return r;
}

reply parameter_error(const std::map<std::string, std::string>& errors) {
    json::object by_name;
    for (const auto& [name, text] : errors) by_name[name] = text;
    reply r;
    r.status = 400;
    r.reason = "Parameter verification failed.";
    r.body =
        json::serialize(json::object{{"data", nullptr}, {"errors", std::move(by_name)}, {"message", r.reason + "\n"}});
    return r;
}

reply forbidden(const std::string& acl_path, const std::string& privileges) {
    return error(403, fmt::format("Permission check failed ({}, {})", acl_path, privileges));
}

reply configuration_missing(const node_name& node, guest_id guest) {
    return error(500, fmt::format("Configuration file '{}' does not exist", config_files::path(node, guest)));
}

reply wait(duration pause) {
    reply r;
    r.delay = pause;
    r.what_happens = reply::fate::again;
    return r;
}

std::string call::get(const std::string& name, const std::string& fallback) const {
    const auto found = params.find(name);
    return found == params.end() ? fallback : found->second;
}

std::int64_t call::number(const std::string& name, std::int64_t fallback) const {
    const auto found = params.find(name);
    return found == params.end() ? fallback : std::strtoll(found->second.c_str(), nullptr, 10);
}

std::vector<std::string> call::list(const std::string& name) const {
    std::vector<std::string> words;
    for (const auto& [key, value] : all)
        if (key == name)
            for (std::string& word : split_list(value)) words.push_back(std::move(word));
    return words;
}

bool call::may(const std::string& acl_path, std::string_view privilege) const {
    return model.access().has(who, acl_path, privilege);
}

bool call::may_guest(vmid id, std::string_view privilege) const { return may("/vms/" + to_string(id), privilege); }

guest_id call::guest(guest_type type) const {
    const auto id = parse_vmid(path.at("vmid"));
    return {type, id ? *id : vmid()};
}

}  // namespace steward::sim::api
