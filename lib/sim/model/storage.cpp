#include "sim/model/cluster.hpp"

#include <algorithm>
#include <fmt/chrono.h>
#include <fmt/core.h>

namespace steward::sim {

using namespace std::chrono_literals;

namespace {

std::string calendar(const char* format, wall_time t) {
    return fmt::format(fmt::runtime(format), fmt::gmtime(static_cast<std::time_t>(t.time_since_epoch().count())));
}

/// "vzdump-lxc-101-2026_01_02-03_04_05.tar.zst"; the simulated nodes live in UTC (pve-facts G.3).
std::string archive_name(guest_id guest, wall_time created) {
    return fmt::format("vzdump-{}-{}-{}.{}.zst", api_word(guest.type), guest.id.number(),
                       calendar("{:%Y_%m_%d-%H_%M_%S}", created), guest.type == guest_type::ct ? "tar" : "vma");
}

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
    const bool full =
        faults_.storages_full.count(id.str()) != 0 || faults_.storages_full.count(id.str() + "@" + node.str()) != 0;
    const std::uint64_t taken = used(id, node);
    return storage(id) == nullptr || full || taken >= capacity(id) ? 0 : capacity(id) - taken;
}

std::map<volid, volume>& cluster::volumes(const storage_id& id, const node_name& node) {
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
    a.id = volid(fmt::format("{}:backup/{}", id.str(), archive_name(a.guest, a.created)));
    archives_[key_of(id, node)].insert_or_assign(a.id, a);
}

void cluster::remove_archive(const volid& id, const node_name& node) {
    archives_[key_of(storage_of(id), node)].erase(id);
}

void cluster::drop_archives_of(guest_id guest) {
    for (auto& [key, held] : archives_) std::erase_if(held, [&](const auto& a) { return a.second.guest == guest; });
}

std::string cluster::back_up_one(const std::string& upid, const node_name& node, guest_id guest, const storage_id& to) {
    auto c = config(node, guest);
    if (!c || c->get("lock") != "backup") return "configuration is gone";
    c->set("lock", "");
    (void)files_.write(node, guest, c->text());
    if (!is_active(to, node)) return fmt::format("storage '{}' is not online", to.str());
    archive a;
    a.guest = guest;
    a.created = tasks_.at(upid).started;
    a.config = c->text();
    for (const auto& [key, id] : c->volumes()) a.bytes += disk_size(c->get(key)) / 8;
    log_line(upid, fmt::format("INFO: creating vzdump archive '/mnt/pve/{}/dump/{}'", to.str(),
                               archive_name(guest, a.created)));
    log_line(upid, fmt::format("INFO: archive file size: {}MB", a.bytes >> 20U));
    add_archive(to, node, std::move(a));
    return {};
}

std::string cluster::begin_backup(const node_name& node, const std::string& user, std::vector<guest_id> guests,
                                  const storage_id& to, std::string command_line) {
    task_work w("vzdump", guests.size() == 1 ? to_string(guests.front().id) : std::string(),
                options_.takes.backup * static_cast<int>(guests.size()));
    w.lock = "vzdump";  // one per node (pve-facts G.1)
    w.lock_wait = 180min;
    w.lock_timeout = "unexpected status";
    w.begin = [this, node, guests, command_line](const std::string& upid) -> std::string {
        log_line(upid, "INFO: starting new backup job: vzdump " + command_line);
        for (const guest_id g : guests) {
            log_line(upid, fmt::format("INFO: Starting Backup of VM {} ({})", g.id.number(), api_word(g.type)));
            log_line(upid, "INFO: Backup started at " + calendar("{:%Y-%m-%d %H:%M:%S}", wall_now()));
            log_line(upid, fmt::format("INFO: status = {}", is_running(node, g) ? "running" : "stopped"));
            auto c = config(node, g);
            if (!c || !c->get("lock").empty()) continue;
            c->set("lock", "backup");
            (void)files_.write(node, g, c->text());
        }
        return {};
    };
    w.undo = [this, node, guests] {
        for (const guest_id g : guests)
            if (auto c = config(node, g); c && c->get("lock") == "backup") {
                c->set("lock", "");
                (void)files_.write(node, g, c->text());
            }
    };
    w.finish = [this, node, guests, to](const std::string& upid) -> std::string {
        bool failed = false;
        for (const guest_id g : guests) {
            const std::string why = back_up_one(upid, node, g, to);
            failed = failed || !why.empty();
            if (why.empty())
                log_line(upid, fmt::format("INFO: Finished Backup of VM {} (00:00:{:02})", g.id.number(),
                                           options_.takes.backup / 1s % 60));
            else
                log_line(upid, fmt::format("ERROR: Backup of VM {} failed - {}", g.id.number(), why));
        }
        log_line(upid, failed ? "INFO: Backup job finished with errors" : "INFO: Backup job finished successfully");
        return failed ? "job errors" : "OK";
    };
    return start_task(node, user, std::move(w));
}

}  // namespace steward::sim
