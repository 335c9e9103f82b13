#include "sim/api/storage.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <fmt/core.h>

/// /nodes/{node}/storage/{storage}/prunebackups
namespace steward::sim::api {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

class prune_request {
  public:
    storage_id id;
    retention keep;
    std::string type;
    std::optional<vmid> guest;
};

std::optional<reply> read_request(const call& c, prune_request& into) {
    into.id = storage_id(c.path.at("storage"));
    into.type = c.get("type");
    if (c.has("vmid")) {
        const auto id = parse_vmid(c.get("vmid"));
        if (!id) return parameter_error({{"vmid", "invalid format - value does not look like a valid VM ID"}});
        into.guest = *id;
    }
    const storage_entry* s = c.model.storage(into.id, c.at);
    if (s == nullptr) return error(500, fmt::format("storage '{}' does not exist", into.id.str()));
    const std::string text = c.has("prune-backups") ? c.get("prune-backups") : s->get("prune-backups");
    if (text.empty())
        return error(500, fmt::format("no prune-backups options configured for storage '{}'", into.id.str()));
    const auto keep = retention::parse(text);
    if (!keep) return parameter_error({{"prune-backups", keep.error().detail}});
    into.keep = *keep;
    return std::nullopt;
}

reply dry_run(call& c) {
    prune_request r;
    if (auto wrong = read_request(c, r)) return *wrong;
    if (auto refused = storage_obstacle(c, r.id)) return *refused;
    json::array rows;
    for (const prune_row& row : c.model.prune_rows(r.id, c.node, r.keep, r.type, r.guest)) {
        json::object o{{"volid", row.id.str()},
                       {"ctime", row.created.time_since_epoch().count()},
                       {"type", row.type},
                       {"mark", row.mark}};
        if (row.owner) o["vmid"] = row.owner->number();
        rows.push_back(std::move(o));
    }
    return ok(std::move(rows));
}

reply prune(call& c) {
    prune_request r;
    const std::string path = "/storage/" + c.path.at("storage");
    if (auto wrong = read_request(c, r)) return *wrong;
    if (!c.may(path, "Datastore.Allocate")) {
        if (!r.guest) return forbidden(path, "Datastore.Allocate");
        if (!c.may(path, "Datastore.AllocateSpace")) return forbidden(path, "Datastore.AllocateSpace");
        if (!c.may_guest(*r.guest, "VM.Backup")) return forbidden("/vms/" + to_string(*r.guest), "VM.Backup");
    }
    task_work w("prunebackups", (r.guest ? to_string(*r.guest) + "@" : "") + r.id.str(), 300ms);
    cluster& model = c.model;
    const node_name node = c.node;
    w.finish = [&model, r, node](const std::string& upid) -> std::string {
        if (!model.is_active(r.id, node)) return fmt::format("storage '{}' is not online", r.id.str());
        for (const prune_row& row : model.prune_rows(r.id, node, r.keep, r.type, r.guest)) {
            if (row.mark != "remove") continue;
            model.log_line(upid, fmt::format("removing backup '{}'", row.id.str()));
            model.remove_archive(row.id, node);
        }
        return "OK";
    };
    w.hangs = c.model.is_hung(r.id, c.node);
    return ok(json::value(c.model.start_task(c.node, c.who.name(), std::move(w))));
}

}  // namespace

const std::vector<route>& storage_prune_routes() {
    static const std::vector<route> routes = {
        {"GET", "/nodes/{node}/storage/{storage}/prunebackups", dry_run},
        {"DELETE", "/nodes/{node}/storage/{storage}/prunebackups", prune},
    };
    return routes;
}

}  // namespace steward::sim::api
