#include "sim/model/calendar_event.hpp"
#include "sim/model/retention.hpp"
#include "unit/sim/small_cluster.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::sim;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> names_of(const api::reply& r, const char* key) {
    std::vector<std::string> names;
    const boost::json::value data = data_of(r);
    for (const auto& row : data.as_array()) names.emplace_back(row.at(key).as_string());
    std::sort(names.begin(), names.end());
    return names;
}

wall_time at_clock(int day, int hour, int minute) {
    return wall_time(
        std::chrono::seconds(1795132800 + ((day - 20) * 24L + hour) * 3600 + minute * 60));  // November 2026
}

}  // namespace

TEST_CASE("storage.cfg is what the storages are") {
    cluster model(small_options());
    const std::string text = *model.files().tree().read("storage.cfg");
    CHECK(text.find("dir: local\n") != std::string::npos);
    model.files().tree().write("storage.cfg",
                               text + "\ncifs: winshare\n\tserver nas\n\tshare s\n\tcontent iso,backup\n");
    CHECK(model.storage(storage_id("winshare"))->path() == "/mnt/pve/winshare");
    CHECK(model.storage(storage_id("winshare"))->shared);
    const auto row = data_of(ask(model, "GET /nodes/n2/storage/winshare/status"));
    CHECK(row.at("active") == 1);
    CHECK(row.at("content") == "iso,backup");
    // A file that does not mention local has it all the same.
    model.files().tree().write("storage.cfg", "");
    CHECK(names_of(ask(model, "GET /storage"), "storage") == std::vector<std::string>{"local"});
}

TEST_CASE("storages are created, changed and removed in storage.cfg") {
    cluster model(small_options());
    CHECK(ask(model, "POST /storage", {{"storage", "tank"}, {"type", "zfspool"}}).reason ==
          "missing value for required option 'pool'");
    CHECK(ask(model, "POST /storage", {{"storage", "tank"}, {"type", "zfspool"}, {"pool", "p"}, {"server", "x"}})
              .reason == "unexpected property 'server'");
    CHECK(ask(model, "POST /storage", {{"storage", "tank"}, {"type", "zfspool"}, {"pool", "p"}, {"content", "iso"}})
              .reason == "storage does not support content type 'iso'");
    REQUIRE(ask(model, "POST /storage", {{"storage", "tank"}, {"type", "zfspool"}, {"pool", "p"}, {"nodes", "n1,n2"}})
                .status == 200);
    CHECK(ask(model, "POST /storage", {{"storage", "tank"}, {"type", "zfspool"}, {"pool", "p"}}).reason ==
          "create storage failed: storage ID 'tank' already defined");
    CHECK(data_of(ask(model, "GET /storage/tank")).at("content") == "images");
    CHECK(ask(model, "GET /nodes/n3/storage/tank/content").reason == "storage 'tank' is not available on node 'n3'");
    CHECK(ask(model, "PUT /storage/tank", {{"content", "images,rootdir"}, {"digest", std::string(40, '0')}}).reason ==
          "update storage failed: detected modified configuration - file changed by other user? Try again.");
    REQUIRE(ask(model, "PUT /storage/tank", {{"content", "images,rootdir"}, {"delete", "nodes"}}).status == 200);
    CHECK(ask(model, "GET /nodes/n3/storage/tank/content").status == 200);
    CHECK(ask(model, "PUT /storage/tank", {{"delete", "pool"}}).reason ==
          "update storage failed: unable to delete required option 'pool'");
    REQUIRE(ask(model, "DELETE /storage/tank").status == 200);
    CHECK(model.files().tree().read("storage.cfg")->find("tank") == std::string::npos);
    CHECK(ask(model, "DELETE /storage/tank").reason == "delete storage failed: storage 'tank' does not exist");
}

TEST_CASE("a held lock of storage.cfg ends a change after nine seconds") {
    cluster model(small_options());
    REQUIRE(model.acquire_lock(node_name("n1"), "file-storage_cfg"));
    const api::reply late = ask(model, "PUT /storage/local", {{"disable", "1"}});
    CHECK(late.reason == "update storage failed: cfs-lock 'file-storage_cfg' error: got lock request timeout");
    CHECK_FALSE(model.storage(storage_id("local"))->disabled);
}

TEST_CASE("the list of storages is filtered") {
    cluster model(small_options());
    CHECK(names_of(ask(model, "GET /nodes/n1/storage", {{"content", "backup"}}), "storage") ==
          std::vector<std::string>{"backup", "local"});
    CHECK(ask(model, "GET /nodes/n1/storage", {{"storage", "nosuch"}}).reason == "Parameter verification failed.");
    REQUIRE(ask(model, "PUT /storage/local-lvm", {{"disable", "1"}}).status == 200);
    CHECK(names_of(ask(model, "GET /nodes/n1/storage"), "storage").size() == 4);
    CHECK(names_of(ask(model, "GET /nodes/n1/storage", {{"enabled", "1"}}), "storage").size() == 3);
    REQUIRE(ask(model, "PUT /storage/nfs-vm", {{"nodes", "n1"}}).status == 200);
    CHECK(names_of(ask(model, "GET /nodes/n1/storage", {{"target", "n2"}, {"enabled", "1"}}), "storage") ==
          std::vector<std::string>{"backup", "local"});
    const auto rows = data_of(ask(model, "GET /nodes/n1/storage", {{"storage", "local"}, {"format", "1"}}));
    CHECK(rows.at(0).at("format").at(1) == "raw");
    CHECK(rows.at(0).at("format").at(0).at("qcow2") == 1);
}

TEST_CASE("templates and images lie on every node's own storage") {
    cluster model(small_options());
    const std::string image = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst";
    CHECK(model.find_stored(volid(image), node_name("n3")) != nullptr);
    const auto rows = data_of(ask(model, "GET /nodes/n2/storage/local/content", {{"content", "vztmpl"}}));
    std::map<std::string, std::string> formats;
    for (const auto& row : rows.as_array())
        formats[std::string(row.at("volid").as_string())] = std::string(row.at("format").as_string());
    CHECK(formats[image] == "tzst");
    const auto seen = data_of(ask(model, "GET /nodes/n2/storage/local/content/" +
                                             std::string("vztmpl%2Fdebian-12-standard_12.7-1_amd64.tar.zst")));
    CHECK(seen.at("path") == "/var/lib/vz/template/cache/debian-12-standard_12.7-1_amd64.tar.zst");
    CHECK_FALSE(seen.as_object().contains("protected"));
}

TEST_CASE("a hung storage holds its calls for half a minute, and only there") {
    cluster model(small_options());
    REQUIRE(apply_fault(model, "storage backup@n1 hang"));
    for (const char* path :
         {"/nodes/n1/storage", "/nodes/n1/storage/backup/status", "/nodes/n1/storage/backup/content"}) {
        const api::reply late = ask(model, std::string("GET ") + path);
        CHECK(late.status == 596);
        CHECK(late.delay == 30s);
    }
    CHECK(ask(model, "GET /nodes/n2/storage").status == 200);
    CHECK(ask(model, "GET /nodes/n1/storage", {{"content", "images"}}).status == 200);
    REQUIRE(apply_fault(model, "storage backup@n1 online"));
    CHECK(ask(model, "GET /nodes/n1/storage").status == 200);
}

TEST_CASE("disks are made and removed by name") {
    cluster model(small_options());
    const auto make = [&](const char* storage, const char* name, const char* size) {
        return ask(model, std::string("POST /nodes/n1/storage/") + storage + "/content",
                   {{"vmid", "101"}, {"filename", name}, {"size", size}});
    };
    CHECK(text_of(make("local-lvm", "vm-101-disk-7", "4G")) == "local-lvm:vm-101-disk-7");
    CHECK(text_of(make("local", "vm-101-disk-7.qcow2", "512M")) == "local:101/vm-101-disk-7.qcow2");
    CHECK(make("local", "vm-101-disk-7.qcow2", "1G").reason ==
          "disk image '/var/lib/vz/images/101/vm-101-disk-7.qcow2' already exists");
    CHECK(make("local", "disk", "1G").reason == "illegal name 'disk' - should be 'vm-101-*'");
    CHECK(make("local", "vm-101-x", "12X").status == 400);
    const api::reply gone =
        ask(model, "DELETE /nodes/n1/storage/local-lvm/content/local-lvm:vm-101-disk-7", {{"delay", "5"}});
    CHECK(data_of(gone).is_null());
    CHECK(gone.delay == 1s);
    pass(model, 1s);
    CHECK_FALSE(model.has_volume(volid("local-lvm:vm-101-disk-7"), node_name("n1")));
    CHECK(ask(model, "DELETE /nodes/n1/storage/local/content/backup:backup%2Fx.tar").reason ==
          "Parameter verification failed.");
    CHECK(ask(model, "GET /nodes/n1/storage/local/content/nonsense").reason ==
          "unable to parse directory volume name 'nonsense'");
}

TEST_CASE("a removal on a shared storage waits ten seconds for its lock") {
    cluster model(small_options());
    const std::string id = archive_of(model, ct101);
    REQUIRE(model.acquire_lock(node_name("n2"), "storage-backup"));
    const std::string upid =
        text_of(ask(model, "DELETE /nodes/n1/storage/backup/content/backup:backup%2F" + id.substr(id.find('/') + 1)));
    pass(model, 9s);
    CHECK(exit_of(model, upid).empty());
    pass(model, 3s);
    CHECK(exit_of(model, upid) == "cfs-lock 'storage-backup' error: got lock request timeout");
    CHECK(model.find_archive(volid(id), node_name("n1")) != nullptr);
}

TEST_CASE("which backups retention keeps") {
    class row {
      public:
        const char* keep;
        std::vector<wall_time> made;
        std::vector<std::string> marks;
    };
    const std::vector<row> rows = {
        {"keep-last=2", {at_clock(1, 0, 0), at_clock(2, 0, 0), at_clock(3, 0, 0)}, {"remove", "keep", "keep"}},
        {"keep-all=1", {at_clock(1, 0, 0), at_clock(2, 0, 0)}, {"keep", "keep"}},
        {"keep-daily=2",
         {at_clock(1, 1, 0), at_clock(2, 1, 0), at_clock(2, 5, 0), at_clock(3, 1, 0)},
         {"remove", "remove", "keep", "keep"}},
        // What an earlier rule keeps counts for its period.
        {"keep-last=1,keep-daily=1",
         {at_clock(1, 1, 0), at_clock(2, 1, 0), at_clock(2, 5, 0)},
         {"keep", "remove", "keep"}},
        {"keep-weekly=1", {at_clock(2, 1, 0), at_clock(9, 1, 0), at_clock(10, 1, 0)}, {"remove", "remove", "keep"}},
    };
    for (const row& r : rows) {
        INFO(r.keep);
        const auto keep = retention::parse(r.keep);
        REQUIRE(keep);
        std::vector<prune_row> made;
        for (const wall_time t : r.made)
            made.emplace_back(volid("s:" + std::to_string(t.time_since_epoch().count())), "lxc", vmid(101), t);
        mark_for_pruning(made, *keep, 0s);
        std::vector<std::string> marks;
        for (const prune_row& m : made) marks.push_back(m.mark);
        CHECK(marks == r.marks);
    }
    for (const char* bad : {"keep-last", "keep-last=x", "keep-hour=1", "keep-all=1,keep-last=2", "keep-last=-1"})
        CHECK_FALSE(retention::parse(bad));
}

TEST_CASE("days begin when they do where the node is") {
    const auto keep = retention::parse("keep-daily=2");
    std::vector<prune_row> made;
    for (const int hour : {21, 23})
        made.emplace_back(volid("s:" + std::to_string(hour)), "lxc", vmid(101), at_clock(3, hour, 0));
    mark_for_pruning(made, *keep, 2h);
    CHECK(made[0].mark == "keep");
    CHECK(made[1].mark == "keep");
}

TEST_CASE("when calendar events are due") {
    class row {
      public:
        const char* event;
        wall_time after;
        wall_time next;
    };
    const std::vector<row> rows = {
        {"03:00", at_clock(20, 19, 55), at_clock(21, 3, 0)},
        {"03:00", at_clock(20, 2, 59), at_clock(20, 3, 0)},
        {"*/15", at_clock(20, 19, 55), at_clock(20, 20, 0)},
        {"*:0/30", at_clock(20, 20, 0), at_clock(20, 20, 30)},
        {"daily", at_clock(20, 0, 0), at_clock(21, 0, 0)},
        {"mon 22:00", at_clock(20, 0, 0), at_clock(23, 22, 0)},
        {"sat,sun", at_clock(20, 0, 0), at_clock(21, 0, 0)},
        {"mon..fri 1:30", at_clock(20, 2, 0), at_clock(23, 1, 30)},
        {"*-*-25 6:00", at_clock(20, 0, 0), at_clock(25, 6, 0)},
        {"8..17:05", at_clock(20, 17, 5), at_clock(21, 8, 5)},
    };
    for (const row& r : rows) {
        INFO(r.event);
        const auto event = calendar_event::parse(r.event);
        REQUIRE(event);
        CHECK(event->next_after(r.after) == r.next);
    }
    for (const char* bad : {"", "25:00", "noon", "1:2:3:4", "*/0", "mon..xyz", "3:00 4:00"})
        CHECK_FALSE(calendar_event::parse(bad));
    CHECK_FALSE(calendar_event::parse("*-02-30 1:00")->next_after(at_clock(20, 0, 0)));
}
