#include "sim/api/storage.hpp"
#include "sim/model/backup_jobs.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <regex>
#include <set>

namespace steward::sim::api {

namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

std::optional<vmid> number_of(const std::string& digits) {
    const auto id = parse_vmid(digits);
    return id ? std::optional<vmid>(*id) : std::nullopt;
}

/// "rootdir" for a container's disk: PVE asks the list of guests, and so do we.
std::string disk_content(const call& c, const std::optional<vmid>& owner) {
    const auto place = owner ? c.model.files().find(*owner) : std::nullopt;
    return place && place->guest.type == guest_type::ct ? "rootdir" : "images";
}

bool read_file_name(const call& c, volume_name& v) {
    static const std::regex image("([0-9]+)/(\\S+\\.(raw|qcow2|vmdk|subvol))");
    static const std::regex backup("backup/(\\S+\\.(tgz|(tar|vma)(\\.(gz|lzo|zst|bz2))?))");
    static const std::regex dumped("vzdump-(lxc|qemu|openvz)-([0-9]+)-.*");
    const std::string name = v.inner();
    std::smatch part;
    if (std::regex_match(name, part, image)) {
        v.owner = number_of(part[1]);
        v.content = disk_content(c, v.owner);
        return true;
    }
    if (std::regex_match(name, part, backup)) {
        v.content = "backup";
        const std::string file = part[1];
        if (std::regex_match(file, part, dumped)) v.owner = number_of(part[2]);
        return true;
    }
    const std::size_t slash = name.find('/');
    v.content = name.substr(0, slash);
    return slash != std::string::npos &&
           (v.content == "iso" || v.content == "vztmpl" || v.content == "snippets" || v.content == "import") &&
           is_name_of(v.content, name.substr(slash + 1));
}

bool read_snapshot_name(volume_name& v) {
    static const std::regex snapshot("backup/(ct|vm|host)/([^/]+)/\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ");
    std::smatch part;
    const std::string name = v.inner();
    if (!std::regex_match(name, part, snapshot)) return false;
    v.content = "backup";
    if (part[1] != "host") v.owner = number_of(part[2]);
    return true;
}

bool read_device_name(const call& c, volume_name& v) {
    static const std::regex device("(vm|base|subvol|basevol)-([0-9]+)-\\S+");
    std::smatch part;
    const std::string name = v.inner();
    if (!std::regex_match(name, part, device)) return false;
    v.owner = number_of(part[2]);
    v.content = disk_content(c, v.owner);
    return true;
}

}  // namespace

std::optional<reply> storage_obstacle(const call& c, const storage_id& id) {
    const storage_entry* s = c.model.storage(id, c.at);
    if (s == nullptr) return error(500, fmt::format("storage '{}' does not exist", id.str()));
    if (s->disabled) return error(500, fmt::format("storage '{}' is disabled", id.str()));
    if (!s->is_for(c.node))
        return error(500, fmt::format("storage '{}' is not available on node '{}'", id.str(), c.node.str()));
    if (c.model.is_hung(id, c.node)) {
        reply late;
        late.status = 596;
        late.reason = "Connection timed out";
        late.delay = 30s;
        return late;
    }
    if (!c.model.is_active(id, c.node)) return error(500, fmt::format("storage '{}' is not online", id.str()));
    return std::nullopt;
}

result<volume_name> parse_volume(const call& c, const volid& id) {
    volume_name v;
    v.id = id;
    const storage_entry* s = c.model.storage(storage_of(id), c.at);
    if (s == nullptr)
        return fault(errc::not_found, "volume", fmt::format("storage '{}' does not exist", storage_of(id).str()));
    if (s->has_files()) {
        if (read_file_name(c, v)) return v;
        return fault(errc::invalid, "volume", fmt::format("unable to parse directory volume name '{}'", v.inner()));
    }
    if (s->is_backup_server() ? read_snapshot_name(v) : read_device_name(c, v)) return v;
    const std::string kind = s->type == "zfspool" ? "zfs" : s->type == "rbd" ? "rbd" : s->type == "pbs" ? "pbs" : "lvm";
    return fault(errc::invalid, "volume", fmt::format("unable to parse {} volume name '{}'", kind, v.inner()));
}

std::optional<reply> check_volume_access(const call& c, const volume_name& v, std::optional<vmid> target) {
    const std::string path = "/storage/" + storage_of(v.id).str();
    if (c.may(path, "Datastore.Allocate")) return std::nullopt;
    if (v.content == "iso" || v.content == "vztmpl" || v.content == "import") {
        if (c.may(path, "Datastore.AllocateSpace") || c.may(path, "Datastore.Audit")) return std::nullopt;
        return forbidden(path, "Datastore.AllocateSpace|Datastore.Audit");
    }
    if (v.owner && target && *v.owner == *target) return std::nullopt;
    if (v.owner && v.content == "backup") {
        if (!c.may(path, "Datastore.AllocateSpace")) return forbidden(path, "Datastore.AllocateSpace");
        if (!c.may_guest(*v.owner, "VM.Backup")) return forbidden("/vms/" + to_string(*v.owner), "VM.Backup");
        return std::nullopt;
    }
    if (v.owner && (v.content == "images" || v.content == "rootdir")) {
        if (!c.may(path, "Datastore.Audit")) return forbidden(path, "Datastore.Audit");
        if (!c.may_guest(*v.owner, "VM.Config.Disk")) return forbidden("/vms/" + to_string(*v.owner), "VM.Config.Disk");
        return std::nullopt;
    }
    return forbidden(path, "Datastore.Allocate");
}

std::optional<reply> named_volume(const call& c, volume_name& into) {
    const std::string text = c.path.at("volume");
    const std::string storage = c.path.at("storage");
    const std::size_t colon = text.find(':');
    if (colon != std::string::npos && text.substr(0, colon) != storage)
        return parameter_error(
            {{"storage", fmt::format("storage ID missmatch ({} != {})", text.substr(0, colon), storage)}});
    const auto parsed = parse_volume(c, volid(colon == std::string::npos ? storage + ":" + text : text));
    if (!parsed) return error(500, parsed.error().detail);
    into = *parsed;
    return std::nullopt;
}

bool is_root(const identity& who) { return who.user == "root@pam" && who.token.empty(); }

long protected_limit(const call& c, const storage_entry& s) {
    if (const std::string limit = s.get("max-protected-backups"); !limit.empty())
        return std::strtol(limit.c_str(), nullptr, 10);
    return c.may("/storage/" + s.id.str(), "Datastore.Allocate") ? -1 : 5;
}

json::value property_value(const std::string& key, const std::string& text) {
    static const std::set<std::string> numbers = {"shared",
                                                  "disable",
                                                  "krbd",
                                                  "sparse",
                                                  "saferemove",
                                                  "mkdir",
                                                  "port",
                                                  "nocow",
                                                  "maxfiles",
                                                  "tagged_only",
                                                  "fuse",
                                                  "enabled",
                                                  "all",
                                                  "quiet",
                                                  "remove",
                                                  "stop",
                                                  "ionice",
                                                  "lockwait",
                                                  "stopwait",
                                                  "zstd",
                                                  "pigz",
                                                  "bwlimit",
                                                  "protected",
                                                  "stdexcludes",
                                                  "max-protected-backups",
                                                  "repeat-missed",
                                                  "create-base-path",
                                                  "create-subdirs",
                                                  "skip-cert-verification"};
    return numbers.count(key) != 0 ? number_or_text(text) : json::value(text);
}

std::vector<vmid> pool_guests(const call& c, const std::string& pool) {
    return guests_of_pool(c.files().tree().read("user.cfg").value_or(""), pool);
}

}  // namespace steward::sim::api
