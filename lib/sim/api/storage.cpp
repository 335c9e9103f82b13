#include "sim/api/call.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim::api {

namespace json = boost::json;

namespace {

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : ",") + word;
    return text;
}

bool may_see(const call& c, const storage_id& id) {
    return c.may("/storage/" + id.str(), "Datastore.Audit") || c.may("/storage/" + id.str(), "Datastore.AllocateSpace");
}

bool holds(const storage_entry& s, const std::string& wanted) {
    const auto words = split_list(wanted);
    return words.empty() || std::any_of(words.begin(), words.end(), [&](const std::string& w) { return s.holds(w); });
}

json::object usage(const call& c, const storage_entry& s) {
    const bool active = c.model.is_active(s.id, c.node);
    const std::uint64_t avail = active ? c.model.available(s.id, c.node) : 0;
    return json::object{{"type", s.type},
                        {"content", joined(s.content)},
                        {"shared", s.shared ? 1 : 0},
                        {"enabled", 1},
                        {"active", active ? 1 : 0},
                        {"total", active ? c.model.capacity(s.id) : 0},
                        {"avail", avail},
                        {"used", active ? c.model.capacity(s.id) - avail : 0}};
}

reply storage_config(call& c) {
    json::array rows;
    for (const storage_entry& s : c.model.storages(c.at)) {
        if (!may_see(c, s.id) || (c.has("type") && c.get("type") != s.type)) continue;
        json::object row{{"storage", s.id.str()},
                         {"type", s.type},
                         {"content", joined(s.content)},
                         {"digest", "2affe496091a8524a349c5d65a7f14b10ea1cced"}};
        for (const auto& [key, value] : s.values) row[key] = value;
        if (s.shared) row["shared"] = 1;
        rows.push_back(std::move(row));
    }
    return ok(std::move(rows));
}

reply storage_list(call& c) {
    json::array rows;
    for (const storage_entry& s : c.model.storages(c.at)) {
        if (!may_see(c, s.id) || !holds(s, c.get("content")) || (c.has("storage") && c.get("storage") != s.id.str()))
            continue;
        json::object row = usage(c, s);
        row["storage"] = s.id.str();
        row["used_fraction"] =
            static_cast<double>(row["used"].to_number<std::uint64_t>()) / static_cast<double>(c.model.capacity(s.id));
        rows.push_back(std::move(row));
    }
    return ok(std::move(rows));
}

reply storage_status(call& c) {
    const storage_entry* s = c.model.storage(storage_id(c.path.at("storage")));
    if (s == nullptr) return parameter_error({{"storage", "No such storage."}});
    return ok(usage(c, *s));
}

json::object archive_row(const archive& a) {
    json::object row{{"volid", a.id.str()},
                     {"content", "backup"},
                     {"format", a.guest.type == guest_type::ct ? "tar.zst" : "vma.zst"},
                     {"size", a.bytes},
                     {"ctime", a.created.time_since_epoch().count()},
                     {"vmid", a.guest.id.number()},
                     {"subtype", api_word(a.guest.type)}};
    if (!a.notes.empty()) row["notes"] = a.notes;
    if (a.is_protected) row["protected"] = 1;
    return row;
}

reply content(call& c) {
    const storage_id id(c.path.at("storage"));
    if (c.model.storage(id) == nullptr) return error(500, fmt::format("storage '{}' does not exist", id.str()));
    if (!c.model.is_active(id, c.node)) return error(500, fmt::format("storage '{}' is not online", id.str()));
    const std::string kind = c.get("content");
    const std::string path = "/storage/" + id.str();
    json::array rows;
    if (kind.empty() || kind == "backup")
        for (const archive& a : c.model.archives(id, c.node)) {
            if (c.has("vmid") && c.get("vmid") != to_string(a.guest.id)) continue;
            if (c.may(path, "Datastore.Allocate") ||
                (c.may(path, "Datastore.AllocateSpace") && c.may_guest(a.guest.id, "VM.Backup")))
                rows.push_back(archive_row(a));
        }
    for (const auto& [name, v] : c.model.volumes(id, c.node)) {
        const char* held = v.owner.type == guest_type::ct ? "rootdir" : "images";
        if ((!kind.empty() && kind != held) || (c.has("vmid") && c.get("vmid") != to_string(v.owner.id))) continue;
        if (c.may(path, "Datastore.Allocate") || c.may_guest(v.owner.id, "VM.Config.Disk"))
            rows.push_back(json::object{{"volid", name.str()},
                                        {"content", held},
                                        {"format", "raw"},
                                        {"size", v.bytes},
                                        {"vmid", v.owner.id.number()}});
    }
    for (const stored_file& f : c.model.stored_files(id, c.node)) {
        if ((!kind.empty() && kind != f.content()) || c.has("vmid")) continue;
        const std::string name = f.id.str().substr(f.id.str().rfind('/') + 1);
        rows.push_back(json::object{{"volid", f.id.str()},
                                    {"content", f.content()},
                                    {"format", format_of(f.content(), name)},
                                    {"size", f.bytes},
                                    {"ctime", f.created.time_since_epoch().count()}});
    }
    return ok(std::move(rows));
}

volid named_volume(const call& c) {
    const std::string text = c.path.at("volume");
    return volid(text.find(':') == std::string::npos ? c.path.at("storage") + ":" + text : text);
}

reply remove_volume(call& c) {
    const volid id = named_volume(c);
    const std::string path = "/storage/" + c.path.at("storage");
    const archive* found = c.model.find_archive(id, c.node);
    const bool owner =
        found != nullptr && c.may(path, "Datastore.AllocateSpace") && c.may_guest(found->guest.id, "VM.Backup");
    if (!owner && !c.may(path, "Datastore.Allocate")) return forbidden(path, "Datastore.Allocate");
    task_work w("imgdel",
                fmt::format("{}@{}", found != nullptr ? to_string(found->guest.id) : "", c.path.at("storage")),
                std::chrono::seconds(1));
    cluster& model = c.model;
    const node_name node = c.node;
    w.finish = [&model, id, node](const std::string&) -> std::string {
        const archive* a = model.find_archive(id, node);
        if (a != nullptr && a->is_protected)
            return fmt::format("cannot remove protected volume '{}' on '{}'", id.str(), storage_of(id).str());
        model.remove_archive(id, node);
        return "OK";
    };
    return ok(json::value(c.model.start_task(c.node, c.who.name(), std::move(w))));
}

}  // namespace

const std::vector<route>& storage_routes() {
    static const std::vector<route> routes = {
        {"GET", "/storage", storage_config},
        {"GET", "/nodes/{node}/storage", storage_list},
        {"GET", "/nodes/{node}/storage/{storage}/status", storage_status},
        {"GET", "/nodes/{node}/storage/{storage}/content", content},
        {"DELETE", "/nodes/{node}/storage/{storage}/content/{volume}", remove_volume},
    };
    return routes;
}

}  // namespace steward::sim::api
