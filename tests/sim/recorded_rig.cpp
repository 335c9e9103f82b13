#include "sim/recorded_rig.hpp"

#include "sim/model/privileges.hpp"

#include <fmt/core.h>
#include <stdexcept>

namespace steward::sim::recorded {

using namespace std::chrono_literals;

namespace {

guest_options container(std::uint32_t id, const char* node, const char* storage, bool running) {
    guest_options g(guest_id(guest_type::ct, vmid(id)), node_name(node));
    g.running = running;
    g.backup_ages.clear();
    g.config = fmt::format(
        "arch: amd64\nhostname: ct{0}\nmemory: 64\nostype: unmanaged\n"
        "rootfs: {1}:{0}/subvol-{0}-disk-0.subvol,size=0T\nswap: 0\nunprivileged: 1\n",
        id, storage);
    return g;
}

guest_options container(std::uint32_t id, const char* node, const char* storage, bool running, const char* net0) {
    guest_options g = container(id, node, storage, running);
    g.config.insert(g.config.find("ostype: "), fmt::format("net0: {}\n", net0));
    return g;
}

guest_options machine(std::uint32_t id, const char* config) {
    guest_options g(guest_id(guest_type::vm, vmid(id)), node_name("pve"));
    g.backup_ages.clear();
    g.config = config;
    return g;
}

void add_templates(options& o, const char* storage) {
    o.stored_files.emplace_back(volid(fmt::format("{}:vztmpl/rigalpine_3.19_amd64.tar.zst", storage)), 1081560);
}
constexpr wall_time long_ago{1700000000s};

void add_people(options& o) {
    o.users.emplace_back("root@pam", "rigroot1");
    o.users.emplace_back("rig@pve", "rigpass123");
    o.users.emplace_back("audit@pve", "auditpass1");
    o.users.emplace_back("expired@pve", "expiredpass1");
    o.users.back().expires = long_ago;
    o.tokens.emplace_back("root@pam!full", "11111111-1111-4111-8111-111111111111", false);
    o.tokens.emplace_back("audit@pve!ro", "33333333-3333-4333-8333-333333333333", false);
    o.tokens.emplace_back("rig@pve!expired", "55555555-5555-4555-8555-555555555555", false);
    o.tokens.back().expires = long_ago;
    o.tokens.emplace_back("rig@pve!sep", "66666666-6666-4666-8666-666666666666", true);
    o.acl.emplace_back("/", "audit@pve", "PVEAuditor");
    o.acl.emplace_back("/", "rig@pve", "PVEAdmin");
}

options common() {
    options o;
    o.takes.start = 1s;
    o.takes.stop = 1s;
    o.takes.shutdown = 1s;
    o.takes.backup = 1s;  // of three: the rest is the stop and the start around it (bk-04)
    o.takes.ct_restore = 1s;
    o.takes.destroy = 1s;
    o.takes.create = 500ms;
    o.takes.clone = 500ms;
    o.takes.snapshot = 100ms;
    o.takes.migrate = 3s;
    add_people(o);
    o.stored_files.emplace_back(volid("local:vztmpl/rigbox_1.0_amd64.tar.zst"), 1081560);
    return o;
}

options lone() {
    options o = common();
    o.nodes = {node_name("pve")};
    o.storages.emplace_back(storage_id("backup2"), "dir", std::vector<std::string>{"backup"}, false);
    o.storages.back().more = {{"path", "/var/lib/vz2"}, {"prune-backups", "keep-last=3"}};
    o.storages.back().filesystem = "overlay";
    o.storages.emplace_back(storage_id("local"), "dir",
                            std::vector<std::string>{"vztmpl", "iso", "backup", "rootdir", "images", "snippets"},
                            false);
    o.bridges.clear();  // its network was the machine's own
    add_templates(o, "local");
    o.guests = {container(100, "pve", "local", false), container(101, "pve", "local", true)};
    return o;
}

/// Before there were guests.
options bare() {
    options o = lone();
    o.guests.clear();
    return o;
}

/// The same node at another time: with VMs, on Debian's QEMU.
options machines() {
    options o = lone();
    o.qemu.version = "7.2.22";
    o.qemu.machine = "pc-i440fx-7.2";
    o.qemu.is_proxmox = false;
    guest_options ct103 = container(103, "pve", "local", false);
    ct103.config.replace(ct103.config.find("ct103"), 5, "CT103");
    guest_options vm500 = machine(500,
                                  "agent: 0\nboot: order=scsi0\nkvm: 0\nmemory: 64\nname: vm500\nostype: l26\n"
                                  "scsi0: local:500/vm-500-disk-0.qcow2,size=1G\nscsihw: virtio-scsi-pci\n"
                                  "serial0: socket\nvga: serial0\n");
    vm500.running_for = 34s;
    o.guests = {ct103, vm500};
    return o;
}

options three() {
    options o = common();
    o.cluster_name = "rigcl";
    o.nodes = {node_name("pve1"), node_name("pve2"), node_name("pve3")};
    o.storages.emplace_back(storage_id("backup2"), "dir", std::vector<std::string>{"backup"}, false);
    o.storages.emplace_back(storage_id("local"), "dir",
                            std::vector<std::string>{"iso", "images", "backup", "vztmpl", "snippets", "rootdir"},
                            false);
    o.storages.emplace_back(storage_id("shared"), "dir",
                            std::vector<std::string>{"images", "rootdir", "backup", "vztmpl"}, true);
    add_templates(o, "shared");
    const char* net200 = "name=eth0,bridge=vmbr0,firewall=0,hwaddr=BC:24:11:1E:C2:6B,ip=10.77.0.120/24,type=veth";
    const char* net300 = "name=eth0,bridge=vmbr0,firewall=0,hwaddr=BC:24:11:EB:59:C8,ip=10.77.0.130/24,type=veth";
    const char* net301 = "name=eth0,bridge=vmbr0,firewall=1,hwaddr=BC:24:11:DC:2E:01,ip=10.77.0.131/24,type=veth";
    o.guests = {container(100, "pve1", "local", true),          container(101, "pve1", "local", false),
                container(200, "pve2", "shared", true, net200), container(201, "pve2", "local", false),
                container(300, "pve3", "shared", true, net300), container(301, "pve3", "local", false, net301)};
    return o;
}

}  // namespace

options make_rig(const std::string& topology) {
    if (topology == "lone") return lone();
    if (topology == "three") return three();
    if (topology == "machines") return machines();
    if (topology == "bare") return bare();
    throw std::runtime_error("no topology " + topology);
}

}  // namespace steward::sim::recorded
