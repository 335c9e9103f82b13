#include "sim/model/cluster.hpp"

#include <fmt/core.h>
#include <memory>
#include <regex>

namespace steward::sim {

namespace {

using made_volumes = std::vector<std::pair<std::string, volid>>;

/// What a backup does not bring back (pve-facts G.6 step 10).
bool is_dropped(const std::string& key) {
    return key == "lock" || key == "parent" || key == "template" || key == "digest" || key.starts_with("unused");
}

guest_config merge(const guest_config& saved, const std::map<std::string, std::string>& overrides) {
    guest_config merged = saved;
    merged.sections.clear();
    std::erase_if(merged.values, [](const auto& v) { return is_dropped(v.first); });
    for (const auto& [key, value] : overrides) merged.set(key, value);
    return merged;
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

std::string cluster::finish_restore(const node_name& node, const restore_order& order, const made_volumes& made,
                                    const std::string& user) {
    const archive* from = find_archive(order.from, node);
    if (from == nullptr) return fmt::format("volume '{}' does not exist", order.from.str());
    const guest_config saved = guest_config::parse(from->config);
    guest_config c = merge(saved, order.overrides);
    for (const auto& [key, id] : made) {
        if (!has_volume(id, node)) return fmt::format("unable to mount '{}': no such volume", id.str());
        c.set(key, redirect(saved.get(key), id));
    }
    if (order.unique) replace_macs(c, *this);
    if (const auto written = files_.write(node, order.guest, c.text()); !written) return written.error().detail;
    if (order.start) begin_start(node, order.guest, user);
    return {};
}

/// The worker of a restore. The configuration with `lock: create` was written before, by the API call.
std::string cluster::begin_restore(const node_name& node, const std::string& user, restore_order order) {
    const bool is_ct = order.guest.type == guest_type::ct;
    const std::string prefix =
        is_ct ? fmt::format("unable to restore CT {} - ", order.guest.id.number()) : std::string();
    task_work w(is_ct ? "vzrestore" : "qmrestore", to_string(order.guest.id),
                is_ct ? options_.takes.ct_restore : options_.takes.vm_restore);
    const auto made = std::make_shared<made_volumes>();
    w.undo = [this, node, order, made, is_ct] {
        for (const auto& [key, id] : *made) release(id, node);
        // A container's configuration goes, a VM's leaves a stub (pve-facts G.6, G.7).
        if (is_ct)
            files_.remove(node, order.guest);
        else
            (void)files_.write(node, order.guest, "memory: 128\n");
    };
    const auto undo = w.undo;
    w.begin = [this, node, order, made, undo, prefix](const std::string& upid) -> std::string {
        const archive* from = find_archive(order.from, node);
        if (from == nullptr || !is_active(storage_of(order.from), node)) {
            undo();
            return prefix + fmt::format("volume '{}' does not exist", order.from.str());
        }
        log_line(upid, fmt::format("recovering backed-up configuration from '{}'", order.from.str()));
        const auto old = config(node, order.guest);
        const guest_config saved = guest_config::parse(from->config);
        for (const auto& [key, id] : saved.volumes()) {
            if (key.starts_with("unused")) continue;
            const storage_id to = order.to.empty() ? storage_of(id) : order.to;
            const auto fresh = allocate(to, node, order.guest, disk_size(saved.get(key)));
            if (!fresh) {
                undo();
                return prefix + fresh.error().detail;
            }
            made->emplace_back(key, *fresh);
            log_line(upid, fmt::format("allocated '{}'", fresh->str()));
        }
        // The old volumes go before unpacking, by name, even when the name is a new one's (the hazard of G.6).
        if (order.overwrite && old)
            for (const auto& [key, id] : old->volumes()) release(id, node);
        log_line(upid, fmt::format("extracting archive '{}'", order.from.str()));
        return {};
    };
    for (int percent = 10; percent < 100; percent += 10)
        w.progress.emplace_back(percent / 100.0, fmt::format("progress {}%", percent));
    w.finish = [this, node, order, made, undo, prefix, user](const std::string&) -> std::string {
        const std::string why = finish_restore(node, order, *made, user);
        if (why.empty()) return "OK";
        undo();
        return prefix + why;
    };
    add_restore_fault(w, faults_.take(order.guest, node, {"fail", "hang", "workerkill", "enospc", "slow"}), is_ct,
                      prefix);
    return start_task(node, user, std::move(w));
}

}  // namespace steward::sim
