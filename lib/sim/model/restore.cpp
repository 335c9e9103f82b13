#include "sim/model/restore.hpp"

#include "sim/model/cluster.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <memory>
#include <regex>

namespace steward::sim {

using namespace std::chrono_literals;

namespace {

/// What a backup does not bring back (pve-facts G.6 step 10, G.7).
bool is_dropped(guest_type type, const std::string& key) {
    return key == "lock" || key == "parent" || key == "digest" || key.starts_with("unused") ||
           (type == guest_type::ct && key == "template");
}

bool is_mount_point(const std::string& key) {
    return key == "rootfs" || (key.starts_with("mp") && key.find_first_not_of("0123456789", 2) == std::string::npos);
}

/// The drive's options stay, its volume is the new one: "local-lvm:vm-101-disk-0,size=8G".
std::string redirect(const std::string& drive, const volid& to) {
    const std::size_t comma = drive.find(',');
    return to.str() + (comma == std::string::npos ? std::string() : drive.substr(comma));
}

void replace_macs(guest_config& c, cluster& model) {
    static const std::regex mac("([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}");
    for (auto& [key, value] : c.values)
        if (key.starts_with("net")) value = std::regex_replace(value, mac, model.new_mac());
}

std::string new_uuid(cluster& model) {
    const std::uint64_t a = model.chance().next();
    const std::uint64_t b = model.chance().next();
    return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", a >> 32U, a >> 16U & 0xFFFFU, a & 0xFFFU,
                       (b >> 48U & 0x3FFFU) | 0x8000U, b & 0xFFFFFFFFFFFFU);
}

std::string image_format(const volid& id) {
    for (const std::string_view format : {"qcow2", "vmdk", "subvol", "raw"})
        if (id.str().ends_with("." + std::string(format))) return std::string(format);
    return {};
}

void add_restore_fault(task_work& w, const std::optional<guest_fault>& f, bool is_ct, const std::string& prefix) {
    if (!f) return;
    if (f->kind == "slow") {
        w.takes = std::chrono::duration_cast<duration>(std::chrono::duration<double, std::nano>(w.takes) * f->at);
        return;
    }
    w.fails_at = f->at;
    if (f->kind == "hang")
        w.hangs = true;
    else if (f->kind == "workerkill")
        w.killed = true;
    else if (f->kind == "enospc")
        w.fails_with = prefix + (is_ct ? "command 'tar xpf -' failed: No space left on device"
                                       : "command 'vma extract' failed: No space left on device");
    else
        w.fails_with =
            prefix + (is_ct ? "command 'tar xpf -' failed: exit code 2" : "command 'vma extract' failed: exit code 1");
}

}  // namespace

std::string restore_run::prefix() const {
    return is_ct() ? fmt::format("unable to restore CT {} - ", order_.guest.id.number()) : std::string();
}

std::string restore_run::archive_path() const {
    const storage_entry* s = model_.storage(storage_of(order_.from), node_);
    return s == nullptr ? order_.from.str() : path_of(*s, order_.from);
}

guest_config restore_run::result_of(const guest_config& saved) const {
    guest_config merged = saved;
    merged.sections.clear();
    std::erase_if(merged.values, [&](const auto& v) {
        return is_dropped(order_.guest.type, v.first) || (is_ct() && is_mount_point(v.first));
    });
    for (const auto& [key, value] : order_.overrides) merged.set(key, value);
    return merged;
}

std::string restore_run::check(const guest_config& saved) const {
    const auto old = model_.config(node_, order_.guest);
    if (!is_ct() && order_.overwrite && old) {
        if (old->get("protection") == "1")
            return fmt::format("unable to restore VM {} - protection mode enabled", order_.guest.id.number());
        if (model_.is_running(node_, order_.guest))
            return fmt::format("unable to restore VM {} - vm is running", order_.guest.id.number());
    }
    if (order_.refusal) return order_.refusal(saved, result_of(saved));
    return {};
}

std::string restore_run::begin(const std::string& upid, task_work& work) {
    upid_ = upid;
    const archive* from = model_.find_archive(order_.from, node_);
    const auto fail = [&](const std::string& why) {
        undo();
        return prefix() + why;
    };
    if (from == nullptr || !model_.is_active(storage_of(order_.from), node_))
        return fail(fmt::format("volume '{}' does not exist", order_.from.str()));
    if (is_ct()) model_.log_line(upid, fmt::format("recovering backed-up configuration from '{}'", order_.from.str()));
    if (from->is_encrypted && model_.faults().holds(order_.guest, node_, "nokey"))
        return fail("Error: missing key - manifest was created with key 5e:ed:0f:aa:00:00:00:01");
    if (!can_be_opened(*from) || from->guest.type != order_.guest.type)
        return fail(is_ct()
                        ? fmt::format("command 'tar -xpOf {} ./etc/vzdump/pct.conf --occurrence' failed: exit code 2",
                                      archive_path())
                        : fmt::format("command 'vma config {}' failed: exit code 255", archive_path()));
    open_ = *from;
    const guest_config saved = guest_config::parse(from->config);
    if (const std::string why = check(saved); !why.empty()) return fail(why);
    if (const std::string why = make_disks(upid, saved); !why.empty()) return fail(why);
    if (is_ct() && order_.overwrite) drop_old_disks(upid);
    if (is_ct()) model_.log_line(upid, fmt::format("restoring '{}' now..", order_.from.str()));
    model_.log_line(upid, (is_ct() ? "extracting archive '" : "restore vma archive: '") + archive_path() + "'");
    if (from->damage == archive_damage::corrupt && work.fails_with.empty() && !work.hangs && !work.killed) {
        work.fails_at = 0.6;
        work.fails_with = prefix() + (is_ct() ? "command 'tar xpf -' failed: exit code 2"
                                              : "command 'vma extract' failed: exit code 1");
    }
    return {};
}

std::string restore_run::make_disk(const std::string& upid, const std::string& key, const storage_id& to,
                                   std::uint64_t bytes, const std::string& format, const std::string& drive) {
    const storage_entry* s = model_.storage(to, node_);
    const auto fresh = model_.allocate(to, node_, order_.guest, bytes, s != nullptr && s->has_files() ? format : "");
    if (!fresh) return fresh.error().detail;
    made_.emplace_back(key, *fresh);
    drives_[key] = redirect(drive, *fresh);
    model_.log_line(upid, is_ct() ? fmt::format("allocated '{}'", fresh->str())
                                  : fmt::format("new volume ID is '{}'", fresh->str()));
    return {};
}

/// Step 8: the new disks are made while the old ones are still there, so both need room at once. A VM's old disk of the
/// same key goes before (pve-facts G.7).
std::string restore_run::make_disks(const std::string& upid, const guest_config& saved) {
    has_made_disks_ = true;
    const auto old = order_.overwrite ? model_.config(node_, order_.guest) : std::nullopt;
    if (!is_ct() && old)
        for (const auto& [key, id] : old->volumes()) {
            const std::string same = saved.get(key);
            if (!same.empty() && same.find("backup=0") == std::string::npos)
                model_.release(id, node_);
            else
                kept_[key] = old->get(key);
        }
    if (is_ct() && !order_.layout.empty()) {
        if (order_.layout.count("rootfs") == 0) return "rootfs is missing: it is needed when mount points are given";
        for (const auto& [key, wish] : order_.layout) {
            const std::size_t colon = wish.find(':');
            const std::string size = wish.substr(colon + 1, wish.find(',') - colon - 1);
            const auto bytes = static_cast<std::uint64_t>(std::strtod(size.c_str(), nullptr) * (1ULL << 30U));
            const std::size_t comma = wish.find(',');
            const std::string rest = comma == std::string::npos ? "" : wish.substr(comma);
            const std::string drive = fmt::format("x{},size={}", rest, size_text(bytes));
            if (auto why = make_disk(upid, key, storage_id(wish.substr(0, colon)), bytes, "", drive); !why.empty())
                return why;
        }
        return {};
    }
    for (const auto& [key, id] : saved.volumes()) {
        const std::string drive = saved.get(key);
        if (key.starts_with("unused") || (!is_ct() && drive.find("backup=0") != std::string::npos)) continue;
        storage_id to = order_.to.empty() ? storage_of(id) : order_.to;
        if (order_.to.empty() && model_.storage(to, node_) == nullptr) to = storage_id("local");
        const std::string format = disk_size(drive) == 0 && is_ct() ? "" : image_format(id);
        if (auto why = make_disk(upid, key, to, disk_size(drive), format == "subvol" ? "" : format, drive);
            !why.empty())
            return why;
    }
    return {};
}

/// Step 9: by name, even when that name is a new disk's (the hazard of pve-facts G.6).
void restore_run::drop_old_disks(const std::string& upid) {
    const auto old = model_.config(node_, order_.guest);
    if (!old) return;
    for (const auto& [key, id] : old->volumes()) {
        model_.release(id, node_);
        model_.log_line(upid, fmt::format("removed '{}'", id.str()));
    }
    (void)model_.files().write(node_, order_.guest, "lock: create\n");
}

std::string restore_run::finish(const std::string& upid) {
    const archive* from = &open_;
    const guest_config saved = guest_config::parse(from->config);
    guest_config c = result_of(saved);
    for (const auto& [key, id] : made_) {
        if (!model_.has_volume(id, node_)) return fmt::format("unable to mount '{}': no such volume", id.str());
        c.set(key, drives_.at(key));
    }
    if (!is_ct()) {
        for (const auto& [key, id] : saved.volumes())
            if (saved.get(key).find("backup=0") != std::string::npos) {
                c.description += fmt::format("#{}: {}\n", key, saved.get(key));
                c.set(key, "");
            }
        int n = 0;
        for (const auto& [key, drive] : kept_) c.set(fmt::format("unused{}", n++), drive.substr(0, drive.find(',')));
        if (const std::string id = c.get("vmgenid"); !id.empty() && id != "0") c.set("vmgenid", new_uuid(model_));
        if (order_.unique && !c.get("smbios1").empty()) c.set("smbios1", "uuid=" + new_uuid(model_));
    } else {
        model_.log_line(upid,
                        fmt::format("Total bytes read: {} ({}MiB, 70MiB/s)", from->bytes * 2, from->bytes * 2 >> 20U));
        model_.log_line(upid, "Detected container architecture: amd64");
        model_.log_line(upid, "merging backed-up and given configuration..");
    }
    if (order_.unique) replace_macs(c, model_);
    if (const auto written = model_.files().write(node_, order_.guest, c.text()); !written)
        return written.error().detail;
    if (order_.with_firewall && !from->firewall.empty())
        model_.files().tree().write(fmt::format("firewall/{}.fw", order_.guest.id.number()), from->firewall);
    if (order_.start) model_.begin_start(node_, order_.guest, user_);
    return {};
}

void restore_run::unlock() {
    auto c = model_.config(node_, order_.guest);
    if (!c) return;
    c->set("lock", "");
    (void)model_.files().write(node_, order_.guest, c->text());
}

void restore_run::undo() {
    for (const auto& [key, id] : made_) model_.release(id, node_);
    made_.clear();
    if (!is_ct()) {
        if (!upid_.empty() && has_made_disks_)
            model_.log_line(upid_, fmt::format("error before or during data restore, some or all disks were not "
                                               "completely restored. VM {} state is NOT cleaned up.",
                                               order_.guest.id.number()));
        if (order_.overwrite) return unlock();
        (void)model_.files().write(node_, order_.guest, "memory: 128\n");
        return;
    }
    if (order_.overwrite && !has_made_disks_) return unlock();
    model_.files().remove(node_, order_.guest);
    model_.files().tree().remove(fmt::format("firewall/{}.fw", order_.guest.id.number()));
}

std::string cluster::begin_restore(const node_name& node, const std::string& user, restore_order order) {
    const bool is_ct = order.guest.type == guest_type::ct;
    const guest_id guest = order.guest;
    task_work w(is_ct ? "vzrestore" : "qmrestore", to_string(guest.id),
                is_ct ? options_.takes.ct_restore : options_.takes.vm_restore);
    const storage_entry* target = storage(order.to, node);
    const bool hangs = is_hung(storage_of(order.from), node) || (!order.to.empty() && is_hung(order.to, node));
    if (target != nullptr && target->shared) add_storage_lock(w, order.to);
    if (const auto slow = faults_.storages_slow.find(storage_of(order.from).str()); slow != faults_.storages_slow.end())
        w.takes =
            std::chrono::duration_cast<duration>(std::chrono::duration<double, std::nano>(w.takes) * slow->second);
    const auto run = std::make_shared<restore_run>(*this, node, user, std::move(order));
    const std::string prefix = run->prefix();
    w.undo = [run] { run->undo(); };
    w.begin = [this, run](const std::string& upid) { return run->begin(upid, tasks_.at(upid).work); };
    const int step = w.takes > 10min ? 1 : 10;  // of a long one it is told more often
    for (int percent = step; percent < 100; percent += step)
        w.progress.emplace_back(percent / 100.0, fmt::format("progress {}%", percent));
    w.finish = [run, prefix](const std::string& upid) -> std::string {
        const std::string why = run->finish(upid);
        if (why.empty()) return "OK";
        run->undo();
        return prefix + why;
    };
    add_restore_fault(w, faults_.take(guest, node, {"fail", "hang", "workerkill", "enospc", "slow"}), is_ct, prefix);
    if (hangs) w.hangs = true;
    return start_task(node, user, std::move(w));
}

}  // namespace steward::sim
