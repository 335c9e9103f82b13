#include "sim/api/storage.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <fmt/core.h>
#include <regex>

/// /nodes/{node}/storage/{storage}/content: what lies on a storage.
namespace steward::sim::api {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

constexpr duration removal_time = 300ms;

std::string image_format(const std::string& name) {
    for (const char* format : {"qcow2", "vmdk", "subvol"})
        if (name.ends_with(std::string(".") + format)) return format;
    return name.find(":subvol-") != std::string::npos ? "subvol" : "raw";
}

json::object archive_row(const call& c, const archive& a) {
    json::object row{{"volid", a.id.str()},
                     {"content", "backup"},
                     {"format", a.format()},
                     {"size", a.bytes},
                     {"ctime", c.model.ctime_of(a, c.node).time_since_epoch().count()},
                     {"vmid", a.guest.id.number()},
                     {"subtype", api_word(a.guest.type)}};
    if (!a.notes.empty()) row["notes"] = a.notes.substr(0, a.notes.find('\n'));
    if (a.is_protected) row["protected"] = 1;
    if (a.is_encrypted) row["encrypted"] = "5e:ed:0f:aa:00:00:00:01";
    return row;
}

json::object disk_row(const storage_entry& s, const volid& id, const volume& v) {
    json::object row{{"volid", id.str()},
                     {"content", v.owner.type == guest_type::ct ? "rootdir" : "images"},
                     {"format", image_format(id.str())},
                     {"size", v.bytes},
                     {"vmid", v.owner.id.number()},
                     {"ctime", v.created.time_since_epoch().count()}};
    if (!s.has_files()) return row;
    row["used"] = v.bytes;
    row["parent"] = nullptr;
    return row;
}

json::object file_row(const stored_file& f) {
    const std::string name = f.id.str().substr(f.id.str().rfind('/') + 1);
    return json::object{{"volid", f.id.str()},
                        {"content", f.content()},
                        {"format", format_of(f.content(), name)},
                        {"size", f.bytes},
                        {"ctime", f.created.time_since_epoch().count()}};
}

reply list(call& c) {
    const storage_id id(c.path.at("storage"));
    if (auto refused = storage_obstacle(c, id)) return *refused;
    const storage_entry& s = *c.model.storage(id, c.at);
    const std::string kind = c.get("content");
    json::array rows;
    const auto add = [&](const volid& name, const std::string& content, std::optional<vmid> owner, json::object row) {
        if ((!kind.empty() && kind != content) || !s.holds(content)) return;
        if (c.has("vmid") && (!owner || c.get("vmid") != to_string(*owner))) return;
        volume_name v;
        v.id = name;
        v.content = content;
        v.owner = owner;
        if (!check_volume_access(c, v)) rows.push_back(std::move(row));
    };
    for (const auto& [name, v] : c.model.volumes(id, c.node))
        add(name, v.owner.type == guest_type::ct ? "rootdir" : "images", v.owner.id, disk_row(s, name, v));
    for (const archive& a : c.model.archives(id, c.node)) add(a.id, "backup", a.guest.id, archive_row(c, a));
    for (const stored_file& f : c.model.stored_files(id, c.node)) add(f.id, f.content(), std::nullopt, file_row(f));
    return ok(std::move(rows));
}

reply info(call& c) {
    volume_name v;
    if (auto wrong = named_volume(c, v)) return *wrong;
    if (auto refused = check_volume_access(c, v)) return *refused;
    if (auto refused = storage_obstacle(c, storage_of(v.id))) return *refused;
    const storage_entry& s = *c.model.storage(storage_of(v.id), c.at);
    json::object data{{"path", path_of(s, v.id)}, {"format", "raw"}};
    std::uint64_t bytes = 0;
    if (const archive* a = c.model.find_archive(v.id, c.node)) {
        if (s.is_backup_server()) data["format"] = a->format();
        bytes = a->bytes;
        data["notes"] = a->notes;
        data["protected"] = a->is_protected ? 1 : 0;
    } else if (const stored_file* f = c.model.find_stored(v.id, c.node)) {
        bytes = f->bytes;
    } else if (c.model.has_volume(v.id, c.node)) {
        bytes = c.model.volumes(storage_of(v.id), c.node).at(v.id).bytes;
        data["format"] = image_format(v.id.str());
    } else {
        return error(500, fmt::format("volume_size_info on '{}' failed - no format", v.id.str()));
    }
    data["size"] = bytes;
    data["used"] = bytes;
    return ok(std::move(data));
}

reply change(call& c) {
    volume_name v;
    if (auto wrong = named_volume(c, v)) return *wrong;
    if (auto refused = check_volume_access(c, v)) return *refused;
    if (auto refused = storage_obstacle(c, storage_of(v.id))) return *refused;
    const storage_entry& s = *c.model.storage(storage_of(v.id), c.at);
    for (const char* attribute : {"notes", "protected"}) {
        if (!c.has(attribute) || v.content == "backup") continue;
        return error(500, s.has_files() ? fmt::format("only backups support attribute '{}'", attribute)
                                        : fmt::format("attribute '{}' is not supported for storage type '{}'",
                                                      attribute, s.type));
    }
    const archive* found = c.model.find_archive(v.id, c.node);
    if (found == nullptr) return error(500, fmt::format("volume '{}' does not exist", v.id.str()));
    if (c.flag("protected") && !found->is_protected) {
        const long limit = protected_limit(c, s);
        const auto all = c.model.archives(s.id, c.node);
        const auto held = std::count_if(
            all.begin(), all.end(), [&](const archive& a) { return a.is_protected && a.guest.id == found->guest.id; });
        if (limit >= 0 && held >= limit)
            return error(500, fmt::format("The number of protected backups per guest is limited to {} on storage '{}'",
                                          limit, s.id.str()));
    }
    c.model.change_archive(v.id, c.node, [&](archive& a) {
        if (c.has("notes")) a.notes = c.get("notes");
        if (c.has("protected")) a.is_protected = c.flag("protected");
    });
    return ok(nullptr);
}

/// Why a volume cannot go; empty when it can. One that is not there goes without a word (recorded: st-07).
std::string removal_obstacle(const cluster& model, const volume_name& v, const node_name& node) {
    const archive* a = model.find_archive(v.id, node);
    if (a != nullptr && a->is_protected)
        return fmt::format("cannot remove protected volume '{}' on '{}'", v.inner(), storage_of(v.id).str());
    return {};
}

reply remove(call& c) {
    volume_name v;
    if (auto wrong = named_volume(c, v)) return *wrong;
    const storage_id id = storage_of(v.id);
    const std::string path = "/storage/" + id.str();
    if (v.content == "backup" && v.owner) {
        if (!c.may(path, "Datastore.AllocateSpace")) return forbidden(path, "Datastore.AllocateSpace");
        if (!c.may_guest(*v.owner, "VM.Backup")) return forbidden("/vms/" + to_string(*v.owner), "VM.Backup");
    } else if (!c.may(path, "Datastore.Allocate")) {
        return forbidden(path, "Datastore.Allocate");
    }
    task_work w("imgdel", (v.owner ? to_string(*v.owner) + "@" : "") + id.str(), removal_time);
    cluster& model = c.model;
    const node_name node = c.node;
    w.finish = [&model, v, id, node](const std::string& upid) -> std::string {
        if (!model.is_active(id, node)) return fmt::format("storage '{}' is not online", id.str());
        if (std::string why = removal_obstacle(model, v, node); !why.empty()) return why;
        model.remove_archive(v.id, node);
        model.remove_stored(v.id, node);
        model.release(v.id, node);
        model.log_line(upid, fmt::format("Removed volume '{}'", v.id.str()));
        return "OK";
    };
    const storage_entry* s = c.model.storage(id, c.at);
    if (s->shared) c.model.add_storage_lock(w, id);
    w.hangs = c.model.is_hung(id, c.node);
    const bool is_held_up = w.hangs || (w.may_begin && !w.may_begin());
    reply r = ok(json::value(c.model.start_task(c.node, c.who.name(), std::move(w))));
    if (!c.has("delay")) return r;
    // The call looks every second whether the worker has ended, and then says what that has come to.
    if (is_held_up) {
        r.delay = std::chrono::seconds(c.number("delay", 1));
        return r;
    }
    const std::string why = !c.model.is_active(id, c.node) ? fmt::format("storage '{}' is not online", id.str())
                                                           : removal_obstacle(c.model, v, c.node);
    r = why.empty() ? ok(nullptr) : error(500, why);
    r.delay = 1s;
    return r;
}

/// "4G", "512M", or KiB → bytes.
std::optional<std::uint64_t> size_of(const std::string& text) {
    static const std::regex size("([0-9]+(?:\\.[0-9]+)?)([MG])?");
    std::smatch part;
    if (!std::regex_match(text, part, size)) return std::nullopt;
    const double number = std::strtod(part[1].str().c_str(), nullptr);
    const unsigned shift = part[2] == "G" ? 30U : part[2] == "M" ? 20U : 10U;
    return static_cast<std::uint64_t>(number * static_cast<double>(1ULL << shift));
}

reply allocate(call& c) {
    const storage_id id(c.path.at("storage"));
    const auto owner = parse_vmid(c.get("vmid"));
    const auto bytes = size_of(c.get("size"));
    if (!bytes) return parameter_error({{"size", fmt::format("unable to parse size '{}'", c.get("size"))}});
    const std::string name = c.get("filename");
    static const std::regex extension(".*\\.(raw|qcow2|vmdk|subvol)");
    std::smatch part;
    std::string format = c.get("format");
    if (std::regex_match(name, part, extension)) {
        if (!format.empty() && format != part[1].str())
            return parameter_error(
                {{"format", fmt::format("different storage formats ({} != {})", format, part[1].str())}});
        format = part[1];
    }
    if (auto refused = storage_obstacle(c, id)) return *refused;
    const storage_entry s = *c.model.storage(id, c.at);
    if (s.shared)
        if (auto busy = await_cluster_lock(c, "storage-" + id.str())) return *busy;
    const std::string stem = format == "subvol" ? "subvol" : "vm";
    const std::string wanted = fmt::format("{}-{}-", stem, owner->number());
    if (!name.starts_with(wanted)) return error(500, fmt::format("illegal name '{}' - should be '{}*'", name, wanted));
    const bool has_extension = !part.empty();
    std::string inner = name;
    if (s.has_files())
        inner = fmt::format("{}/{}{}", owner->number(), name,
                            has_extension ? "" : "." + (format.empty() ? std::string("raw") : format));
    const volid whole(id.str() + ":" + inner);
    if (!s.holds("images") && !s.holds("rootdir"))
        return error(500, fmt::format("storage '{}' does not support vm images", id.str()));
    if (c.model.has_volume(whole, c.node))
        return error(500, fmt::format("disk image '{}' already exists", path_of(s, whole)));
    if (c.model.available(id, c.node) < *bytes)
        return error(500, fmt::format("unable to create image: No space left on device ({})", id.str()));
    const auto place = c.model.files().find(*owner);
    volume v(place ? place->guest : guest_id(guest_type::vm, *owner), *bytes);
    v.created = c.model.wall_now(c.node);
    v.orphan = true;  // until a configuration names it
    c.model.volumes(id, c.node).emplace(whole, v);
    return ok(json::value(whole.str()));
}

}  // namespace

const std::vector<route>& storage_content_routes() {
    static const std::vector<route> routes = {
        {"GET", "/nodes/{node}/storage/{storage}/content", list},
        {"POST", "/nodes/{node}/storage/{storage}/content", allocate},
        {"GET", "/nodes/{node}/storage/{storage}/content/{volume}", info},
        {"PUT", "/nodes/{node}/storage/{storage}/content/{volume}", change},
        {"DELETE", "/nodes/{node}/storage/{storage}/content/{volume}", remove},
    };
    return routes;
}

}  // namespace steward::sim::api
