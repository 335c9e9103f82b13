#include "sim/model/cluster.hpp"
#include "sim/model/devices.hpp"
#include "sim/model/guest_pending.hpp"
#include "sim/model/machine.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim {

using namespace std::chrono_literals;

namespace {

std::string config_text(const guest_options& g, const volid& disk, const std::string& mac, const std::string& address) {
    guest_config c;
    const std::string name =
        g.name.empty() ? fmt::format("{}{}", g.guest.type == guest_type::ct ? "ct" : "vm", g.guest.id.number())
                       : g.name;
    const std::string drive = fmt::format("{},size={}", disk.str(), size_text(g.disk_bytes));
    c.set("memory", std::to_string(g.memory_mib));
    c.set("onboot", g.onboot ? "1" : "");
    c.set("protection", g.is_protected ? "1" : "");
    c.set("template", g.is_template ? "1" : "");
    c.set("lock", g.lock);
    c.set("tags", g.tags);
    if (g.guest.type == guest_type::ct) {
        c.set("arch", "amd64");
        c.set("cores", "2");
        c.set("hostname", name);
        c.set("net0", fmt::format("name=eth0,bridge=vmbr0,firewall=1,hwaddr={},ip={}/8,type=veth", mac, address));
        c.set("ostype", "debian");
        c.set("rootfs", drive);
        c.set("swap", "512");
        c.set("unprivileged", "1");
    } else {
        c.set("boot", "order=scsi0");
        c.set("cores", "2");
        c.set("name", name);
        c.set("net0", fmt::format("virtio={},bridge=vmbr0,firewall=1", mac));
        c.set("ostype", "l26");
        c.set("scsi0", drive);
        c.set("scsihw", "virtio-scsi-pci");
    }
    return c.text();
}

/// Where the backups lie that exist at the start.
storage_id first_backup_store(const options& o) {
    for (const storage_options& s : o.storages)
        if (s.shared && std::find(s.content.begin(), s.content.end(), "backup") != s.content.end()) return s.id;
    return storage_id("backup");
}

}  // namespace

std::string guest_lock_name(guest_id guest) { return fmt::format("guest {}", guest.id.number()); }

std::string guest_lock_path(guest_id guest) {
    return guest.type == guest_type::ct ? fmt::format("/run/lock/lxc/pve-config-{}.lock", guest.id.number())
                                        : fmt::format("/var/lock/qemu-server/lock-{}.conf", guest.id.number());
}

void cluster::create_guest(guest_options& g) {
    if (g.address.empty())
        g.address = fmt::format("127.1.{}.{}", g.guest.id.number() / 250 % 250, g.guest.id.number() % 250);
    std::string text = g.config;
    if (text.empty()) {
        const auto disk = allocate(g.storage, g.node, g.guest, g.disk_bytes);
        text = config_text(g, disk ? *disk : volid(g.storage.str() + ":none"), new_mac(), g.address);
    } else {
        const guest_config given = guest_config::parse(text);
        for (const auto& [key, id] : given.volumes())
            volumes(storage_of(id), g.node).try_emplace(id, g.guest, disk_size(given.get(key))).first->second.created =
                wall_now();
    }
    // A directory that is already filled is a simulator started again: the files are the truth.
    if (!files_.find(g.guest.id)) (void)files_.write(g.node, g.guest, text);
    if (g.running && !g.is_template && files_.read(g.node, g.guest)) {
        run(g.node, g.guest);
        find_instance(g.node, g.guest)->started -= g.running_for;
    }
    for (const duration age : g.backup_ages) {
        archive a;
        a.guest = g.guest;
        a.created = wall_at(now_ - age);
        a.bytes = g.disk_bytes / 8;
        a.config = text;
        add_archive(first_backup_store(options_), g.node, std::move(a));
    }
}

result<void> cluster::add_guest(guest_options g) {
    if (files_.find(g.guest.id)) return fault(errc::exists, "guest", to_string(g.guest) + " is there already");
    if (find_node(g.node) == nullptr) return fault(errc::not_found, "guest", "no node " + g.node.str());
    options_.guests.push_back(std::move(g));
    create_guest(options_.guests.back());
    changed();
    return {};
}

std::optional<guest_config> cluster::config(const node_name& node, guest_id guest) const {
    const auto stale = stale_views_.find(node);
    const auto* found = (stale == stale_views_.end() ? files_ : *stale->second).find(node, guest);
    if (found == nullptr) return std::nullopt;
    return found->parsed;
}

const guest_options* cluster::declared(guest_id guest) const {
    for (const guest_options& g : options_.guests)
        if (g.guest == guest) return &g;
    return nullptr;
}

instance* cluster::find_instance(const node_name& node, guest_id guest) {
    const auto found = instances_.find({node, guest});
    return found == instances_.end() ? nullptr : &found->second;
}

bool cluster::is_running(const node_name& node, guest_id guest) const { return instances_.count({node, guest}) != 0; }

std::uint64_t cluster::used_memory(const node_name& node) const {
    std::uint64_t used = machine::own_memory_bytes;
    for (auto i = instances_.lower_bound({node, guest_id{}}); i != instances_.end() && i->first.first == node; ++i)
        if (const auto* e = files_.find(node, i->second.guest))
            used += std::strtoull(e->parsed.get("memory").c_str(), nullptr, 10) << 20U;
    const sim_node* n = find_node(node);
    return n == nullptr ? used : std::min(used, n->memory_bytes);  // what is more has been ballooned away
}

void cluster::set_free_memory(const node_name& node, std::uint64_t bytes) {
    sim_node* n = find_node(node);
    if (n == nullptr) return;
    n->memory_bytes = UINT64_MAX;
    n->memory_bytes = used_memory(node) + bytes;
}

std::vector<node_name> cluster::running_on(guest_id guest) const {
    std::vector<node_name> where;
    for (const sim_node& n : nodes_)
        if (is_running(n.name, guest)) where.push_back(n.name);
    return where;
}

std::optional<service_state> cluster::service_of(guest_id guest) const {
    std::optional<service_state> best;
    for (const auto& [key, i] : instances_) {
        if (i.guest != guest) continue;
        const sim_node* n = find_node(i.node);
        const bool reachable = n->reachable() && n->guest_network && !i.paused && !n->frozen;
        const service_state here = reachable ? i.service : service_state::hung;
        if (!best || here == service_state::healthy) best = here;
    }
    return best;
}

void cluster::set_service(guest_id guest, service_state state) {
    for (auto& [key, i] : instances_)
        if (i.guest == guest) i.service = state;
    changed();
}

void cluster::run(const node_name& node, guest_id guest) {
    apply_pending(*this, node, guest);
    instance i(node, guest, now_);
    i.pid = find_node(node)->next_pid++;
    if (const auto c = config(node, guest))
        for (const auto& [key, id] : c->volumes()) {
            const auto& held = volumes(storage_of(id), node);
            const auto v = held.find(id);
            if (v != held.end() && v->second.spoiled) i.service = service_state::dead;
        }
    instances_.insert_or_assign({node, guest}, std::move(i));
    ++instance_changes_;
    changed();
}

void cluster::halt(const node_name& node, guest_id guest) {
    instances_.erase({node, guest});
    ++instance_changes_;
    changed();
}

/// What a start task finds before it does anything; empty when the way is free.
std::string cluster::start_obstacle(const node_name& node, guest_id guest) {
    const bool is_ct = guest.type == guest_type::ct;
    const auto c = config(node, guest);
    if (!c) return fmt::format("Configuration file '{}' does not exist", config_files::path(node, guest));
    if (!is_ct && is_running(node, guest)) return fmt::format("VM {} already running", guest.id.number());
    if (const std::string lock = c->get("lock"); !lock.empty() && lock != (is_ct ? "mounted" : "suspended"))
        return locked_text(guest.type, *c);
    if (c->get("template") == "1") return fmt::format("you can't start a {} if it's a template", is_ct ? "CT" : "vm");
    for (const auto& [key, id] : c->volumes()) {
        if (key.starts_with("unused")) continue;
        const storage_id where = storage_of(id);
        if (!is_active(where, node)) return fmt::format("storage '{}' is not online", where.str());
        if (!has_volume(id, node)) return fmt::format("no such volume '{}'", id.str());
    }
    const auto& bridges = options_.bridges;
    for (const auto& [key, value] : c->values) {
        const std::string bridge = is_net_option(key) ? bridge_of(value) : std::string();
        if (bridge.empty() || std::find(bridges.begin(), bridges.end(), bridge) != bridges.end()) continue;
        return is_ct ? fmt::format("bridge '{}' does not exist", bridge) : "start failed: QEMU exited with code 1";
    }
    return {};
}

std::string cluster::begin_start(const node_name& node, guest_id guest, const std::string& user) {
    task_work w = guest_work("start", guest, options_.takes.start);
    w.begin = [this, node, guest](const std::string&) { return start_obstacle(node, guest); };
    if (faults_.take(guest, node, {"start-fails"}))
        w.fails_with = guest.type == guest_type::ct
                           ? fmt::format("startup for container '{}' failed", guest.id.number())
                           : std::string("start failed: QEMU exited with code 1");
    w.finish = [this, node, guest](const std::string&) {
        if (const std::string late = start_obstacle(node, guest); !late.empty()) return late;
        run(node, guest);
        return std::string("OK");
    };
    return start_task(node, user, std::move(w));
}

std::string cluster::begin_stop(const node_name& node, guest_id guest, const std::string& user) {
    const bool is_ct = guest.type == guest_type::ct;
    task_work w = guest_work("stop", guest, is_running(node, guest) ? options_.takes.stop : duration(50ms));
    w.begin = [this, node, guest, is_ct](const std::string&) -> std::string {
        const auto c = config(node, guest);
        if (!c) return fmt::format("Configuration file '{}' does not exist", config_files::path(node, guest));
        if (const std::string lock = c->get("lock"); !lock.empty() && !(is_ct && lock == "mounted"))
            return fmt::format("{} is locked ({})", guest_label(guest.type), lock);
        return {};
    };
    if (faults_.take(guest, node, {"stop-fails"}))
        w.fails_with = is_ct ? fmt::format("command 'lxc-stop -n {} --kill' failed: exit code 1", guest.id.number())
                             : std::string("VM quit/powerdown failed - got timeout");
    w.finish = [this, node, guest](const std::string&) {
        halt(node, guest);
        return std::string("OK");
    };
    return start_task(node, user, std::move(w));
}

std::string cluster::begin_shutdown(const node_name& node, guest_id guest, const std::string& user, duration limit,
                                    bool force) {
    const bool is_ct = guest.type == guest_type::ct;
    task_work w = guest_work("shutdown", guest, is_running(node, guest) ? options_.takes.shutdown : duration(50ms));
    w.begin = [this, node, guest](const std::string&) -> std::string {
        const auto c = config(node, guest);
        if (!c) return missing_config_text(node, guest);
        return locked_text(guest.type, *c);
    };
    const bool unkillable = faults_.take(guest, node, {"stop-fails"}).has_value();
    const bool deaf = faults_.take(guest, node, {"shutdown-hangs"}).has_value();
    const bool fails = unkillable || (deaf && !force);
    // lxc-stop gives up after the limit, and then its end is waited for, five seconds longer (recorded: ct-72, ct-73).
    if (deaf || unkillable) w.takes = is_ct && fails ? 2 * limit + 5s : limit;
    if (fails) w.fails_with = is_ct ? "container did not stop" : "VM quit/powerdown failed - got timeout";
    if (is_ct)
        w.on_interrupt = fmt::format("command 'lxc-stop -n {}{} --timeout {}' failed: received interrupt",
                                     guest.id.number(), force ? "" : " --nokill", limit / 1s);
    w.finish = [this, node, guest](const std::string&) {
        halt(node, guest);
        return std::string("OK");
    };
    return start_task(node, user, std::move(w));
}

std::string cluster::begin_reboot(const node_name& node, guest_id guest, const std::string& user) {
    task_work w = guest_work("reboot", guest, options_.takes.shutdown + options_.takes.start);
    w.finish = [this, node, guest](const std::string&) {
        halt(node, guest);
        if (const std::string obstacle = start_obstacle(node, guest); !obstacle.empty()) return obstacle;
        run(node, guest);
        return std::string("OK");
    };
    return start_task(node, user, std::move(w));
}

std::string cluster::begin_destroy(const node_name& node, guest_id guest, const std::string& user) {
    task_work w = guest_work("destroy", guest, options_.takes.destroy);
    w.begin = [this, node, guest](const std::string&) -> std::string {
        const auto c = config(node, guest);
        if (!c) return missing_config_text(node, guest);
        if (const std::string locked = locked_text(guest.type, *c); !locked.empty()) return locked;
        set_guest_lock(*this, node, guest, "destroyed");
        return {};
    };
    w.finish = [this, node, guest](const std::string& upid) -> std::string {
        if (const auto file = read_guest(*this, node, guest)) {
            std::vector<const guest_config*> all = {&file->now, &file->pending};
            for (const auto& [name, snapshot] : file->snapshots) all.push_back(&snapshot);
            for (const guest_config* each : all)
                for (const auto& [key, id] : each->volumes()) {
                    if (volume_owner(*this, node, id) != guest) continue;
                    if (guest.type == guest_type::vm) log_line(upid, fmt::format("removing disk {}", id.str()));
                    release(id, node);
                }
        }
        halt(node, guest);
        files_.tree().remove(fmt::format("firewall/{}.fw", guest.id.number()));
        files_.remove(node, guest);
        return "OK";
    };
    return start_task(node, user, std::move(w));
}

}  // namespace steward::sim
