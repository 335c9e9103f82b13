#include "sim/api/storage.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <fmt/core.h>

/// /nodes/{node}/storage: how the storages do on a node.
namespace steward::sim::api {

namespace json = boost::json;

namespace {

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : ",") + word;
    return text;
}

json::object status_of(const call& c, const storage_entry& s) {
    const bool active = c.model.is_active(s.id, c.node);
    const std::uint64_t total = active ? c.model.capacity(s.id) : 0;
    const std::uint64_t avail = active ? c.model.available(s.id, c.node) : 0;
    return json::object{{"type", s.type},
                        {"content", joined(s.content)},
                        {"shared", s.shared ? 1 : 0},
                        {"enabled", s.is_enabled_on(c.node) ? 1 : 0},
                        {"active", active ? 1 : 0},
                        {"total", total},
                        {"avail", avail},
                        {"used", total - avail}};
}

/// "raw,qcow2" → [{"raw":1,"qcow2":1}, "raw"]
json::array formats_of(const storage_entry& s) {
    const storage_type* type = find_storage_type(s.type);
    const auto words = split_list(type == nullptr ? "raw" : type->formats);
    json::object known;
    for (const std::string& word : words) known[word] = 1;
    return json::array{std::move(known), s.get("format").empty() ? words.front() : s.get("format")};
}

/// The call looks at every storage that it lists, so one that hangs holds it up (pve-facts G.5).
std::optional<reply> held_up_by(const call& c, const storage_entry& s) {
    if (!s.is_enabled_on(c.node) || !c.model.is_hung(s.id, c.node)) return std::nullopt;
    return storage_obstacle(c, s.id);
}

reply list(call& c) {
    const auto wanted = c.list("content");
    const std::string one = c.get("storage");
    if (c.has("storage") && c.model.storage(storage_id(one), c.at) == nullptr)
        return parameter_error({{"storage", "No such storage."}});
    json::array rows;
    for (const storage_entry& s : c.model.storages(c.at)) {
        const bool enabled = s.is_enabled_on(c.node);
        const bool holds = wanted.empty() ||
                           std::any_of(wanted.begin(), wanted.end(), [&](const std::string& w) { return s.holds(w); });
        if (!holds || (!wanted.empty() && !enabled)) continue;
        if (auto late = held_up_by(c, s)) return *late;
        const std::string path = "/storage/" + s.id.str();
        if (!c.may(path, "Datastore.Audit") && !c.may(path, "Datastore.AllocateSpace")) continue;
        if ((c.has("storage") && one != s.id.str()) || (c.flag("enabled") && s.disabled)) continue;
        if (c.has("target") && (!s.is_for(c.node) || !s.is_for(node_name(c.get("target"))))) continue;
        json::object row = status_of(c, s);
        row["storage"] = s.id.str();
        if (const auto total = row["total"].to_number<std::uint64_t>(); total > 0)
            row["used_fraction"] =
                static_cast<double>(row["used"].to_number<std::uint64_t>()) / static_cast<double>(total);
        if (c.flag("format")) row["format"] = formats_of(s);
        rows.push_back(std::move(row));
    }
    return ok(std::move(rows));
}

reply status(call& c) {
    const storage_entry* s = c.model.storage(storage_id(c.path.at("storage")), c.at);
    if (s == nullptr) return parameter_error({{"storage", "No such storage."}});
    if (auto late = held_up_by(c, *s)) return *late;
    return ok(status_of(c, *s));
}

/// What is there now at every sample: nothing remembers what was.
reply rrddata(call& c) {
    const storage_entry* s = c.model.storage(storage_id(c.path.at("storage")), c.at);
    if (s == nullptr) return error(500, fmt::format("storage '{}' does not exist", c.path.at("storage")));
    static const std::map<std::string, std::int64_t> steps = {
        {"hour", 60}, {"day", 1800}, {"week", 10800}, {"month", 43200}, {"year", 604800}, {"decade", 604800 * 10}};
    constexpr std::int64_t samples = 70;
    const auto found = steps.find(c.get("timeframe"));
    const std::int64_t step = found == steps.end() ? 60 : found->second;
    const std::int64_t last = c.model.wall_now().time_since_epoch().count() / step * step;
    const bool active = c.model.is_active(s->id, c.node);
    json::array rows;
    for (std::int64_t t = last - (samples - 1) * step; t <= last; t += step) {
        json::object row{{"time", t}};
        if (active) {
            row["total"] = c.model.capacity(s->id);
            row["used"] = c.model.capacity(s->id) - c.model.available(s->id, c.node);
        }
        rows.push_back(std::move(row));
    }
    return ok(std::move(rows));
}

}  // namespace

const std::vector<route>& storage_status_routes() {
    static const std::vector<route> routes = {
        {"GET", "/nodes/{node}/storage", list},
        {"GET", "/nodes/{node}/storage/{storage}/status", status},
        {"GET", "/nodes/{node}/storage/{storage}/rrddata", rrddata},
    };
    return routes;
}

}  // namespace steward::sim::api
