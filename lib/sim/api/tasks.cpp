#include "sim/api/call.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim::api {

namespace json = boost::json;

namespace {

constexpr std::size_t active_finished_limit = 25;  // pve-facts C.4

std::string owner_of(const std::string& user) { return user.substr(0, user.find('!')); }

/// A user sees his tasks and those of his tokens; a token only its own (pve-facts C.4).
bool owns(const identity& who, const std::string& task_user) {
    return who.token.empty() ? owner_of(task_user) == who.user : task_user == who.token;
}

json::object common_fields(const task& t) {
    json::object row{{"upid", t.upid},
                     {"node", t.node.str()},
                     {"pid", t.pid},
                     {"pstart", t.pstart},
                     {"starttime", t.started.time_since_epoch().count()},
                     {"type", t.work.type},
                     {"id", t.work.id},
                     {"user", owner_of(t.user)}};
    if (const std::size_t bang = t.user.find('!'); bang != std::string::npos) row["tokenid"] = t.user.substr(bang + 1);
    return row;
}

/// The task of the path, or why not: 400 for what is no UPID, or none of this node, or none that exists.
result<const task*> find_task(const call& c) {
    const std::string& text = c.path.at("upid");
    if (!parse_upid(text)) return fault(errc::bad_request, "upid", "unable to parse worker upid");
    const auto found = c.model.tasks().find(text);
    if (found == c.model.tasks().end() || found->second.node != c.node)
        return fault(errc::not_found, "upid", "no such task");
    return &found->second;
}

std::optional<reply> check_visible(const call& c, const std::string& task_user, const char* privilege) {
    if (owns(c.who, task_user) || c.may("/nodes/" + c.node.str(), privilege)) return std::nullopt;
    return forbidden("/nodes/" + c.node.str(), privilege);
}

reply task_status(call& c) {
    const auto t = find_task(c);
    if (!t) return parameter_error({{"upid", t.error().detail}});
    if (auto refused = check_visible(c, (*t)->user, "Sys.Audit")) return *refused;
    json::object row = common_fields(**t);
    row["status"] = (*t)->running() ? "running" : "stopped";
    if (!(*t)->running()) row["exitstatus"] = (*t)->exit_text;
    return ok(std::move(row));
}

reply task_log(call& c) {
    const auto parsed = parse_upid(c.path.at("upid"));
    if (!parsed) return parameter_error({{"upid", "unable to parse worker upid"}});
    const auto t = find_task(c);
    if (!t) return ok(json::object{{"n", 1}, {"t", "unable to open file - No such file or directory"}}, 1);
    if (auto refused = check_visible(c, (*t)->user, "Sys.Audit")) return *refused;
    const auto& lines = (*t)->log;
    const std::size_t start = std::strtoull(c.get("start", "0").c_str(), nullptr, 10);
    std::size_t limit = std::strtoull(c.get("limit", "50").c_str(), nullptr, 10);
    if (limit == 0) limit = lines.size();
    json::array rows;
    for (std::size_t i = start; i < lines.size() && rows.size() < limit; ++i)
        rows.push_back(json::object{{"n", i + 1}, {"t", lines[i]}});
    if (lines.empty()) rows.push_back(json::object{{"n", 1}, {"t", "no content"}});
    return ok(std::move(rows), lines.size());
}

reply task_index(call& c) {
    const auto t = find_task(c);
    if (!t) return parameter_error({{"upid", t.error().detail}});
    return ok(json::array{json::object{{"name", "log"}}, json::object{{"name", "status"}}});
}

reply task_stop(call& c) {
    const auto t = find_task(c);
    if (!t) return parameter_error({{"upid", t.error().detail}});
    if (auto refused = check_visible(c, (*t)->user, "Sys.Modify")) return *refused;
    c.model.stop_task((*t)->upid);
    if ((*t)->running()) return wait(std::chrono::milliseconds(500));  // until it is gone, or killed
    return ok(nullptr);
}

bool is_wanted(const call& c, const task& t) {
    const std::string source = c.get("source", "archive");
    if (source == "archive" ? t.running() : source == "active" && !t.running()) return false;
    if (c.has("vmid") && t.work.id != c.get("vmid")) return false;
    if (c.has("typefilter") && t.work.type != c.get("typefilter")) return false;
    if (c.has("userfilter") && t.user.find(c.get("userfilter")) == std::string::npos) return false;
    if (c.flag("errors") && (t.running() || t.exit_text == "OK")) return false;
    const std::int64_t started = t.started.time_since_epoch().count();
    if (c.has("since") && started < std::strtoll(c.get("since").c_str(), nullptr, 10)) return false;
    return !c.has("until") || started <= std::strtoll(c.get("until").c_str(), nullptr, 10);
}

/// A running task comes from another file than one that has ended, with its user unsplit (recorded: ct-78).
json::object list_row(const task& t) {
    json::object row = common_fields(t);
    row["status"] = t.running() ? "RUNNING" : t.exit_text;
    if (!t.running()) {
        row["endtime"] = t.ended.time_since_epoch().count();
    } else {
        row["user"] = t.user;
        row["saved"] = "0";
        row.erase("tokenid");
    }
    return row;
}

reply task_list(call& c) {
    const bool all = c.may("/nodes/" + c.node.str(), "Sys.Audit");
    const std::size_t start = std::strtoull(c.get("start", "0").c_str(), nullptr, 10);
    const std::size_t limit = std::strtoull(c.get("limit", "50").c_str(), nullptr, 10);
    std::size_t total = 0;
    json::array rows;
    const auto& order = c.model.task_order();
    for (auto upid = order.rbegin(); upid != order.rend(); ++upid) {
        const task& t = c.model.tasks().at(*upid);
        if (t.node != c.node || !is_wanted(c, t) || (!all && !owns(c.who, t.user))) continue;
        if (total++ < start || rows.size() >= limit) continue;
        rows.push_back(list_row(t));
    }
    return ok(std::move(rows), total);
}

/// The node told of this task's end when nothing else has begun or ended since: then its mark is still a number
/// (recorded: task-12).
bool is_newest_end(const cluster& model, const task& ended) {
    return std::none_of(model.tasks().begin(), model.tasks().end(), [&](const auto& each) {
        const task& t = each.second;
        const bool later = t.running() || t.started > ended.ended || t.ended > ended.ended ||
                           (t.ended == ended.ended && t.pstart > ended.pstart);
        return t.node == ended.node && t.upid != ended.upid && later;
    });
}

reply cluster_tasks(call& c) {
    json::array rows;
    std::map<node_name, std::size_t> finished;  // each node tells about its last ones
    const auto& order = c.model.task_order();
    for (auto upid = order.rbegin(); upid != order.rend(); ++upid) {
        const task& t = c.model.tasks().at(*upid);
        if (!t.running() && ++finished[t.node] > active_finished_limit) continue;
        if (!owns(c.who, t.user) && !c.may("/nodes/" + t.node.str(), "Sys.Audit")) continue;
        json::object row = common_fields(t);
        row.erase("pid");
        row.erase("pstart");
        if (!t.running()) {
            row["status"] = t.exit_text;
            row["endtime"] = t.ended.time_since_epoch().count();
            row["saved"] = is_newest_end(c.model, t) ? json::value(1) : json::value("1");
        }
        rows.push_back(std::move(row));
    }
    return ok(std::move(rows));
}

}  // namespace

const std::vector<route>& task_routes() {
    static const std::vector<route> routes = {
        {"GET", "/cluster/tasks", cluster_tasks},
        {"GET", "/nodes/{node}/tasks", task_list},
        {"GET", "/nodes/{node}/tasks/{upid}", task_index},
        {"DELETE", "/nodes/{node}/tasks/{upid}", task_stop},
        {"GET", "/nodes/{node}/tasks/{upid}/status", task_status},
        {"GET", "/nodes/{node}/tasks/{upid}/log", task_log},
    };
    return routes;
}

}  // namespace steward::sim::api
