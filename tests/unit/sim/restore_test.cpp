#include "unit/sim/small_cluster.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::sim;
using namespace std::chrono_literals;

namespace {

const node_name n1("n1");
const node_name n2("n2");
const node_name n3("n3");
constexpr guest_id ct110{guest_type::ct, vmid(110)};

api::reply restore(cluster& model, const char* node, guest_id from, const char* to, api::parameters more = {},
                   const std::string& token = root_token) {
    const bool is_ct = from.type == guest_type::ct;
    api::parameters params = {{"vmid", to}, {is_ct ? "ostemplate" : "archive", archive_of(model, from)}};
    if (is_ct) params.emplace_back("restore", "1");
    params.insert(params.end(), more.begin(), more.end());
    return ask(model, std::string("POST /nodes/") + node + (is_ct ? "/lxc" : "/qemu"), params, token);
}

std::string config_text(const cluster& model, const node_name& node, guest_id g) {
    return model.files().read(node, g).value_or("none");
}

bool logged(const cluster& model, const std::string& upid, const std::string& part) {
    const auto& log = model.tasks().at(upid).log;
    return std::any_of(log.begin(), log.end(), [&](const std::string& l) { return l.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("a restored guest is the one of the backup, unless something else is asked for") {
    cluster model(small_options());
    const auto before = *model.config(n1, ct101);
    const std::string upid = text_of(restore(model, "n2", ct101, "120", {{"storage", "local-lvm"}, {"start", "1"}}));
    CHECK(config_text(model, n2, guest_id(guest_type::ct, vmid(120))).find("lock: create") != std::string::npos);
    pass(model, 61s);
    REQUIRE(exit_of(model, upid) == "OK");
    const auto after = *model.config(n2, guest_id(guest_type::ct, vmid(120)));
    CHECK(after.get("net0") == before.get("net0"));  // the same MAC
    CHECK(after.get("onboot") == "1");
    CHECK(after.get("lock").empty());
    CHECK(after.get("rootfs") == "local-lvm:vm-120-disk-0,size=8G");
    // The start is another task, and the restore has not waited for it.
    CHECK_FALSE(model.is_running(n2, guest_id(guest_type::ct, vmid(120))));
    pass(model, 10s);
    CHECK(model.is_running(n2, guest_id(guest_type::ct, vmid(120))));

    const std::string other = text_of(restore(
        model, "n2", ct101, "121", {{"storage", "nfs-vm"}, {"unique", "1"}, {"hostname", "other"}, {"onboot", "0"}}));
    pass(model, 61s);
    REQUIRE(exit_of(model, other) == "OK");
    const auto unique = *model.config(n2, guest_id(guest_type::ct, vmid(121)));
    CHECK(unique.get("net0") != before.get("net0"));
    CHECK(unique.get("hostname") == "other");
    CHECK(unique.get("rootfs") == "nfs-vm:121/vm-121-disk-0.raw,size=8G");
}

TEST_CASE("a layout of one's own replaces the disks of the backup") {
    cluster model(small_options());
    const std::string upid =
        text_of(restore(model, "n1", ct101, "120", {{"rootfs", "local-lvm:4"}, {"mp0", "nfs-vm:2,mp=/srv"}}));
    pass(model, 61s);
    REQUIRE(exit_of(model, upid) == "OK");
    const auto c = *model.config(n1, guest_id(guest_type::ct, vmid(120)));
    CHECK(c.get("rootfs") == "local-lvm:vm-120-disk-0,size=4G");
    CHECK(c.get("mp0") == "nfs-vm:120/vm-120-disk-0.raw,mp=/srv,size=2G");
    const std::string lacks = text_of(restore(model, "n1", ct101, "121", {{"mp0", "nfs-vm:2,mp=/srv"}}));
    pass(model, 1s);
    CHECK(exit_of(model, lacks).starts_with("unable to restore CT 121 - "));
    CHECK(config_text(model, n1, guest_id(guest_type::ct, vmid(121))) == "none");
}

TEST_CASE("what a restore refuses at once") {
    class row {
      public:
        const char* node;
        guest_id from;
        const char* to;
        api::parameters more;
        const char* reason;
    };
    const std::vector<row> rows = {
        {"n2", ct101, "101", {{"force", "1"}}, "CT 101 already exists on node 'n1'"},
        {"n1", ct101, "103", {{"force", "1"}}, "VM 103 already exists on node 'n3'"},
        {"n1", ct101, "101", {{"force", "1"}}, "can't overwrite running container"},
        {"n1", ct101, "110", {}, "CT 110 already exists on node 'n1'"},
        {"n1", ct101, "120", {{"storage", "nosuch"}}, "storage 'nosuch' does not exist"},
        {"n1", ct101, "120", {{"storage", "backup"}}, "Parameter verification failed."},
        {"n1", vm103, "103", {}, "unable to restore VM 103 - VM 103 already exists on node 'n3'"},
        {"n1",
         vm103,
         "103",
         {{"force", "1"}},
         "unable to restore VM 103 - close (rename) atomic file '/etc/pve/nodes/n1/qemu-server/103.conf' failed: File "
         "exists"},
        {"n1", vm103, "120", {{"scsi0", "local-lvm:4"}}, "Parameter verification failed."},
    };
    cluster model(small_options());
    for (const row& r : rows) {
        INFO(r.reason);
        CHECK(restore(model, r.node, r.from, r.to, r.more).reason == r.reason);
    }
    REQUIRE(apply_fault(model, "lock ct110 migrate"));
    CHECK(restore(model, "n1", ct110, "110", {{"force", "1"}}).reason ==
          "unable to restore CT 110 - CT is locked (migrate)");
    CHECK(restore(model, "n1", ct101, "120", {{"storage", "local-lvm"}}).status == 200);
}

TEST_CASE("what is left of a container whose restore fails depends on how far it came") {
    class row {
      public:
        const char* fault;
        bool overwrites;
        const char* left;   ///< of the configuration
        bool has_old_disk;  ///< the disk of the guest that was overwritten
    };
    const std::vector<row> rows = {
        {"backup ct110 unreadable", true, "whole", true},  // before new disks: only the lock goes
        {"backup ct110 unreadable", false, "none", true},  //
        {"storage local-lvm full", true, "none", true},    // no new disk: the configuration goes all the same
        {"backup ct110 corrupt", true, "none", false},     // the old disk went before unpacking
        {"restore ct110 fail 50%", true, "none", false},   //
        {"restore ct110 workerkill 50%", true, "lock: create\n", false},
    };
    for (const row& r : rows) {
        INFO(r.fault << (r.overwrites ? " over the old one" : " as a new one"));
        cluster model(small_options());
        const std::string whole = config_text(model, n1, ct110);
        const volid disk("local-lvm:vm-110-disk-0");
        REQUIRE(model.has_volume(disk, n1));
        REQUIRE(apply_fault(model, r.fault));
        const char* to = r.overwrites ? "110" : "120";
        api::parameters more = {{"storage", "local-lvm"}};
        if (r.overwrites) more.emplace_back("force", "1");
        const std::string upid = text_of(restore(model, "n1", ct110, to, more));
        pass(model, 2min);
        CHECK(exit_of(model, upid) != "OK");
        const guest_id target(guest_type::ct, vmid(r.overwrites ? 110 : 120));
        const std::string left = config_text(model, n1, target);
        CHECK(left == (std::string(r.left) == "whole" ? whole : std::string(r.left)));
        CHECK(model.has_volume(disk, n1) == r.has_old_disk);
        if (std::string(r.left) != "lock: create\n") continue;
        // Only root on the node gets rid of that.
        CHECK(ask(model, "DELETE /nodes/n1/lxc/110").reason == "CT is locked (create)");
        CHECK(restore(model, "n1", ct110, "110", more).reason == "unable to restore CT 110 - CT is locked (create)");
    }
}

TEST_CASE("overwriting needs room for the old and the new") {
    options o = small_options();
    for (storage_options& s : o.storages)
        if (s.id.str() == "local-lvm") s.bytes = 30ULL << 30U;  // 101 and 110 have 8 each
    cluster model(o);
    CHECK(exit_of(model, text_of(restore(model, "n1", ct110, "110", {{"storage", "local-lvm"}, {"force", "1"}})))
              .empty());
    pass(model, 61s);
    cluster tight([&] {
        for (storage_options& s : o.storages)
            if (s.id.str() == "local-lvm") s.bytes = 20ULL << 30U;
        return o;
    }());
    const std::string upid = text_of(restore(tight, "n1", ct110, "110", {{"storage", "local-lvm"}, {"force", "1"}}));
    pass(tight, 1s);
    CHECK(exit_of(tight, upid).find("No space left on device") != std::string::npos);
}

TEST_CASE("force over a stolen configuration destroys the disk that was just made") {
    cluster model(small_options());
    // ct102's configuration comes to n1, its disk stays on n2 under the name that is free here.
    REQUIRE(model.files().rename("nodes/n2/lxc/102.conf", "nodes/n1/lxc/102.conf"));
    const std::string upid = text_of(restore(model, "n1", ct102, "102", {{"storage", "local-lvm"}, {"force", "1"}}));
    pass(model, 2min);
    CHECK(exit_of(model, upid) ==
          "unable to restore CT 102 - unable to mount 'local-lvm:vm-102-disk-0': no such volume");
    CHECK(model.has_volume(volid("local-lvm:vm-102-disk-0"), n2));
}

TEST_CASE("a VM leaves a stub when its restore fails, and is checked by the worker") {
    cluster model(small_options());
    REQUIRE(apply_fault(model, "backup vm103 corrupt"));
    const std::string fresh = text_of(restore(model, "n2", vm103, "120"));
    pass(model, 3min);
    CHECK(exit_of(model, fresh) == "command 'vma extract' failed: exit code 1");
    CHECK(config_text(model, n2, guest_id(guest_type::vm, vmid(120))) == "memory: 128\n");
    CHECK(logged(model, fresh, "VM 120 state is NOT cleaned up."));
    const std::string running = text_of(restore(model, "n3", vm103, "103", {{"force", "1"}}));
    pass(model, 1s);
    CHECK(exit_of(model, running) == "unable to restore VM 103 - vm is running");
    CHECK(model.config(n3, vm103)->get("lock").empty());
}

TEST_CASE("a VM's other disks become unused, those of the same key go first") {
    cluster model(small_options());
    model.halt(n3, vm103);
    auto c = *model.config(n3, vm103);
    const auto extra = model.allocate(storage_id("local-lvm"), n3, vm103, 1U << 30U);
    c.set("scsi1", extra->str() + ",size=1G");
    REQUIRE(model.files().write(n3, vm103, c.text()));
    const std::string upid = text_of(restore(model, "n3", vm103, "103", {{"force", "1"}}));
    pass(model, 3min);
    REQUIRE(exit_of(model, upid) == "OK");
    CHECK(model.config(n3, vm103)->get("scsi0") == "local-lvm:vm-103-disk-0,size=8G");
    CHECK(model.config(n3, vm103)->get("unused0") == extra->str());
}

TEST_CASE("the worker of a restore waits ten seconds for the lock of a shared storage") {
    cluster model(small_options());
    REQUIRE(model.acquire_lock(n3, "storage-nfs-vm"));
    const std::string upid = text_of(restore(model, "n1", ct101, "120", {{"storage", "nfs-vm"}}));
    pass(model, 12s);
    CHECK(exit_of(model, upid).find("cfs-lock 'storage-nfs-vm' error: got lock request timeout") != std::string::npos);
    CHECK(config_text(model, n1, guest_id(guest_type::ct, vmid(120))) == "none");
}

TEST_CASE("a privileged container takes more than a restore since 9.0") {
    for (const pve::schema::version v : {pve::schema::version{8, 4}, pve::schema::version{9, 1}}) {
        options o = small_options();
        o.version = v;
        cluster model(o);
        const std::string upid = text_of(
            restore(model, "n1", ct101, "120", {{"storage", "local-lvm"}, {"unprivileged", "0"}}, product_token));
        pass(model, 61s);
        CHECK((exit_of(model, upid) == "OK") == (v.major == 8));
        if (v.major == 9)
            CHECK(exit_of(model, upid) == "unable to restore CT 120 - Permission check failed (/, Sys.Modify)");
    }
}

TEST_CASE("the firewall of a guest comes back with it") {
    cluster model(small_options());
    model.files().tree().write("firewall/110.fw", "[OPTIONS]\n\nenable: 1\n");
    ask(model, "POST /nodes/n1/vzdump", {{"vmid", "110"}, {"storage", "backup"}, {"prune-backups", "keep-last=1"}});
    pass(model, 60s);
    model.files().tree().remove("firewall/110.fw");
    const std::string upid = text_of(restore(model, "n2", ct110, "120", {{"storage", "local-lvm"}}));
    pass(model, 61s);
    REQUIRE(exit_of(model, upid) == "OK");
    CHECK(model.files().tree().read("firewall/120.fw") == "[OPTIONS]\n\nenable: 1\n");
}
