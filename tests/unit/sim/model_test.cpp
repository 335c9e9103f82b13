#include "base/sha1.hpp"
#include "small_cluster.hpp"
#include "support/temporary_directory.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <catch2/catch.hpp>
#include <filesystem>
#include <memory>

using namespace steward;
using namespace steward::sim;
using namespace std::chrono_literals;

namespace {

const node_name n1("n1"), n2("n2"), n3("n3");

guard::request hand_over(cluster& model, guest_id guest, const node_name& source, std::uint32_t generation) {
    guard::request what;
    what.guest = guest;
    what.source = source;
    what.generation = generation;
    what.digest = sha1_hex(model.files().read(source, guest).value_or(""));
    return what;
}

api::parameters restore_of(cluster& model, guest_id guest) {
    if (guest.type == guest_type::vm)
        return {{"vmid", to_string(guest.id)},
                {"archive", archive_of(model, guest)},
                {"storage", "local-lvm"},
                {"tags", "gen2"}};
    return {{"vmid", to_string(guest.id)},
            {"ostemplate", archive_of(model, guest)},
            {"restore", "1"},
            {"storage", "local-lvm"},
            {"tags", "gen2"}};
}

}  // namespace

TEST_CASE("a vmid exists once, whatever the node or the type") {
    cluster model(small_options());
    CHECK(model.files().write(n2, ct101, "memory: 64\n").error().code == errc::exists);
    CHECK(model.files().write(n1, guest_id(guest_type::vm, vmid(101)), "memory: 64\n").error().code == errc::exists);
    CHECK(model.files().rename("tmp/x", "nodes/n2/lxc/101.conf").error().code == errc::exists);
    SECTION("the guest itself may move") {
        CHECK(model.files().rename("nodes/n1/lxc/101.conf", "nodes/n2/lxc/101.conf"));
        CHECK(model.files().find(vmid(101))->node == n2);
    }
    SECTION("a parked configuration frees the vmid") {
        CHECK(model.files().rename("nodes/n1/lxc/101.conf", "priv/steward/parked/101.n1.g1.conf"));
        CHECK(text_of(ask(model, "GET /cluster/nextid", {{"vmid", "101"}})) == "101");
        CHECK(model.files().write(n2, ct101, "memory: 64\n"));
    }
}

TEST_CASE("another process may rename configurations below the directory") {
    const temporary_directory disk;
    options o = small_options();
    o.files = std::make_shared<directory_tree>(disk.path());
    cluster model(o);
    const auto home = disk.path() / "nodes/n1/lxc/101.conf";
    REQUIRE(std::filesystem::exists(home));
    std::filesystem::create_directories(disk.path() / "priv/steward/parked");
    std::filesystem::rename(home, disk.path() / "priv/steward/parked/101.n1.g1.conf");
    CHECK(ask(model, "GET /nodes/n1/lxc/101/config").status == 500);
    CHECK(ask(model, "GET /cluster/nextid", {{"vmid", "101"}}).status == 200);
    CHECK(model.has_volume(volid("local-lvm:vm-101-disk-0"), n1));  // its volume stays
    std::filesystem::rename(disk.path() / "priv/steward/parked/101.n1.g1.conf", home);
    CHECK(ask(model, "GET /nodes/n1/lxc/101/config").status == 200);
}

TEST_CASE("a task from its first second to its last") {
    cluster model(small_options());
    const std::string upid = text_of(ask(model, "POST /nodes/n1/lxc/110/status/start", {}, product_token));
    const auto parsed = parse_upid(upid);
    REQUIRE(parsed);
    CHECK(parsed->type == "vzstart");
    CHECK(parsed->id == "110");
    CHECK(parsed->user == "steward@pve!failover");
    CHECK(parsed->started == model.wall_now());
    const std::string path = "/nodes/n1/tasks/" + upid;

    auto status = data_of(ask(model, "GET " + path + "/status", {}, product_token));
    CHECK(status.at("status") == "running");
    CHECK(status.at("user") == "steward@pve");
    CHECK(status.at("tokenid") == "failover");
    CHECK(status.as_object().count("exitstatus") == 0);
    CHECK(data_of(ask(model, "GET /nodes/n1/tasks", {{"source", "active"}})).at(0).at("status") == "RUNNING");
    CHECK(data_of(ask(model, "GET /nodes/n1/tasks")).as_array().empty());
    CHECK(data_of(ask(model, "GET /nodes/n1/lxc/110/status/current")).at("status") == "stopped");

    pass(model, 4s);
    status = data_of(ask(model, "GET " + path + "/status"));
    CHECK(status.at("status") == "stopped");
    CHECK(status.at("exitstatus") == "OK");
    CHECK(data_of(ask(model, "GET " + path + "/log")).at(0).at("t") == "TASK OK");
    CHECK(data_of(ask(model, "GET /nodes/n1/lxc/110/status/current")).at("status") == "running");
    CHECK(ask(model, "GET /nodes/n2/tasks/" + upid + "/status").status == 400);  // the other node does not know it
    CHECK(ask(model, "GET " + path + "/status", {}, audit_token).status == 200);
}

TEST_CASE("what is refused by the task, not by the call") {
    struct row {
        const char* name;
        const char* fault;
        const char* line;
        const char* exit_text;
    };
    const row rows[] = {
        {"ct-50: start of a locked container", "lock ct110 backup", "POST /nodes/n1/lxc/110/status/start",
         "CT is locked (backup)"},
        {"vm-33: start of a locked machine", "lock vm103 backup", "POST /nodes/n3/qemu/103/status/stop",
         "VM is locked (backup)"},
        {"vm-04: start of a running machine", "quorum on", "POST /nodes/n3/qemu/103/status/start",
         "VM 103 already running"},
        {"clu-07: start on the wrong node", "quorum on", "POST /nodes/n1/lxc/102/status/start",
         "Configuration file 'nodes/n1/lxc/102.conf' does not exist"},
        {"injected start failure", "guest ct110 start-fails", "POST /nodes/n1/lxc/110/status/start",
         "startup for container '110' failed"},
        {"injected stop failure", "guest ct101 stop-fails", "POST /nodes/n1/lxc/101/status/stop",
         "command 'lxc-stop -n 101 --kill' failed: exit code 1"},
        {"a disk on a storage that is away", "storage local-lvm@n1 offline", "POST /nodes/n1/lxc/110/status/start",
         "storage 'local-lvm' is not online"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            cluster model(small_options());
            REQUIRE(apply_fault(model, r.fault));
            const std::string upid = text_of(ask(model, r.line));
            pass(model, 10s);
            CHECK(exit_of(model, upid) == r.exit_text);
            CHECK(model.tasks().at(upid).log.back() == std::string("TASK ERROR: ") + r.exit_text);
        }
    }
}

TEST_CASE("two power operations on one guest take turns, for ten seconds") {
    cluster model(small_options());
    REQUIRE(apply_fault(model, "guest ct101 shutdown-hangs"));
    const std::string first = text_of(ask(model, "POST /nodes/n1/lxc/101/status/shutdown", {{"timeout", "60"}}));
    const std::string second = text_of(ask(model, "POST /nodes/n1/lxc/101/status/stop"));
    pass(model, 10s);
    CHECK(exit_of(model, first).empty());
    CHECK(exit_of(model, second) == "can't lock file '/run/lock/lxc/pve-config-101.lock' - got timeout");
    CHECK(ask(model, "PUT /nodes/n1/lxc/101/config", {{"memory", "64"}}).delay == 10s);
    const std::string third = text_of(ask(model, "POST /nodes/n1/lxc/101/status/stop", {{"overrule-shutdown", "1"}}));
    CHECK(model.tasks().at(first).log.back() ==
          "command 'lxc-stop -n 101 --nokill --timeout 60' failed: received interrupt");
    pass(model, 5s);  // it does not end by that: it is killed
    CHECK(exit_of(model, first) == "unexpected status");
    CHECK(exit_of(model, third).empty());
    pass(model, 5s);
    CHECK(exit_of(model, third) == "OK");
    CHECK(!model.is_running(n1, ct101));
}

TEST_CASE("hand-over: parked, restored elsewhere, the original and its volume kept") {
    cluster model(small_options());
    const std::string original = *model.files().read(n1, ct101);
    REQUIRE(exit_of(model, text_of(ask(model, "POST /nodes/n1/lxc/101/status/stop"))).empty());
    pass(model, 5s);
    const guard::request what = hand_over(model, ct101, n1, 2);
    REQUIRE(model.park(what).value() == "priv/steward/parked/101.n1.g2.conf");
    CHECK(model.park(what).value() == "priv/steward/parked/101.n1.g2.conf");  // once more is fine
    CHECK(model.files().tree().read("priv/steward/parked/101.n1.g2.conf")->find("lock: migrate") != std::string::npos);

    const std::string upid = text_of(ask(model, "POST /nodes/n2/lxc", restore_of(model, ct101), product_token));
    CHECK(model.config(n2, ct101)->get("lock") == "create");
    CHECK(model.unpark(what).error().code == errc::exists);
    pass(model, 60s);
    REQUIRE(exit_of(model, upid) == "OK");
    const auto c = model.config(n2, ct101);
    CHECK(c->get("rootfs") == "local-lvm:vm-101-disk-0,size=8G");
    CHECK(c->get("tags") == "gen2");
    CHECK(c->get("onboot") == "1");
    CHECK(c->get("net0") == guest_config::parse(original).get("net0"));
    CHECK(c->get("lock").empty());
    CHECK(model.has_volume(volid("local-lvm:vm-101-disk-0"), n1));
    CHECK(model.has_volume(volid("local-lvm:vm-101-disk-0"), n2));
    CHECK(!model.is_running(n2, ct101));

    SECTION("and back again, byte for byte") {
        const std::string gone = text_of(ask(model, "DELETE /nodes/n2/lxc/101", {}, product_token));
        pass(model, 3s);
        REQUIRE(exit_of(model, gone) == "OK");
        CHECK(!model.has_volume(volid("local-lvm:vm-101-disk-0"), n2));
        REQUIRE(model.unpark(what));
        CHECK(model.unpark(what));
        CHECK(*model.files().read(n1, ct101) == original);
        CHECK(model.files().tree().list("priv/steward/parked") == std::vector<std::string>{"101.n1.g2.orig"});
    }
}

TEST_CASE("parking refuses what changed, what is locked and what is not there") {
    cluster model(small_options());
    guard::request what = hand_over(model, ct101, n1, 1);
    SECTION("changed") {
        REQUIRE(ask(model, "PUT /nodes/n1/lxc/101/config", {{"memory", "64"}}).status == 200);
        CHECK(model.park(what).error().code == errc::changed);
    }
    SECTION("locked") {
        REQUIRE(apply_fault(model, "lock ct101 backup"));
        what = hand_over(model, ct101, n1, 1);
        CHECK(model.park(what).error().code == errc::locked);
    }
    SECTION("not there") {
        what.source = n2;
        CHECK(model.park(what).error().code == errc::not_found);
        CHECK(model.unpark(what).error().code == errc::not_found);
    }
    SECTION("no quorum") {
        REQUIRE(apply_fault(model, "quorum off"));
        CHECK(model.park(what).error().code == errc::no_quorum);
    }
    CHECK(model.files().tree().list("priv/steward/parked").empty());
}

TEST_CASE("what a failed restore leaves behind") {
    struct row {
        const char* name;
        guest_id guest;
        const char* fault;
        const char* exit_text;
        const char* left;  // configuration, "" for none
        bool volume_left;
    };
    const row rows[] = {
        {"a container: nothing", ct101, "restore ct101 fail 50% @ n2 x1",
         "unable to restore CT 101 - command 'tar xpf -' failed: exit code 2", "", false},
        {"a full disk: nothing", ct101, "restore ct101 enospc 70%",
         "unable to restore CT 101 - command 'tar xpf -' failed: No space left on device", "", false},
        {"a killed worker: the lock and the volume", ct101, "restore ct101 workerkill 40% @ n2", "unexpected status",
         "lock: create\n", true},
        {"a machine: a stub", vm103, "restore vm103 fail 50%", "command 'vma extract' failed: exit code 1",
         "memory: 128\n", false},
        {"no archive", ct101, "backup ct101 none",
         "unable to restore CT 101 - volume 'backup:backup/vzdump-lxc-101-2026_11_20-18_53_42.tar.zst' does not exist",
         "", false},
        {"no room", ct101, "storage local-lvm@n2 full",
         "unable to restore CT 101 - unable to create image: No space left on device (local-lvm)", "", false},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            cluster model(small_options());
            const node_name home = model.files().find(r.guest.id)->node;
            model.halt(home, r.guest);
            REQUIRE(model.park(hand_over(model, r.guest, home, 2)));
            const auto params = restore_of(model, r.guest);
            REQUIRE(apply_fault(model, r.fault));
            const std::string kind = r.guest.type == guest_type::ct ? "lxc" : "qemu";
            const std::string upid = text_of(ask(model, "POST /nodes/n2/" + kind, params, product_token));
            pass(model, 100s);
            CHECK(exit_of(model, upid) == r.exit_text);
            CHECK(model.files().read(n2, r.guest).value_or("") == r.left);
            CHECK(model.volumes(storage_id("local-lvm"), n2)
                      .count(volid("local-lvm:vm-" + to_string(r.guest.id) + "-disk-0")) == (r.volume_left ? 1 : 0));
        }
    }
}

TEST_CASE("only root clears what a killed restore worker left") {
    cluster model(small_options());
    model.halt(n1, ct101);
    REQUIRE(model.park(hand_over(model, ct101, n1, 2)));
    REQUIRE(apply_fault(model, "restore ct101 workerkill 10% x1"));
    (void)ask(model, "POST /nodes/n2/lxc", restore_of(model, ct101));
    pass(model, 60s);
    CHECK(ask(model, "DELETE /nodes/n2/lxc/101").reason == "CT is locked (create)");
    CHECK(ask(model, "POST /nodes/n2/lxc", restore_of(model, ct101)).reason == "CT 101 already exists on node 'n2'");
    CHECK(ask(model, "PUT /nodes/n2/lxc/101/config", {{"delete", "lock"}}).reason == "CT is locked (create)");
}

TEST_CASE("a service comes back with a restart; corrupted data only with a restore") {
    cluster model(small_options());
    const auto restart = [&] {
        (void)ask(model, "POST /nodes/n1/lxc/101/status/stop");
        pass(model, 5s);
        (void)ask(model, "POST /nodes/n1/lxc/101/status/start");
        pass(model, 4s);
    };
    REQUIRE(apply_fault(model, "guest ct101 crash"));
    CHECK(model.service_of(ct101) == service_state::dead);
    CHECK(model.is_running(n1, ct101));
    restart();
    CHECK(model.service_of(ct101) == service_state::healthy);
    REQUIRE(apply_fault(model, "guest ct101 corrupt"));
    restart();
    CHECK(model.service_of(ct101) == service_state::dead);
    model.halt(n1, ct101);
    REQUIRE(model.park(hand_over(model, ct101, n1, 2)));
    auto params = restore_of(model, ct101);
    params.emplace_back("start", "1");
    (void)ask(model, "POST /nodes/n2/lxc", params);
    pass(model, 64s);
    CHECK(model.running_on(ct101) == std::vector<node_name>{n2});
    CHECK(model.service_of(ct101) == service_state::healthy);
}

TEST_CASE("a backup: one per node at a time, the right name, the right time") {
    cluster model(small_options());
    const std::string first = text_of(ask(
        model, "POST /nodes/n1/vzdump", {{"vmid", "101"}, {"storage", "backup"}, {"compress", "zstd"}}, product_token));
    const std::string second =
        text_of(ask(model, "POST /nodes/n1/vzdump", {{"vmid", "110"}, {"storage", "backup"}}, product_token));
    CHECK(text_of(ask(model, "POST /nodes/n1/vzdump", {{"vmid", "102"}, {"storage", "backup"}})) ==
          "OK");  // not here: no task
    CHECK(model.config(n1, ct101)->get("lock") == "backup");
    pass(model, 30s);
    CHECK(exit_of(model, first) == "OK");
    CHECK(exit_of(model, second).empty());
    CHECK(model.config(n1, ct101)->get("lock").empty());
    pass(model, 30s);
    CHECK(exit_of(model, second) == "OK");
    const auto rows = data_of(ask(model, "GET /nodes/n2/storage/backup/content",
                                  {{"content", "backup"}, {"vmid", "101"}}, product_token))
                          .as_array();
    REQUIRE(rows.size() == 2);
    CHECK(rows.back().at("volid") == "backup:backup/vzdump-lxc-101-2026_11_20-19_53_42.tar.zst");
    CHECK(rows.back().at("ctime") == 1795204422);
    CHECK(rows.back().at("format") == "tar.zst");
}

TEST_CASE("HA-managed guests answer OK and act later") {
    cluster model(small_options());
    REQUIRE(apply_fault(model, "ha add ct101"));
    CHECK(data_of(ask(model, "GET /nodes/n1/lxc/101/status/current")).at("ha").at("managed") == 1);
    const std::string upid = text_of(ask(model, "POST /nodes/n1/lxc/101/status/stop"));
    CHECK(parse_upid(upid)->type == "hastop");
    pass(model, 2s);
    CHECK(exit_of(model, upid) == "OK");
    CHECK(model.is_running(n1, ct101));
    pass(model, 25s);
    CHECK(!model.is_running(n1, ct101));
    CHECK(ask(model, "DELETE /nodes/n1/lxc/101").reason ==
          "unable to remove CT 101 - used in HA resources and purge parameter not set.");
}

TEST_CASE("a node that is off: 595, stale lists, membership after a while, autostart on return") {
    cluster model(small_options());
    REQUIRE(apply_fault(model, "power n2 off"));
    const api::reply dead = ask(model, "POST /nodes/n2/lxc/102/status/start");
    CHECK(dead.status == 595);
    CHECK(dead.reason == "No route to host");
    CHECK(dead.body.empty());
    CHECK(ask(model, "POST /nodes/n2/lxc/102/status/start", {}, audit_token).status == 403);  // before the proxy
    const auto row_of = [&](const char* id) {
        const auto all = data_of(ask(model, "GET /cluster/resources"));
        for (const auto& row : all.as_array())
            if (row.at("id") == id) return row;
        return boost::json::value();
    };
    CHECK(row_of("node/n2").at("status") == "online");
    pass(model, 8s);
    CHECK(row_of("node/n2").at("status") == "offline");
    CHECK(row_of("lxc/102").at("status") == "running");  // frozen broadcast
    CHECK(!model.is_running(n2, ct102));
    pass(model, 300s);
    CHECK(row_of("lxc/102").at("status") == "unknown");
    CHECK(row_of("lxc/102").at("node") == "n2");
    CHECK(row_of("lxc/102").as_object().count("name") == 0);
    REQUIRE(apply_fault(model, "power n2 on"));
    pass(model, 20s);
    CHECK(model.is_running(n2, ct102));
    CHECK(row_of("lxc/102").at("status") == "running");
}

TEST_CASE("a node without quorum may stop but not start") {
    cluster model(small_options());
    REQUIRE(apply_fault(model, "quorum off"));
    CHECK(data_of(ask(model, "GET /cluster/status")).at(0).at("quorate") == 0);
    CHECK(ask(model, "POST /nodes/n1/lxc/110/status/start").reason == "cluster not ready - no quorum?");
    CHECK(ask(model, "POST /nodes/n1/lxc", {{"vmid", "120"}, {"ostemplate", "backup:x"}, {"restore", "1"}}).reason ==
          "cluster not ready - no quorum?");
    CHECK(ask(model, "PUT /nodes/n1/lxc/101/config", {{"memory", "64"}}).status == 500);
    CHECK(ask(model, "POST /nodes/n1/lxc/101/status/stop").status == 200);
}

TEST_CASE("the same seed, the same story") {
    const auto story = [](std::uint64_t seed) {
        options o = small_options();
        o.seed = seed;
        cluster model(o);
        (void)ask(model, "POST /nodes/n1/lxc/101/status/stop");
        (void)ask(model, "POST /nodes/n2/vzdump", {{"vmid", "102"}, {"storage", "backup"}});
        pass(model, 40s);
        (void)ask(model, "POST /nodes/n1/lxc/101/status/start");
        pass(model, 10s);
        return status_json(model);
    };
    CHECK(story(7) == story(7));
    CHECK(story(7) != story(8));
}
