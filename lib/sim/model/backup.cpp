#include "sim/model/backup.hpp"

#include "sim/model/cluster.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim {

using namespace std::chrono_literals;

namespace {

constexpr const char* log_time = "{:%Y-%m-%d %H:%M:%S}";
constexpr duration final_sync = 200ms;  ///< how long a container stands still in suspend mode

/// VZDump's own way to write a size.
std::string rough_size(std::uint64_t bytes) {
    if (bytes < 1ULL << 20U) return fmt::format("{}KB", bytes >> 10U);
    if (bytes < 1ULL << 30U) return fmt::format("{}MB", bytes >> 20U);
    return fmt::format("{:.2f}GB", static_cast<double>(bytes) / static_cast<double>(1ULL << 30U));
}

std::string gibibytes(std::uint64_t bytes) {
    return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / static_cast<double>(1ULL << 30U));
}

std::string filesystem_of(const cluster& model, const storage_entry& s) {
    for (const storage_options& o : model.configured().storages)
        if (o.id == s.id && !o.filesystem.empty()) return o.filesystem;
    if (s.type == "nfs") return "nfs4";
    if (s.type == "cifs") return "cifs";
    if (s.type == "cephfs") return "ceph";
    return s.type == "btrfs" ? "btrfs" : "ext4";
}

bool is_posix(const std::string& filesystem) {
    return filesystem == "ext4" || filesystem == "btrfs" || filesystem == "zfs" || filesystem == "xfs" ||
           filesystem == "ext3";
}

std::uint64_t disk_bytes(const guest_config& config) {
    std::uint64_t sum = 0;
    for (const auto& [key, id] : config.volumes())
        if (!key.starts_with("unused")) sum += disk_size(config.get(key));
    return sum;
}

/// A guess: archives of the simulated guests shrink to an eighth with zstd, to a quarter without.
std::uint64_t archive_bytes(const guest_config& config, const std::string& compress) {
    const std::uint64_t part = compress == "0" || compress.empty() ? 4 : 8;
    return std::max<std::uint64_t>(disk_bytes(config) / part, 1ULL << 20U);
}

}  // namespace

std::string fill_notes(const std::string& notes_template, const std::string& cluster_name,
                       const std::string& guest_name, const node_name& node, vmid guest) {
    std::string out;
    for (std::size_t i = 0; i < notes_template.size(); ++i) {
        const std::string rest = notes_template.substr(i);
        const auto word = [&](const std::string& name, const std::string& value) {
            if (!rest.starts_with("{{" + name + "}}")) return false;
            out += value;
            i += name.size() + 3;
            return true;
        };
        if (word("cluster", cluster_name) || word("guestname", guest_name) || word("node", node.str()) ||
            word("vmid", to_string(guest)))
            continue;
        if (rest.starts_with("\\n") || rest.starts_with("\\\\")) {
            out += rest[1] == 'n' ? '\n' : '\\';
            ++i;
            continue;
        }
        out += rest.front();
    }
    return out;
}

void backup_run::log(const std::string& line) { model_.log_line(upid_, line); }

std::string backup_run::begin(const std::string& upid) {
    upid_ = upid;
    const storage_entry* s = model_.storage(order_.to, node_);
    std::string why;
    if (s == nullptr)
        why = fmt::format("storage '{}' does not exist", order_.to.str());
    else if (!model_.is_active(order_.to, node_))
        why = fmt::format("storage '{}' is not online", order_.to.str());
    if (!why.empty()) return fmt::format("could not get storage information for '{}': {}", order_.to.str(), why);
    if (!model_.tasks().at(upid).log.empty()) log("INFO: got global lock");
    log("INFO: starting new backup job: vzdump " + order_.command_line);
    is_beginning_ = true;
    next_guest();
    is_beginning_ = false;
    return {};
}

void backup_run::next_guest() {
    is_down_ = was_running_ = has_lock_ = false;
    if (index_ == order_.guests.size()) return conclude();
    const vmid id = order_.guests[index_];
    started_ = model_.now();
    created_ = model_.wall_now(node_);
    guest_ = guest_id(guest_type::ct, id);
    const auto place = model_.files().find(id);
    if (!place) return fail_guest(fmt::format("unable to find VM '{}'", id.number()));
    if (place->node != node_) {
        log(fmt::format("INFO: skip external VMs: {}", id.number()));
        ++index_;
        return next_guest();
    }
    guest_ = place->guest;
    const auto config = model_.config(node_, guest_);
    if (const std::string why = prepare(*place, config.value_or(guest_config())); !why.empty()) return fail_guest(why);
    enter_mode();
}

/// Everything that is decided before anything is stopped; why the guest cannot be backed up, or empty.
std::string backup_run::prepare(const config_files::place& where, guest_config config) {
    const bool is_ct = guest_.type == guest_type::ct;
    name_ = config.get(is_ct ? "hostname" : "name");
    const storage_entry* s = model_.storage(order_.to, node_);
    if (is_ct && s != nullptr && s->has_files() && !is_posix(filesystem_of(model_, *s)))
        log(fmt::format("INFO: filesystem type on dumpdir is '{}' -using /var/tmp/vzdumptmp{}_{} for temporary files",
                        filesystem_of(model_, *s), model_.tasks().at(upid_).pid, guest_.id.number()));
    log(fmt::format("INFO: Starting Backup of VM {} ({})", guest_.id.number(), api_word(guest_.type)));
    log("INFO: Backup started at " + calendar_text(log_time, created_ + model_.local_offset(node_)));
    if (const std::string why = why_not(config); !why.empty()) return why;
    was_running_ = model_.is_running(node_, guest_);
    log(fmt::format("INFO: status = {}", was_running_ ? "running" : "stopped"));
    mode_ = was_running_ ? order_.mode : "stop";
    const bool names_disks_first = mode_ != "stop";  // sic, recorded: bk-04
    if (names_disks_first) log_disks(config);
    if (is_ct && mode_ == "snapshot" && !can_snapshot(config)) {
        log("INFO: mode failure - some volumes do not support snapshots");
        log("INFO: trying 'suspend' mode instead");
        mode_ = "suspend";
        log_mode();
        log_disks(config);
    } else {
        log_mode();
        if (!names_disks_first) log_disks(config);
    }
    config.set("lock", "backup");
    if (const auto written = model_.files().write(where.node, guest_, config.text()); !written)
        return written.error().detail;
    has_lock_ = true;
    return {};
}

std::string backup_run::why_not(const guest_config& config) const {
    const bool is_ct = guest_.type == guest_type::ct;
    // A container's lock of a vzdump that died is nobody's: this one has the node to itself (pve-facts G.1).
    if (model_.faults().holds(guest_, node_, "backup-fails")) return "job failed with err -5 - Input/output error";
    if (const std::string lock = config.get("lock"); !lock.empty() && !(is_ct && lock == "backup"))
        return fmt::format("{} is locked ({})", is_ct ? "CT" : "VM", lock);
    if (order_.mode == "stop" && model_.is_ha_started(guest_))
        return "Cannot execute a backup with stop mode on a HA managed and enabled Service. Use snapshot mode or "
               "disable the Service.";
    const storage_entry* s = model_.storage(order_.to, node_);
    const auto configured = retention::parse(s == nullptr ? "" : s->get("prune-backups"));
    const retention keep = order_.keep ? *order_.keep : configured ? *configured : retention();
    long protected_ones = 0;
    long others = 0;
    for (const archive& a : model_.archives(order_.to, node_))
        if (a.guest.id == guest_.id) ++(a.is_protected ? protected_ones : others);
    if (order_.is_protected && order_.protected_limit >= 0 && protected_ones >= order_.protected_limit)
        return fmt::format("The number of protected backups per guest is limited to {} on storage '{}'",
                           order_.protected_limit, order_.to.str());
    if (!order_.removes && !order_.is_protected && !keep.keeps_all() && others >= keep.limit())
        return fmt::format(
            "There is a max backup limit of {} enforced by the target storage or the vzdump "
            "parameters. Either increase the limit or delete old backups.",
            keep.limit());
    return {};
}

bool backup_run::can_snapshot(const guest_config& config) const {
    const auto volumes = config.volumes();
    return std::all_of(volumes.begin(), volumes.end(), [&](const auto& v) {
        const storage_entry* s = model_.storage(storage_of(v.second), node_);
        const std::string type = s == nullptr ? "" : s->type;
        return v.first.starts_with("unused") || type == "lvmthin" || type == "zfspool" || type == "rbd" ||
               type == "btrfs";
    });
}

void backup_run::log_disks(const guest_config& config) {
    const bool is_ct = guest_.type == guest_type::ct;
    log(fmt::format("INFO: {} Name: {}", is_ct ? "CT" : "VM", name_));
    for (const auto& [key, id] : config.volumes()) {
        const std::string drive = config.get(key);
        if (key.starts_with("unused")) continue;
        if (!is_ct) {
            const bool excluded = drive.find("backup=0") != std::string::npos;
            log(fmt::format("INFO: {} disk '{}' '{}'{}", excluded ? "exclude" : "include", key, id.str(),
                            excluded ? " (backup=no)" : " " + size_text(disk_size(drive))));
            continue;
        }
        const std::size_t at = drive.find("mp=");
        const std::string where =
            key == "rootfs" || at == std::string::npos ? "/" : drive.substr(at + 3, drive.find(',', at) - at - 3);
        const bool included = key == "rootfs" || drive.find("backup=1") != std::string::npos;
        log(fmt::format("INFO: {} mount point {} ('{}') {} backup{}", included ? "including" : "excluding", key, where,
                        included ? "in" : "from", included ? "" : " (disabled)"));
    }
}

void backup_run::log_mode() {
    log("INFO: backup mode: " + mode_);
    log("INFO: ionice priority: 7");
}

void backup_run::enter_mode() {
    if (mode_ == "stop" && was_running_) {
        log("INFO: stopping virtual guest");
        stopped_at_ = model_.now();
        model_.then(upid_, model_.configured().takes.stop, [self = shared_from_this()] { self->stop_guest(); });
        return;
    }
    if (mode_ == "snapshot" && guest_.type == guest_type::ct) log("INFO: create storage snapshot 'vzdump'");
    if (mode_ == "suspend" && guest_.type == guest_type::ct) {
        log(fmt::format("INFO: starting first sync /proc/{}/root/ to /var/tmp/vzdumptmp{}_{}",
                        model_.find_instance(node_, guest_)->pid, model_.tasks().at(upid_).pid, guest_.id.number()));
        log("INFO: first sync finished - transferred 2.1M bytes in 1s");
    }
    create_archive();
}

void backup_run::stop_guest() {
    model_.halt(node_, guest_);
    is_down_ = true;
    // QEMU itself writes a VM's archive, so the VM comes back first.
    if (guest_.type == guest_type::vm) return leave_mode();
    create_archive();
}

std::string backup_run::file_name() const {
    return archive_name(guest_, created_ + model_.local_offset(node_), archive_extension(guest_.type, order_.compress));
}

void backup_run::create_archive() {
    const storage_entry* s = model_.storage(order_.to, node_);
    if (s == nullptr || !model_.is_active(order_.to, node_))
        return fail_guest(fmt::format("storage '{}' is not online", order_.to.str()));
    if (s->is_backup_server())
        log(fmt::format("INFO: creating Proxmox Backup Server archive '{}'", snapshot_name(guest_, created_)));
    else
        log(fmt::format("INFO: creating vzdump archive '{}/{}'", directory_of(*s, "backup"), file_name()));
    if (guest_.type == guest_type::vm && !was_running_) log("INFO: starting kvm to execute backup task");
    if (model_.is_hung(order_.to, node_)) return;  // the worker sleeps in the kernel for as long
    model_.then(upid_, model_.configured().takes.backup, [self = shared_from_this()] { self->archive_done(); });
}

void backup_run::archive_done() {
    const storage_entry* s = model_.storage(order_.to, node_);
    auto config = model_.config(node_, guest_);
    if (!config) return fail_guest(fmt::format("unable to find VM '{}'", guest_.id.number()));
    if (s == nullptr || !model_.is_active(order_.to, node_))
        return fail_guest(fmt::format("storage '{}' is not online", order_.to.str()));
    config->set("lock", "");
    archive a;
    a.guest = guest_;
    a.created = created_;
    a.config = config->text();
    a.bytes = archive_bytes(*config, order_.compress);
    a.is_protected = order_.is_protected;
    a.extension = archive_extension(guest_.type, order_.compress);
    a.firewall = model_.files().tree().read(fmt::format("firewall/{}.fw", guest_.id.number())).value_or("");
    a.notes = fill_notes(order_.notes_template, model_.configured().cluster_name, name_, node_, guest_.id);
    if (model_.available(order_.to, node_) < a.bytes)
        return fail_guest(guest_.type == guest_type::ct
                              ? fmt::format("command 'set -o pipefail && tar cpf - … >{}/{}.dat' failed: exit code 1",
                                            directory_of(*s, "backup"), file_name())
                              : "vma_queue_write: write error - No space left on device");
    const std::uint64_t read = disk_bytes(*config);
    if (guest_.type == guest_type::ct)
        log(fmt::format("INFO: Total bytes written: {} ({:.1f}MiB, 198MiB/s)", std::max(a.bytes * 2, read / 4),
                        static_cast<double>(std::max(a.bytes * 2, read / 4)) / (1 << 20)));
    else
        log(fmt::format("INFO: 100% ({0} of {0}) in {1}s, read: 212.0 MiB/s, write: 190.0 MiB/s", gibibytes(read),
                        std::max<long>((model_.now() - started_) / 1s, 1)));
    if (!s->is_backup_server()) log("INFO: archive file size: " + rough_size(a.bytes));
    if (!a.notes.empty()) log("INFO: adding notes to backup");
    if (a.is_protected) log("INFO: marking backup as protected");
    model_.add_archive(order_.to, node_, std::move(a));
    prune();
    if (mode_ == "snapshot" && guest_.type == guest_type::ct) log("INFO: cleanup temporary 'vzdump' snapshot");
    if (guest_.type == guest_type::vm && !was_running_) log("INFO: stopping kvm after backup task");
    if (is_down_) return leave_mode();
    if (mode_ != "suspend" || model_.find_instance(node_, guest_) == nullptr) return guest_done();
    log("INFO: suspending guest");
    model_.find_instance(node_, guest_)->paused = true;
    model_.then(upid_, final_sync, [self = shared_from_this()] {
        if (instance* i = self->model_.find_instance(self->node_, self->guest_)) i->paused = false;
        self->log("INFO: resuming guest");
        self->log("INFO: guest is online again after <1 seconds");
        self->guest_done();
    });
}

void backup_run::prune() {
    const storage_entry* s = model_.storage(order_.to, node_);
    const auto configured = retention::parse(s->get("prune-backups"));
    const retention keep = order_.keep ? *order_.keep : configured ? *configured : retention();
    if (!order_.removes || keep.keeps_all()) return;
    log("INFO: prune older backups with retention: " + keep.text());
    long removed = 0;
    for (const prune_row& row : model_.prune_rows(order_.to, node_, keep, api_word(guest_.type), guest_.id)) {
        if (row.mark != "remove") continue;
        log(fmt::format("INFO: removing backup '{}'", row.id.str()));
        model_.remove_archive(row.id, node_);
        ++removed;
    }
    log(fmt::format("INFO: pruned {} backup(s){}", removed,
                    removed > 0 ? " not covered by keep-retention policy" : ""));
}

void backup_run::leave_mode() {
    log("INFO: restarting vm");
    model_.then(upid_, model_.configured().takes.start, [self = shared_from_this()] {
        self->model_.run(self->node_, self->guest_);
        self->is_down_ = false;
        self->log(
            fmt::format("INFO: guest is online again after {} seconds", (self->model_.now() - self->stopped_at_) / 1s));
        if (self->guest_.type == guest_type::vm) return self->create_archive();
        self->guest_done();
    });
}

void backup_run::guest_done() {
    unlock();
    const auto seconds = (model_.now() - started_) / 1s;
    log(fmt::format("INFO: Finished Backup of VM {} ({:02}:{:02}:{:02})", guest_.id.number(), seconds / 3600,
                    seconds / 60 % 60, seconds % 60));
    log("INFO: Backup finished at " + calendar_text(log_time, model_.wall_now(node_) + model_.local_offset(node_)));
    ++index_;
    next_guest();
}

void backup_run::fail_guest(const std::string& why) {
    failed_ = true;
    unlock();
    if (is_down_) model_.run(node_, guest_);
    log(fmt::format("ERROR: Backup of VM {} failed - {}", guest_.id.number(), why));
    log("INFO: Failed at " + calendar_text(log_time, model_.wall_now(node_) + model_.local_offset(node_)));
    ++index_;
    next_guest();
}

void backup_run::unlock() {
    if (!has_lock_) return;
    has_lock_ = false;
    auto config = model_.config(node_, guest_);
    if (!config || config->get("lock") != "backup") return;
    config->set("lock", "");
    (void)model_.files().write(node_, guest_, config->text());
}

void backup_run::conclude() {
    log(failed_ ? "INFO: Backup job finished with errors" : "INFO: Backup job finished successfully");
    const std::string end = failed_ ? "job errors" : "OK";
    if (!is_beginning_) return model_.finish_task(upid_, end);
    // Nothing to do, or nothing that could be done: a task must have begun before it can end.
    model_.then(upid_, 50ms, [self = shared_from_this(), end] { self->model_.finish_task(self->upid_, end); });
}

void backup_run::abandon() {
    if (upid_.empty() || index_ >= order_.guests.size()) return;
    unlock();
    if (is_down_) model_.run(node_, guest_);
    if (instance* i = model_.find_instance(node_, guest_)) i->paused = false;
    log(fmt::format("ERROR: Backup of VM {} failed - interrupted by signal", guest_.id.number()));
    log("INFO: Failed at " + calendar_text(log_time, model_.wall_now(node_) + model_.local_offset(node_)));
    log("ERROR: Backup job failed - interrupted by signal");
}

std::string cluster::begin_backup(const node_name& node, const std::string& user, backup_order order) {
    task_work w("vzdump", order.guests.size() == 1 ? to_string(order.guests.front()) : std::string(),
                options_.takes.backup);
    const storage_entry* s = storage(order.to, node);
    const duration patience = order.lock_wait;
    // The storage is looked at before the lock is asked for.
    if (s != nullptr && is_active(order.to, node)) {
        w.lock = "vzdump";  // one per node (pve-facts G.1)
        w.lock_wait = patience;
        w.lock_timeout = "unexpected status";
    }
    const auto run = std::make_shared<backup_run>(*this, node, std::move(order));
    w.is_open_ended = true;
    w.interrupted = "interrupted by signal";
    w.begin = [run](const std::string& upid) { return run->begin(upid); };
    w.undo = [run] { run->abandon(); };
    const std::string upid = start_task(node, user, std::move(w));
    if (tasks_.at(upid).waiting) {
        log_line(upid, "INFO: trying to get global lock - waiting...");
        then(upid, patience - 1ms,
             [this, upid] { log_line(upid, "ERROR: can't acquire lock '/var/run/vzdump.lock' - got timeout"); });
    }
    return upid;
}

std::vector<prune_row> cluster::prune_rows(const storage_id& id, const node_name& node, const retention& keep,
                                           const std::string& type, std::optional<vmid> guest) const {
    std::vector<prune_row> rows;
    for (const archive& a : archives(id, node)) {
        if ((!type.empty() && type != api_word(a.guest.type)) || (guest && *guest != a.guest.id)) continue;
        prune_row& row = rows.emplace_back(a.id, api_word(a.guest.type), a.guest.id, ctime_of(a, node));
        const std::string name = a.id.str().substr(a.id.str().find('/') + 1);
        const storage_entry* s = storage(id, node);
        if (s != nullptr && !s->is_backup_server() && !parse_archive_name(name)) row.mark = "renamed";
        if (a.is_protected) row.mark = "protected";
    }
    mark_for_pruning(rows, keep, local_offset(node));
    return rows;
}

}  // namespace steward::sim
