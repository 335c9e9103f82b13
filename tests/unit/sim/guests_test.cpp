#include "small_cluster.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::sim;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

const node_name n1("n1");
const node_name n3("n3");
constexpr guest_id vm200{guest_type::vm, vmid(200)};
constexpr guest_id ct200{guest_type::ct, vmid(200)};
const char* const debian = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst";

std::string finished(cluster& model, const api::reply& r) {
    if (r.status != 200) return r.reason;
    const std::string upid = text_of(r);
    pass(model, 2min);
    return exit_of(model, upid);
}

std::string value_of(cluster& model, const std::string& path, const char* key, api::parameters params = {}) {
    const json::value data = data_of(ask(model, "GET " + path, std::move(params)));
    const auto found = data.as_object().find(key);
    return found == data.as_object().end() ? "" : json::serialize(found->value());
}

}  // namespace

TEST_CASE("a container made of a template") {
    cluster model(small_options());
    const api::reply r = ask(model, "POST /nodes/n1/lxc",
                             {{"vmid", "200"},
                              {"ostemplate", debian},
                              {"rootfs", "local-lvm:8"},
                              {"mp0", "nfs-vm:2,mp=/data,backup=1"},
                              {"net0", "name=eth0,bridge=vmbr0,ip=dhcp"},
                              {"description", "a: b\nc"},
                              {"start", "1"}});
    CHECK(value_of(model, "/nodes/n1/lxc/200/config", "lock") == "\"create\"");
    CHECK(finished(model, r) == "OK");
    const guest_config made = *model.config(n1, ct200);
    CHECK(made.get("rootfs") == "local-lvm:vm-200-disk-0,size=8G");
    CHECK(made.get("mp0") == "nfs-vm:200/vm-200-disk-0.raw,mp=/data,backup=1,size=2G");
    CHECK(made.get("net0").starts_with("name=eth0,bridge=vmbr0,hwaddr=BC:24:11:"));
    CHECK(made.get("net0").ends_with(",ip=dhcp,type=veth"));
    CHECK(made.get("hostname") == "CT200");
    CHECK(made.get("ostype") == "debian");
    CHECK(made.description == "#a%3A b\n#c\n");
    CHECK(value_of(model, "/nodes/n1/lxc/200/config", "description") == "\"a: b\\nc\\n\"");
    CHECK(model.is_running(n1, ct200));
    CHECK(model.has_volume(volid("local-lvm:vm-200-disk-0"), n1));
}

TEST_CASE("a container that cannot be made leaves nothing") {
    struct row {
        const char* name;
        api::parameters more;
        std::string end;
    };
    const row rows[] = {
        {"template is not there",
         {{"ostemplate", "local:vztmpl/none.tar.zst"}},
         "unable to create CT 200 - volume 'local:vztmpl/none.tar.zst' does not exist"},
        {"no such storage", {{"ostemplate", debian}, {"rootfs", "nowhere:8"}}, "storage 'nowhere' does not exist"},
        {"no such template storage", {{"ostemplate", "nowhere:vztmpl/a.tar.zst"}}, "storage 'nowhere' does not exist"},
        {"backups only", {{"ostemplate", debian}, {"rootfs", "backup:8"}}, "Parameter verification failed."},
        {"a path",
         {{"ostemplate", "/tmp/a.tar.gz"}},
         "Only root can pass arbitrary filesystem paths. at /usr/share/perl5/PVE/Storage.pm line 569."},
        {"too big",
         {{"ostemplate", debian}, {"rootfs", "local-lvm:5000"}},
         "unable to create CT 200 - unable to create image: No space left on device (local-lvm)"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            cluster model(small_options());
            api::parameters params = r.more;
            params.emplace_back("vmid", "200");
            CHECK(finished(model, ask(model, "POST /nodes/n1/lxc", params)) == r.end);
            CHECK_FALSE(model.config(n1, ct200));
            for (const auto& [key, held] : model.all_volumes())
                for (const auto& [id, v] : held) CHECK(v.owner != ct200);
        }
    }
}

TEST_CASE("a vmid is taken in the whole cluster, by either kind") {
    cluster model(small_options());
    CHECK(ask(model, "POST /nodes/n1/lxc", {{"vmid", "103"}, {"ostemplate", debian}}).reason ==
          "VM 103 already exists on node 'n3'");
    CHECK(ask(model, "POST /nodes/n1/qemu", {{"vmid", "102"}}).reason ==
          "unable to create VM 102 - CT 102 already exists on node 'n2'");
    model.power(node_name("n2"), false);
    pass(model, 1min);
    CHECK(ask(model, "POST /nodes/n1/lxc", {{"vmid", "102"}, {"ostemplate", debian}}).reason ==
          "CT 102 already exists on node 'n2'");
}

TEST_CASE("a machine with new disks boots from the first") {
    cluster model(small_options());
    const api::reply r = ask(model, "POST /nodes/n1/qemu",
                             {{"vmid", "200"},
                              {"name", "new"},
                              {"memory", "1024"},
                              {"scsi0", "local-lvm:4,ssd=1,discard=on"},
                              {"efidisk0", "local-lvm:1,efitype=4m"},
                              {"ide2", "none,media=cdrom"},
                              {"net0", "virtio,bridge=vmbr0"}});
    CHECK(finished(model, r) == "OK");
    const guest_config made = *model.config(n1, vm200);
    CHECK(made.get("scsi0").find(",discard=on,size=4G,ssd=1") != std::string::npos);
    CHECK(made.get("efidisk0").ends_with("size=4M"));
    CHECK(made.get("boot") == "order=scsi0;ide2;net0");
    CHECK(made.get("net0").starts_with("virtio=BC:24:11:"));
    CHECK(value_of(model, "/nodes/n1/qemu/200/config", "memory") == "\"1024\"");
    CHECK(value_of(model, "/nodes/n1/qemu/200/status/current", "qmpstatus") == "\"stopped\"");
}

TEST_CASE("who may change which option") {
    struct row {
        const char* name;
        std::set<std::string> privileges;
        api::parameters change;
        std::string reason;
    };
    const row rows[] = {
        {"memory", {"VM.Config.Options"}, {{"memory", "64"}}, "Permission check failed (/vms/101, VM.Config.Memory)"},
        {"tags", {"VM.Config.Memory"}, {{"tags", "a"}}, "Permission check failed (/vms/101, VM.Config.Options)"},
        {"removing counts",
         {"VM.Config.Memory"},
         {{"delete", "net0"}},
         "Permission check failed (/vms/101, VM.Config.Network)"},
        {"a bridge of its own",
         {"VM.Config.Network"},
         {{"net1", "name=eth1,bridge=vmbr0,tag=7"}},
         "Permission check failed (/sdn/zones/localnetwork/vmbr0/7, SDN.Use)"},
        {"space for a disk",
         {"VM.Config.Disk"},
         {{"mp0", "local-lvm:1,mp=/x"}},
         "Permission check failed (/storage/local-lvm, Datastore.AllocateSpace)"},
        {"what it has", {"VM.Config.Memory"}, {{"memory", "64"}}, "OK"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            options o = small_options();
            o.acl.emplace_back("/vms/101", "steward@pve!sep", r.privileges);
            o.acl.emplace_back("/vms/101", "steward@pve", r.privileges);
            cluster model(o);
            CHECK(ask(model, "PUT /nodes/n1/lxc/101/config", r.change,
                      "PVEAPIToken=steward@pve!sep=66666666-6666-4666-8666-666666666666")
                      .reason == r.reason);
        }
    }
}

TEST_CASE("what a running guest does not take waits for its next start") {
    cluster model(small_options());
    REQUIRE(ask(model, "PUT /nodes/n3/qemu/103/config", {{"cores", "4"}, {"name", "other"}}).status == 200);
    CHECK(value_of(model, "/nodes/n3/qemu/103/config", "cores") == "4");
    CHECK(value_of(model, "/nodes/n3/qemu/103/config", "cores", {{"current", "1"}}) == "2");
    const guest_config now = *model.config(n3, vm103);
    CHECK(now.get("cores") == "2");
    CHECK(now.get("name") == "other");
    CHECK(now.sections.find("[PENDING]\ncores: 4\n") != std::string::npos);
    CHECK(data_of(ask(model, "GET /nodes/n3/qemu/103/pending")).as_array().size() == now.values.size() + 1);

    SECTION("reverted") {
        REQUIRE(ask(model, "PUT /nodes/n3/qemu/103/config", {{"revert", "cores"}}).status == 200);
        CHECK(model.config(n3, vm103)->sections.empty());
    }
    SECTION("started again") {
        CHECK(finished(model, ask(model, "POST /nodes/n3/qemu/103/status/stop")) == "OK");
        CHECK(finished(model, ask(model, "POST /nodes/n3/qemu/103/status/start")) == "OK");
        CHECK(model.config(n3, vm103)->get("cores") == "4");
        CHECK(model.config(n3, vm103)->sections.empty());
    }
}

TEST_CASE("a disk that goes is kept as unused until that goes too") {
    cluster model(small_options());
    REQUIRE(ask(model, "PUT /nodes/n1/lxc/110/config", {{"mp0", "local-lvm:1,mp=/x"}}).status == 200);
    REQUIRE(ask(model, "PUT /nodes/n1/lxc/110/config", {{"delete", "mp0"}}).status == 200);
    const guest_id ct110(guest_type::ct, vmid(110));
    CHECK(model.config(n1, ct110)->get("unused0") == "local-lvm:vm-110-disk-1");
    REQUIRE(ask(model, "PUT /nodes/n1/lxc/110/config", {{"delete", "unused0"}}).status == 200);
    CHECK_FALSE(model.has_volume(volid("local-lvm:vm-110-disk-1"), n1));
    CHECK(ask(model, "PUT /nodes/n1/lxc/110/config", {{"delete", "memory"}, {"memory", "64"}}).status == 400);
}

TEST_CASE("power operations fail at once or in their task") {
    struct row {
        const char* name;
        std::vector<std::string> before;
        const char* line;
        std::string end;
        api::parameters params = {};
    };
    const row rows[] = {
        {"a stopped CT", {}, "POST /nodes/n1/lxc/110/status/stop", "CT 110 not running"},
        {"a running CT", {}, "POST /nodes/n1/lxc/101/status/start", "CT 101 already running"},
        {"a running VM", {}, "POST /nodes/n3/qemu/103/status/start", "VM 103 already running"},
        {"reset", {}, "POST /nodes/n3/qemu/103/status/reset", "OK"},
        {"a paused VM",
         {"guest vm103 suspend"},
         "POST /nodes/n3/qemu/103/status/shutdown",
         "VM is paused - cannot shutdown"},
        {"a paused VM goes on", {"guest vm103 suspend"}, "POST /nodes/n3/qemu/103/status/resume", "OK"},
        {"a locked VM", {"lock vm103 backup"}, "POST /nodes/n3/qemu/103/status/suspend", "VM is locked (backup)"},
        {"no bridge", {}, "POST /nodes/n1/lxc/110/status/start", "bridge 'vmbr0' does not exist"},
        {"not root@pam himself",
         {},
         "POST /nodes/n1/lxc/101/status/stop",
         "Parameter verification failed.",
         {{"skiplock", "1"}}},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            options o = small_options();
            o.bridges.clear();
            cluster model(o);
            for (const std::string& command : r.before) REQUIRE(apply_fault(model, command));
            CHECK(finished(model, ask(model, r.line, r.params)) == r.end);
        }
    }
}

TEST_CASE("suspended to disk and back") {
    cluster model(small_options());
    CHECK(finished(model, ask(model, "POST /nodes/n3/qemu/103/status/suspend", {{"todisk", "1"}})) == "OK");
    CHECK_FALSE(model.is_running(n3, vm103));
    CHECK(model.config(n3, vm103)->get("lock") == "suspended");
    CHECK(finished(model, ask(model, "POST /nodes/n3/qemu/103/status/start")) == "OK");
    CHECK(model.is_running(n3, vm103));
    CHECK(model.config(n3, vm103)->get("lock") == "");
    CHECK(model.config(n3, vm103)->get("vmstate") == "");
}

TEST_CASE("growing and moving disks") {
    cluster model(small_options());
    CHECK(finished(model, ask(model, "PUT /nodes/n1/lxc/110/resize", {{"disk", "rootfs"}, {"size", "+2G"}})) == "OK");
    const guest_id ct110(guest_type::ct, vmid(110));
    CHECK(model.config(n1, ct110)->get("rootfs") == "local-lvm:vm-110-disk-0,size=10G");
    CHECK(ask(model, "PUT /nodes/n1/lxc/110/resize", {{"disk", "rootfs"}, {"size", "1G"}}).reason ==
          "unable to shrink disk size");
    CHECK(finished(model, ask(model, "PUT /nodes/n3/qemu/103/resize", {{"disk", "scsi7"}, {"size", "1G"}})) ==
          "disk 'scsi7' does not exist");
    CHECK(finished(model, ask(model, "POST /nodes/n3/qemu/103/move_disk",
                              {{"disk", "scsi0"}, {"storage", "nfs-vm"}, {"format", "qcow2"}, {"delete", "1"}})) ==
          "OK");
    CHECK(model.config(n3, vm103)->get("scsi0") == "nfs-vm:103/vm-103-disk-0.qcow2,size=8G");
    CHECK_FALSE(model.has_volume(volid("local-lvm:vm-103-disk-0"), n3));
}

TEST_CASE("a volume goes to another guest") {
    cluster model(small_options());
    REQUIRE(ask(model, "PUT /nodes/n1/lxc/110/config", {{"mp0", "local-lvm:1,mp=/x"}}).status == 200);
    const api::reply made =
        ask(model, "POST /nodes/n1/lxc", {{"vmid", "200"}, {"ostemplate", debian}, {"rootfs", "local-lvm:1"}});
    CHECK(finished(model, made) == "OK");
    CHECK(finished(model, ask(model, "POST /nodes/n1/lxc/110/move_volume",
                              {{"volume", "mp0"}, {"target-vmid", "200"}, {"target-volume", "mp3"}})) == "OK");
    CHECK(model.config(n1, guest_id(guest_type::ct, vmid(110)))->get("mp0") == "");
    CHECK(model.config(n1, ct200)->get("mp3") == "local-lvm:vm-200-disk-1,mp=/x,size=1G");
    CHECK(model.volumes(storage_id("local-lvm"), n1).at(volid("local-lvm:vm-200-disk-1")).owner == ct200);
}

TEST_CASE("the agent of a VM") {
    cluster model(small_options());
    const std::string path = "/nodes/n3/qemu/103/agent";
    CHECK(ask(model, "GET " + path + "/info").reason == "No QEMU guest agent configured");
    model.files().tree().write("nodes/n3/qemu-server/103.conf",
                               *model.files().read(n3, vm103) + "agent: 1\nipconfig0: ip=192.0.2.7/24\n");
    CHECK(ask(model, "POST " + path + "/ping").status == 200);
    const json::value nets = data_of(ask(model, "GET " + path + "/network-get-interfaces")).at("result");
    CHECK(nets.at(1).at("ip-addresses").at(0).at("ip-address") == "192.0.2.7");
    const json::value run = data_of(ask(model, "POST " + path + "/exec", {{"command", "echo"}, {"command", "hello"}}));
    CHECK(
        data_of(ask(model, "GET " + path + "/exec-status", {{"pid", json::serialize(run.at("pid"))}})).at("out-data") ==
        "hello\n");
    REQUIRE(apply_fault(model, "guest vm103 agent off"));
    CHECK(ask(model, "POST " + path + "/ping").reason == "QEMU guest agent is not running");
    REQUIRE(apply_fault(model, "guest vm103 agent on"));
    CHECK(ask(model, "POST " + path + "/ping").status == 200);
    CHECK(finished(model, ask(model, "POST /nodes/n3/qemu/103/status/stop")) == "OK");
    CHECK(ask(model, "POST " + path + "/ping").reason == "VM 103 is not running");
}

TEST_CASE("the next free vmid is within the bounds of datacenter.cfg") {
    cluster model(small_options());
    CHECK(text_of(ask(model, "GET /cluster/nextid")) == "100");
    model.files().tree().write("datacenter.cfg", "keyboard: de\nnext-id: lower=101,upper=105\n");
    CHECK(text_of(ask(model, "GET /cluster/nextid")) == "104");
    model.files().tree().write("datacenter.cfg", "next-id: lower=101,upper=104\n");
    CHECK(ask(model, "GET /cluster/nextid").status == 500);
}
