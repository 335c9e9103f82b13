#include "sim/recorded_rig.hpp"

#include "sim/model/privileges.hpp"

#include <stdexcept>

namespace steward::sim::recorded {

using namespace std::chrono_literals;

namespace {

guest_options container(std::uint32_t id, const char* node, const char* storage, bool running) {
    guest_options g(guest_id(guest_type::ct, vmid(id)), node_name(node));
    g.storage = storage_id(storage);
    g.memory_mib = 64;
    g.onboot = false;
    g.running = running;
    g.backup_ages.clear();
    return g;
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
    o.takes.backup = 3s;
    o.takes.ct_restore = 1s;
    o.takes.destroy = 1s;
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
    o.guests = {container(100, "pve", "local", false), container(101, "pve", "local", true)};
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
    o.guests = {container(100, "pve1", "local", true),  container(101, "pve1", "local", false),
                container(200, "pve2", "shared", true), container(201, "pve2", "local", false),
                container(300, "pve3", "shared", true), container(301, "pve3", "local", false)};
    return o;
}

}  // namespace

options make_rig(const std::string& topology) {
    if (topology == "lone") return lone();
    if (topology == "three") return three();
    throw std::runtime_error("no topology " + topology);
}

}  // namespace steward::sim::recorded
