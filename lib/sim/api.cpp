#include "sim/api.hpp"

#include "sim/api_call.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim::api {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> split_path(const std::string& path) {
    std::vector<std::string> parts;
    for (std::size_t at = 0; at < path.size();) {
        const std::size_t end = std::min(path.find('/', at), path.size());
        if (end > at) parts.push_back(percent_decode(path.substr(at, end - at)));
        at = end + 1;
    }
    return parts;
}

/// Whether the pattern fits, and the values of its {names}.
std::optional<std::map<std::string, std::string>> fit(const char* pattern, const std::vector<std::string>& parts) {
    std::map<std::string, std::string> values;
    std::size_t i = 0;
    for (const std::string& word : split_path(pattern)) {
        if (i >= parts.size()) return std::nullopt;
        if (word.ends_with("...}")) {
            std::string rest;
            for (; i < parts.size(); ++i) rest += (rest.empty() ? "" : "/") + parts[i];
            values[word.substr(1, word.size() - 5)] = rest;
            return values;
        }
        if (word.front() == '{')
            values[word.substr(1, word.size() - 2)] = parts[i];
        else if (word != parts[i])
            return std::nullopt;
        ++i;
    }
    if (i != parts.size()) return std::nullopt;
    return values;
}

class match {
  public:
    const route* found = nullptr;
    std::map<std::string, std::string> values;
};

match find_route(const std::string& method, const std::string& path) {
    const auto parts = split_path(path);
    for (const auto* table : {&access_routes(), &cluster_routes(), &node_routes(), &task_routes(), &guest_routes(),
                              &restore_routes(), &storage_routes()})
        for (const route& r : *table)
            if (method == r.method)
                if (auto values = fit(r.pattern, parts)) {
                    match m;
                    m.found = &r;
                    m.values = std::move(*values);
                    return m;
                }
    return {};
}

std::string fill(std::string text, const std::map<std::string, std::string>& values) {
    for (const auto& [name, value] : values) {
        const std::string key = "{" + name + "}";
        if (const std::size_t at = text.find(key); at != std::string::npos) text.replace(at, key.size(), value);
    }
    return text;
}

std::optional<reply> check_privileges(const cluster& model, const identity& who, const route& r,
                                      const std::map<std::string, std::string>& values) {
    const std::string needs = r.needs;
    if (needs.empty()) return std::nullopt;
    const std::size_t at = needs.find('@');
    const std::string path = fill(needs.substr(at + 1), values);
    const std::string wanted = needs.substr(0, at);
    for (std::size_t from = 0; from < wanted.size();) {
        const std::size_t end = std::min(wanted.find('|', from), wanted.size());
        if (model.access().has(who, path, wanted.substr(from, end - from))) return std::nullopt;
        from = end + 1;
    }
    return forbidden(path, wanted);
}

reply bare(int status, std::string reason, duration delay) {
    reply r;
    r.status = status;
    r.reason = std::move(reason);
    r.delay = delay;
    return r;
}

/// Answers for a node that cannot be asked (pve-facts B.5); nothing when it can.
std::optional<reply> check_proxy(const cluster& model, const node_name& contacted, const node_name& target) {
    if (model.find_node(target) == nullptr)
        return error(500, fmt::format("hostname lookup '{0}' failed - failed to get address info for: {0}: Name or "
                                      "service not known",
                                      target.str()));
    if (target == contacted) return std::nullopt;
    if (!model.can_reach(contacted, target)) return bare(595, "No route to host", 2s);
    const auto fault = model.faults().api.find(target);
    if (fault != model.faults().api.end() && fault->second.mode == api_mode::hang)
        return bare(596, "Connection timed out", 30s);
    return std::nullopt;
}

reply dispatch(cluster& model, const request& what, const identity& who) {
    const match m = find_route(what.method, what.path);
    if (m.found == nullptr) {
        reply r = error(501, fmt::format("Method '{} {}' not implemented", what.method, what.path));
        r.body = json::serialize(json::object{{"data", nullptr}, {"message", r.reason}});  // without the usual newline
        return r;
    }
    if (auto refused = check_privileges(model, who, *m.found, m.values)) return *refused;
    node_name target = what.contacted;
    if (const auto named = m.values.find("node"); named != m.values.end() && named->second != "localhost")
        target = node_name(named->second);
    if (auto unreachable = check_proxy(model, what.contacted, target)) return *unreachable;

    const auto errors = check_parameters(*m.found, m.values, what.params);
    if (!errors.empty()) return parameter_error(errors);
    call c(model, target, who);
    c.path = m.values;
    for (const auto& [name, value] : what.params) c.params[name] = value;
    return m.found->run(c);
}

/// The injected behaviour of a contacted node; nothing for a sound one. Whether the call runs at all is its choice.
std::optional<api_fault> injected(cluster& model, const node_name& contacted) {
    const auto found = model.faults().api.find(contacted);
    if (found == model.faults().api.end()) return std::nullopt;
    if (found->second.until && *found->second.until <= model.now()) {
        model.faults().api.erase(found);
        return std::nullopt;
    }
    return found->second;
}

const char* reason_of(int code) {
    switch (code) {
        case 401: return "permission denied - invalid PVE ticket";
        case 595: return "No route to host";
        case 596: return "Connection timed out";
        default: return "injected error";
    }
}

std::string who_for_log(const request& what, const cluster& model) {
    const auto who = model.access().authenticate(what.who, false, model.wall_now());
    return who ? who->name() : "nobody";
}

reply answer(cluster& model, const request& what) {
    const bool is_write = what.method != "GET";
    const bool open = what.path == "/access/ticket" || what.path == "/access/domains";
    if (open && find_route(what.method, what.path).found != nullptr) return dispatch(model, what, identity());
    const auto who = model.access().authenticate(what.who, is_write, model.wall_now());
    if (!who) return bare(401, who.error().detail, 3s);
    return dispatch(model, what, *who);
}

bool is_list_reply(const request& what, const reply& r) {
    return what.method == "GET" && r.body.find("\"data\":[") != std::string::npos;
}

}  // namespace

reply handle(cluster& model, const request& what) {
    ++model.calls().by_verb[what.method];
    const auto fault = injected(model, what.contacted);
    reply r;
    if (fault && fault->mode == api_mode::hang) {
        r.what_happens = reply::fate::hang;
        return r;
    }
    if (fault && fault->mode == api_mode::code) return bare(fault->code, reason_of(fault->code), 0s);
    r = answer(model, what);
    if (what.method != "GET" && what.path != "/access/ticket")
        model.calls().writes.push_back(
            fmt::format("{} {} {} {}", what.method, what.path, r.status, who_for_log(what, model)));
    if (!fault) return r;
    if (fault->mode == api_mode::drop_reply) r.what_happens = reply::fate::drop;
    if (fault->mode == api_mode::garbage) r.body = "<html>}{ this is not what you asked for";
    if (fault->mode == api_mode::list_empty && is_list_reply(what, r)) r.body = R"({"data":[]})";
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

std::string call::get(const std::string& name, const std::string& fallback) const {
    const auto found = params.find(name);
    return found == params.end() ? fallback : found->second;
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
