#include "sim/model/snapshots.hpp"

#include "sim/model/devices.hpp"
#include "sim/model/guest_pending.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim {

namespace {

/// What belongs to the guest and not to one of its states.
const std::vector<std::string>& not_in_a_snapshot() {
    static const std::vector<std::string> keys = {"lock", "parent", "snaptime", "vmstate", "snapstate", "description"};
    return keys;
}

std::string absent(const std::string& name) { return fmt::format("snapshot '{}' does not exist", name); }

std::string check_unlocked(const cluster& model, const node_name& node, guest_id guest) {
    const auto config = model.config(node, guest);
    if (!config) return missing_config_text(node, guest);
    return locked_text(guest.type, *config);
}

/// `lock:` while the worker runs, so that nobody else touches the guest meanwhile; gone again at every end.
void lock_while_it_runs(cluster& model, task_work& w, const node_name& node, guest_id guest, const char* lock) {
    const auto check = w.begin;
    w.begin = [&model, check, node, guest, lock](const std::string& upid) -> std::string {
        if (std::string why = check(upid); !why.empty()) return why;
        set_guest_lock(model, node, guest, lock);
        return {};
    };
    w.undo = [&model, node, guest] { set_guest_lock(model, node, guest, ""); };
}

std::string obstacle_to_snapshot(const cluster& model, const node_name& node, guest_id guest, const std::string& name) {
    if (std::string why = check_unlocked(model, node, guest); !why.empty()) return why;
    const auto file = read_guest(model, node, guest);
    if (file->now.get("template") == "1") return "unable to take snapshot: guest is a template";
    if (file->snapshots.count(name) != 0) return fmt::format("snapshot name '{}' already used", name);
    if (!has_snapshot_feature(model, file->now)) return "snapshot feature is not available";
    return {};
}

std::string save_memory(cluster& model, const node_name& node, guest_id guest, const std::string& name,
                        guest_config& snapshot) {
    const std::string boot = boot_disk(snapshot);
    const storage_id where = boot.empty() ? storage_id("local") : storage_of(volume_of(snapshot.get(boot)));
    const std::uint64_t memory = std::strtoull(snapshot.get("memory").c_str(), nullptr, 10) << 20U;
    const volid state(fmt::format("{}:vm-{}-state-{}", where.str(), guest.id.number(), name));
    if (model.available(where, node) < 2 * memory) return "no space left for the VM's state";
    model.volumes(where, node).insert_or_assign(state, volume(guest, 2 * memory));
    snapshot.set("vmstate", state.str());
    snapshot.set("runningmachine", model.configured().qemu.machine);
    return {};
}

std::string take(cluster& model, const node_name& node, guest_id guest, const snapshot_order& order) {
    auto file = read_guest(model, node, guest);
    if (!file) return missing_config_text(node, guest);
    guest_config snapshot = file->now;
    for (const std::string& key : not_in_a_snapshot()) snapshot.set(key, "");
    std::erase_if(snapshot.values, [](const auto& v) { return v.first.starts_with("unused"); });
    snapshot.description = encoded_description(order.description);
    snapshot.set("snaptime", std::to_string(model.wall_now().time_since_epoch().count()));
    snapshot.set("parent", file->now.get("parent"));
    if (order.with_memory && model.is_running(node, guest))
        if (std::string why = save_memory(model, node, guest, order.name, snapshot); !why.empty()) {
            set_guest_lock(model, node, guest, "");
            return why;
        }
    const volid state(snapshot.get("vmstate"));
    file->snapshots[order.name] = std::move(snapshot);
    file->now.set("parent", order.name);
    file->now.set("lock", "");
    const std::string refused = write_guest(model, node, *file, guest);
    if (!refused.empty() && !state.empty()) model.release(state, node);
    return refused.empty() ? "OK" : refused;
}

std::string remove(cluster& model, const node_name& node, guest_id guest, const std::string& name) {
    auto file = read_guest(model, node, guest);
    if (!file) return missing_config_text(node, guest);
    const guest_config gone = file->snapshots[name];
    file->snapshots.erase(name);
    // Its children become those of its parent.
    if (file->now.get("parent") == name) file->now.set("parent", gone.get("parent"));
    for (auto& [other, snapshot] : file->snapshots)
        if (snapshot.get("parent") == name) snapshot.set("parent", gone.get("parent"));
    file->now.set("lock", "");
    const std::string refused = write_guest(model, node, *file, guest);
    if (const std::string state = gone.get("vmstate"); refused.empty() && !state.empty())
        model.release(volid(state), node);
    return refused.empty() ? "OK" : refused;
}

std::string roll_back(cluster& model, const node_name& node, guest_id guest, const std::string& name) {
    auto file = read_guest(model, node, guest);
    if (!file) return missing_config_text(node, guest);
    const guest_config& saved = file->snapshots.at(name);
    guest_config now = saved;
    now.description = file->now.description;
    for (const char* key : {"snaptime", "vmstate", "runningmachine", "lock"}) now.set(key, "");
    for (const auto& [key, value] : file->now.values)
        if (key.starts_with("unused")) now.set(key, value);
    now.set("parent", name);
    for (const auto& [key, value] : file->now.values)
        if (is_drive_option(key) && !key.starts_with("unused")) keep_as_unused(now, value);
    file->now = std::move(now);
    file->pending = guest_config();
    const std::string refused = write_guest(model, node, *file, guest);
    return refused.empty() ? "OK" : refused;
}

}  // namespace

bool has_snapshot_feature(const cluster& model, const guest_config& config) {
    const auto all = config.volumes();
    return std::all_of(all.begin(), all.end(),
                       [&](const auto& v) { return v.first.starts_with("unused") || can_snapshot(model, v.second); });
}

std::string begin_snapshot(cluster& model, const node_name& node, guest_id guest, const std::string& user,
                           snapshot_order order) {
    task_work w = guest_work("snapshot", guest, model.configured().takes.snapshot);
    w.begin = [&model, node, guest, name = order.name](const std::string&) {
        return obstacle_to_snapshot(model, node, guest, name);
    };
    lock_while_it_runs(model, w, node, guest, "snapshot");
    w.finish = [&model, node, guest, order](const std::string&) { return take(model, node, guest, order); };
    return model.start_task(node, user, std::move(w));
}

std::string begin_snapshot_removal(cluster& model, const node_name& node, guest_id guest, const std::string& user,
                                   const std::string& name, bool force) {
    task_work w = guest_work("delsnapshot", guest, model.configured().takes.snapshot);
    w.begin = [&model, node, guest, name, force](const std::string&) -> std::string {
        if (std::string why = check_unlocked(model, node, guest); !why.empty()) return why;
        const auto file = read_guest(model, node, guest);
        const auto found = file->snapshots.find(name);
        if (found == file->snapshots.end()) return absent(name);
        for (const auto& [key, id] : found->second.volumes())
            if (!force && !model.is_active(storage_of(id), node))
                return fmt::format("storage '{}' is not online", storage_of(id).str());
        return {};
    };
    lock_while_it_runs(model, w, node, guest, "snapshot-delete");
    w.finish = [&model, node, guest, name](const std::string&) { return remove(model, node, guest, name); };
    return model.start_task(node, user, std::move(w));
}

std::string begin_rollback(cluster& model, const node_name& node, guest_id guest, const std::string& user,
                           const std::string& name, bool start) {
    task_work w = guest_work("rollback", guest, model.configured().takes.snapshot);
    w.begin = [&model, node, guest, name](const std::string&) -> std::string {
        const auto file = read_guest(model, node, guest);
        if (!file) return missing_config_text(node, guest);
        if (file->snapshots.count(name) == 0) return absent(name);
        return check_unlocked(model, node, guest);
    };
    lock_while_it_runs(model, w, node, guest, "rollback");
    w.finish = [&model, node, guest, name, start, user](const std::string&) -> std::string {
        const auto before = read_guest(model, node, guest);
        if (!before || before->snapshots.count(name) == 0) return absent(name);
        const bool had_memory = !before->snapshots.at(name).get("vmstate").empty();
        if (model.is_running(node, guest)) model.halt(node, guest);
        std::string done = roll_back(model, node, guest, name);
        if (done == "OK" && had_memory) model.run(node, guest);
        if (done == "OK" && start && !had_memory) model.begin_start(node, guest, user);
        return done;
    };
    return model.start_task(node, user, std::move(w));
}

}  // namespace steward::sim
