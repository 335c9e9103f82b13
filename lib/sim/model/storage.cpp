#include "sim/model/backup_jobs.hpp"
#include "sim/model/cluster.hpp"
#include "sim/model/ha_config.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim {

using namespace std::chrono_literals;

namespace {

/// "101/vm-101-disk-0.raw" where files are kept, "vm-101-disk-0" elsewhere. A container without a size gets a
/// directory, and always does where the file system has subvolumes of its own (recorded: st-05).
std::string volume_name(const storage_entry& s, guest_id owner, int n, std::uint64_t bytes, std::string format) {
    const bool is_ct = owner.type == guest_type::ct;
    if (format == "cloudinit")
        return s.has_files() ? fmt::format("{0}/vm-{0}-cloudinit.qcow2", owner.id.number())
                             : fmt::format("vm-{}-cloudinit", owner.id.number());
    if (format.empty() && is_ct && (s.type == "zfspool" || s.type == "btrfs" || (s.has_files() && bytes == 0)))
        format = "subvol";
    if (format.empty()) format = "raw";
    const char* stem = format == "subvol" ? "subvol" : "vm";
    const std::string name = fmt::format("{}-{}-disk-{}", stem, owner.id.number(), n);
    return s.has_files() ? fmt::format("{}/{}.{}", owner.id.number(), name, format) : name;
}

/// Whether a guest's disk of that number is there, whatever its kind: numbers are not used twice.
bool is_number_taken(const std::map<volid, volume>& held, guest_id owner, int n) {
    const std::string wanted = fmt::format("-{}-disk-{}", owner.id.number(), n);
    return std::any_of(held.begin(), held.end(), [&](const auto& v) {
        const std::string& name = v.first.str();
        const std::size_t at = name.find(wanted);
        return at != std::string::npos && (at + wanted.size() == name.size() || name[at + wanted.size()] == '.');
    });
}

}  // namespace

const std::vector<storage_entry>& cluster::storages(const node_name& seen_from) const {
    auto& [text, parsed] = storage_configs_[seen_from];
    const config_files& view = seen_from.empty() ? files_ : files(seen_from);
    std::string now = view.tree().read("storage.cfg").value_or("");
    if (now != text || parsed.storages.empty()) {
        parsed = storage_config::parse(now);
        text = std::move(now);
    }
    return parsed.storages;
}

const storage_entry* cluster::storage(const storage_id& id, const node_name& seen_from) const {
    for (const storage_entry& s : storages(seen_from))
        if (s.id == id) return &s;
    return nullptr;
}

std::uint64_t cluster::capacity(const storage_id& id) const {
    for (const storage_options& s : options_.storages)
        if (s.id == id) return s.bytes;
    return storage_options({}, {}, {}, false).bytes;
}

void cluster::create_storages() {
    if (!files_.tree().read("storage.cfg"))
        files_.tree().write("storage.cfg", storage_config::text_of(options_.storages));
    for (const stored_file_options& f : options_.stored_files)
        for (const node_name& node : options_.nodes) store(node, stored_file(f.id, f.bytes, wall_at(now_ - f.age)));
    at(now_, [this] { schedule_jobs(); });
}

/// pvescheduler looks at every full minute.
void cluster::schedule_jobs() {
    const auto seconds = wall_now().time_since_epoch().count();
    if (seconds % 60 == 0) run_due_jobs(*this, wall_now());
    at(now_ + std::chrono::seconds(60 - seconds % 60), [this] { schedule_jobs(); });
}

cluster::store_key cluster::key_of(const storage_id& id, const node_name& node) const {
    const storage_entry* s = storage(id);
    return {id, s != nullptr && s->shared ? node_name() : node};
}

bool cluster::is_active(const storage_id& id, const node_name& node) const {
    const storage_entry* s = storage(id);
    if (s == nullptr || !s->is_enabled_on(node)) return false;
    return faults_.storages_offline.count(id.str()) == 0 &&
           faults_.storages_offline.count(id.str() + "@" + node.str()) == 0;
}

bool cluster::is_full(const storage_id& id, const node_name& node) const {
    return faults_.storages_full.count(id.str()) != 0 || faults_.storages_full.count(id.str() + "@" + node.str()) != 0;
}

std::uint64_t cluster::used(const storage_id& id, const node_name& node) const {
    std::uint64_t sum = 0;
    if (const auto v = volumes_.find(key_of(id, node)); v != volumes_.end())
        for (const auto& [name, each] : v->second) sum += each.bytes;
    if (const auto a = archives_.find(key_of(id, node)); a != archives_.end())
        for (const auto& [name, each] : a->second) sum += each.bytes;
    for (const stored_file& each : stored_files(id, node)) sum += each.bytes;
    return sum;
}

std::uint64_t cluster::available(const storage_id& id, const node_name& node) const {
    if (storage(id) == nullptr || is_full(id, node)) return 0;
    const std::uint64_t taken = used(id, node);
    return taken >= capacity(id) ? 0 : capacity(id) - taken;
}

std::map<volid, volume>& cluster::volumes(const storage_id& id, const node_name& node) {
    ++volume_changes_;  // whoever may write does
    return volumes_[key_of(id, node)];
}

bool cluster::has_volume(const volid& id, const node_name& node) const {
    const auto v = volumes_.find(key_of(storage_of(id), node));
    return v != volumes_.end() && v->second.count(id) != 0;
}

result<volid> cluster::allocate(const storage_id& id, const node_name& node, guest_id owner, std::uint64_t bytes,
                                const std::string& format) {
    const storage_entry* s = storage(id);
    if (s == nullptr) return fault(errc::not_found, "allocate", fmt::format("storage '{}' does not exist", id.str()));
    const char* content = owner.type == guest_type::ct ? "rootdir" : "images";
    if (!s->holds(content))
        return fault(errc::refused, "allocate",
                     fmt::format("storage '{}' does not support content-type '{}'", id.str(), content));
    if (!is_active(id, node))
        return fault(errc::refused, "allocate", fmt::format("storage '{}' is not online", id.str()));
    if (const auto broken = faults_.storages_failing.find(id.str()); broken != faults_.storages_failing.end())
        return fault(errc::refused, "allocate", broken->second);
    if (available(id, node) < bytes)
        return fault(errc::refused, "allocate",
                     fmt::format("unable to create image: No space left on device ({})", id.str()));
    auto& held = volumes(id, node);
    for (int n = 0;; ++n) {
        if (is_number_taken(held, owner, n)) continue;
        const volid name(id.str() + ":" + volume_name(*s, owner, n, bytes, format));
        held.try_emplace(name, owner, bytes).first->second.created = wall_now();
        return name;
    }
}

void cluster::release(const volid& id, const node_name& node) { volumes(storage_of(id), node).erase(id); }

std::vector<archive> cluster::archives(const storage_id& id, const node_name& node) const {
    std::vector<archive> found;
    if (const auto a = archives_.find(key_of(id, node)); a != archives_.end())
        for (const auto& [name, each] : a->second) found.push_back(each);
    return found;
}

const archive* cluster::find_archive(const volid& id, const node_name& node) const {
    const auto a = archives_.find(key_of(storage_of(id), node));
    if (a == archives_.end()) return nullptr;
    const auto found = a->second.find(id);
    return found == a->second.end() ? nullptr : &found->second;
}

void cluster::add_archive(const storage_id& id, const node_name& node, archive a) {
    const storage_entry* s = storage(id);
    if (s != nullptr && s->is_backup_server()) {
        a.extension = a.guest.type == guest_type::ct ? "pbs-ct" : "pbs-vm";
        a.id = volid(fmt::format("{}:backup/{}", id.str(), snapshot_name(a.guest, a.created)));
    } else {
        a.id = volid(
            fmt::format("{}:backup/{}", id.str(), archive_name(a.guest, a.created + local_offset(node), a.format())));
    }
    archives_[key_of(id, node)].insert_or_assign(a.id, a);
}

void cluster::remove_archive(const volid& id, const node_name& node) {
    archives_[key_of(storage_of(id), node)].erase(id);
}

bool cluster::change_archive(const volid& id, const node_name& node, const std::function<void(archive&)>& change) {
    auto& held = archives_[key_of(storage_of(id), node)];
    const auto found = held.find(id);
    if (found == held.end()) return false;
    change(found->second);
    return true;
}

void cluster::drop_archives_of(guest_id guest) {
    for (auto& [key, held] : archives_) std::erase_if(held, [&](const auto& a) { return a.second.guest == guest; });
}

std::chrono::seconds cluster::local_offset(const node_name& node) const {
    const auto found = options_.utc_offsets.find(node);
    return found == options_.utc_offsets.end() ? 0s : found->second;
}

wall_time cluster::ctime_of(const archive& a, const node_name& node) const {
    const auto parts = parse_archive_name(a.id.str().substr(a.id.str().find('/') + 1));
    return parts ? parts->local - local_offset(node) : a.created;
}

bool cluster::is_hung(const storage_id& id, const node_name& node) const {
    return faults_.storages_hung.count(id.str()) != 0 || faults_.storages_hung.count(id.str() + "@" + node.str()) != 0;
}

void cluster::add_storage_lock(task_work& work, const storage_id& id) const {
    const std::string name = "storage-" + id.str();
    work.may_begin = [this, name] { return !is_cluster_lock_held(name); };
    work.patience = 10s;
    work.out_of_patience = fmt::format("cfs-lock '{}' error: got lock request timeout", name);
}

bool cluster::is_ha_started(guest_id guest) const {
    const ha_config config = ha_config::read(files_.tree());
    const ha_resource* found = config.find(guest);
    return found != nullptr && found->wants_to_run();
}

}  // namespace steward::sim
