#include "unit/sim/small_cluster.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::sim;
using namespace std::chrono_literals;

namespace {

const node_name n1("n1");

std::string escaped(const std::string& volume) {
    std::string out;
    for (const char c : volume)
        out += c == '/' ? std::string("%2F") : c == ':' ? std::string("%3A") : std::string(1, c);
    return out;
}

std::string backup(cluster& model, api::parameters params, const char* node = "n1") {
    params.emplace_back("storage", "backup");
    return text_of(ask(model, std::string("POST /nodes/") + node + "/vzdump", std::move(params)));
}

bool logged(const cluster& model, const std::string& upid, const std::string& part) {
    const auto& log = model.tasks().at(upid).log;
    return std::any_of(log.begin(), log.end(), [&](const std::string& l) { return l.find(part) != std::string::npos; });
}

const archive* newest(const cluster& model, guest_id guest) {
    const archive* found = nullptr;
    for (const archive& a : model.archives(storage_id("backup"), n1))
        if (a.guest == guest && (found == nullptr || a.created > found->created)) found = model.find_archive(a.id, n1);
    return found;
}

std::string lock_of(const cluster& model, guest_id guest) {
    const auto place = model.files().find(guest.id);
    return model.config(place->node, place->guest)->get("lock");
}

}  // namespace

TEST_CASE("a backup of guests elsewhere is OK without a task") {
    cluster model(small_options());
    CHECK(backup(model, {{"vmid", "102"}}) == "OK");
    CHECK(backup(model, {{"vmid", "101"}}).starts_with("UPID:"));
    CHECK(backup(model, {{"all", "1"}}).starts_with("UPID:"));
}

TEST_CASE("parameters of a backup that do not go together") {
    cluster model(small_options());
    const auto refused = [&](api::parameters params) {
        return std::string(boost::json::serialize(
            boost::json::parse(ask(model, "POST /nodes/n1/vzdump", std::move(params)).body).at("errors")));
    };
    CHECK(refused({}) == R"({"vmid":"property is missing"})");
    CHECK(refused({{"vmid", "101"}, {"all", "1"}}) == R"({"all":"option conflicts with option 'vmid'"})");
    CHECK(refused({{"vmid", "101"}, {"tmpdir", "/tmp"}}) == R"({"tmpdir":"Only root may set this option."})");
    CHECK(refused({{"vmid", "101"}, {"storage", "local-lvm"}}) ==
          R"({"storage":"storage 'local-lvm' does not support backups"})");
}

TEST_CASE("names follow compression and the node's time zone") {
    options o = small_options();
    o.utc_offsets[n1] = 2h;
    cluster model(o);
    const std::string upid = backup(model, {{"vmid", "110"}, {"compress", "gzip"}});
    pass(model, 60s);
    REQUIRE(exit_of(model, upid) == "OK");
    const archive* a = newest(model, guest_id(guest_type::ct, vmid(110)));
    REQUIRE(a != nullptr);
    CHECK(a->id.str() == "backup:backup/vzdump-lxc-110-2026_11_20-21_53_42.tar.gz");
    // Whoever lists it reads the name in his own time zone (pve-facts G.3).
    CHECK(model.ctime_of(*a, n1) == a->created);
    CHECK(model.ctime_of(*a, node_name("n2")) == a->created + 2h);
}

TEST_CASE("a backup server names its snapshots in UTC") {
    options o = small_options();
    o.storages.emplace_back(storage_id("pbs"), "pbs", std::vector<std::string>{"backup"}, true);
    o.storages.back().more = {{"server", "192.0.2.20"}, {"datastore", "store"}};
    o.utc_offsets[n1] = 2h;
    cluster model(o);
    ask(model, "POST /nodes/n1/vzdump", {{"vmid", "110"}, {"storage", "pbs"}});
    pass(model, 60s);
    const auto rows = data_of(ask(model, "GET /nodes/n2/storage/pbs/content"));
    REQUIRE(rows.as_array().size() == 1);
    CHECK(rows.at(0).at("volid") == "pbs:backup/ct/110/2026-11-20T19:53:42Z");
    CHECK(rows.at(0).at("format") == "pbs-ct");
}

TEST_CASE("modes: what they do to a running guest") {
    cluster model(small_options());
    const std::string stop = backup(model, {{"vmid", "101"}, {"mode", "stop"}});
    pass(model, 6s);
    CHECK_FALSE(model.is_running(n1, ct101));
    CHECK(lock_of(model, ct101) == "backup");
    pass(model, 60s);
    CHECK(exit_of(model, stop) == "OK");
    CHECK(model.is_running(n1, ct101));
    CHECK(lock_of(model, ct101).empty());

    const std::string snapshot = backup(model, {{"vmid", "101"}});
    pass(model, 5s);
    CHECK(model.is_running(n1, ct101));
    CHECK(logged(model, snapshot, "create storage snapshot 'vzdump'"));  // lvmthin can
    pass(model, 60s);

    const std::string vm = text_of(ask(model, "POST /nodes/n3/vzdump", {{"vmid", "103"}, {"storage", "backup"}}));
    pass(model, 60s);
    CHECK(exit_of(model, vm) == "OK");
    CHECK(logged(model, vm, "INFO: include disk 'scsi0' 'local-lvm:vm-103-disk-0' 8G"));
    CHECK(newest(model, vm103)->format() == "vma");
}

TEST_CASE("a container whose storage takes no snapshots is suspended instead") {
    options o = small_options();
    o.guests.front().storage = storage_id("nfs-vm");
    cluster model(o);
    const std::string upid = backup(model, {{"vmid", "101"}});
    pass(model, 60s);
    CHECK(exit_of(model, upid) == "OK");
    CHECK(logged(model, upid, "INFO: mode failure - some volumes do not support snapshots"));
    CHECK(logged(model, upid, "INFO: trying 'suspend' mode instead"));
    CHECK_FALSE(model.find_instance(n1, ct101)->paused);
}

TEST_CASE("one backup at a time per node; who waits too long ends without a last line") {
    cluster model(small_options());
    const std::string first = backup(model, {{"vmid", "101"}});
    const std::string second = backup(model, {{"vmid", "110"}, {"lockwait", "1"}});
    pass(model, 20s);
    CHECK(logged(model, second, "INFO: trying to get global lock - waiting..."));
    CHECK(lock_of(model, guest_id(guest_type::ct, vmid(110))).empty());
    pass(model, 60s);
    CHECK(exit_of(model, second) == "OK");

    REQUIRE(apply_fault(model, "storage backup hang"));
    const std::string stuck = backup(model, {{"vmid", "101"}});
    REQUIRE(apply_fault(model, "storage backup online"));
    const std::string late = backup(model, {{"vmid", "110"}, {"lockwait", "1"}});
    pass(model, 61s);
    CHECK(exit_of(model, stuck).empty());
    CHECK(exit_of(model, late) == "unexpected status");
    CHECK(model.tasks().at(late).log.back() == "ERROR: can't acquire lock '/var/run/vzdump.lock' - got timeout");
}

TEST_CASE("a guest that cannot be backed up fails the job and not the others") {
    class row {
      public:
        const char* fault;
        api::parameters params;
        const char* why;
    };
    const std::vector<row> rows = {
        {"lock ct101 migrate", {{"vmid", "101"}}, "Backup of VM 101 failed - CT is locked (migrate)"},
        {"guest ct101 ok", {{"vmid", "999"}}, "Backup of VM 999 failed - unable to find VM '999'"},
        {"ha add ct101", {{"vmid", "101"}, {"mode", "stop"}}, "Cannot execute a backup with stop mode on a HA managed"},
        {"guest ct101 ok",
         {{"vmid", "101"}, {"remove", "0"}, {"prune-backups", "keep-last=1"}},
         "There is a max backup limit of 1 enforced by the target storage"},
        {"storage backup full", {{"vmid", "101"}}, "Backup of VM 101 failed - command"},
    };
    for (const row& r : rows) {
        INFO(r.why);
        cluster model(small_options());
        REQUIRE(apply_fault(model, r.fault));
        api::parameters params = r.params;
        params.front().second += ",110";
        const std::string upid = backup(model, params);
        pass(model, 5min);
        CHECK(exit_of(model, upid) == "job errors");
        CHECK(logged(model, upid, r.why));
        CHECK(model.is_running(n1, ct101));
        if (std::string(r.fault) != "storage backup full")
            CHECK(newest(model, guest_id(guest_type::ct, vmid(110))) != nullptr);
    }
}

TEST_CASE("an unknown or absent storage ends the task before any guest") {
    cluster model(small_options());
    const std::string unknown = text_of(ask(model, "POST /nodes/n1/vzdump", {{"vmid", "101"}, {"storage", "nosuch"}}));
    pass(model, 1s);
    CHECK(exit_of(model, unknown) == "could not get storage information for 'nosuch': storage 'nosuch' does not exist");
    REQUIRE(apply_fault(model, "storage backup offline"));
    const std::string offline = backup(model, {{"vmid", "101"}});
    pass(model, 1s);
    CHECK(exit_of(model, offline) == "could not get storage information for 'backup': storage 'backup' is not online");
}

TEST_CASE("a backup that is stopped leaves the guest as it was and no archive") {
    cluster model(small_options());
    const archive before = *newest(model, ct101);
    const std::string upid = backup(model, {{"vmid", "101"}, {"mode", "stop"}});
    pass(model, 10s);
    model.stop_task(upid);
    CHECK(exit_of(model, upid) == "interrupted by signal");
    CHECK(model.is_running(n1, ct101));
    CHECK(lock_of(model, ct101).empty());
    CHECK(newest(model, ct101)->id == before.id);
}

TEST_CASE("a node that dies in a backup leaves the lock") {
    cluster model(small_options());
    const std::string upid = backup(model, {{"vmid", "101"}});
    pass(model, 5s);
    model.power(n1, false);
    CHECK(exit_of(model, upid) == "unexpected status");
    CHECK(lock_of(model, ct101) == "backup");
    model.power(n1, true);
    pass(model, 2min);
    // The next vzdump has the node to itself and cleans up after a container's.
    const std::string again = backup(model, {{"vmid", "101"}});
    pass(model, 60s);
    CHECK(exit_of(model, again) == "OK");
}

TEST_CASE("notes, protection and pruning after a backup") {
    cluster model(small_options());
    const std::string first = archive_of(model, ct101);
    const std::string upid = backup(model, {{"vmid", "101"},
                                            {"notes-template", "{{guestname}} on {{node}}\\nof {{cluster}}"},
                                            {"protected", "1"},
                                            {"prune-backups", "keep-last=1"}});
    pass(model, 60s);
    REQUIRE(exit_of(model, upid) == "OK");
    CHECK(newest(model, ct101)->notes == "ct101 on n1\nof simcl");
    // The protected one does not count, so the older one is the last of the others.
    CHECK(model.find_archive(volid(first), n1) != nullptr);
    const std::string next = backup(model, {{"vmid", "101"}, {"prune-backups", "keep-last=1"}});
    pass(model, 60s);
    CHECK(logged(model, next, "INFO: pruned 1 backup(s) not covered by keep-retention policy"));
    CHECK(model.find_archive(volid(first), n1) == nullptr);
    const auto rows = data_of(ask(model, "GET /nodes/n1/storage/backup/content", {{"vmid", "101"}}));
    CHECK(rows.at(0).at("notes") == "ct101 on n1");  // the first line
    const std::string kept(rows.at(0).at("volid").as_string());
    const auto whole = data_of(ask(model, "GET /nodes/n1/storage/backup/content/" + escaped(kept)));
    CHECK(whole.at("notes") == "ct101 on n1\nof simcl");
    CHECK(whole.at("protected") == 1);
    const api::reply refused = ask(model, "DELETE /nodes/n1/storage/backup/content/" + escaped(kept), {{"delay", "3"}});
    CHECK(refused.reason == "cannot remove protected volume '" + kept.substr(7) + "' on 'backup'");
}

TEST_CASE("a user may protect five backups of a guest") {
    options o = small_options();
    o.guests.front().backup_ages = {1h, 2h, 3h, 4h, 5h, 6h};
    cluster model(o);
    int refused = 0;
    for (const archive& a : model.archives(storage_id("backup"), n1))
        if (a.guest == ct101 && ask(model, "PUT /nodes/n1/storage/backup/content/" + escaped(a.id.str()),
                                    {{"protected", "1"}}, product_token)
                                        .status != 200)
            ++refused;
    CHECK(refused == 1);
    const auto rows = data_of(
        ask(model, "GET /nodes/n1/storage/backup/prunebackups", {{"vmid", "101"}, {"prune-backups", "keep-last=1"}}));
    CHECK(std::count_if(rows.as_array().begin(), rows.as_array().end(),
                        [](const auto& r) { return r.at("mark") == "protected"; }) == 5);
}

TEST_CASE("backup jobs live in jobs.cfg and run when they are due") {
    cluster model(small_options());
    CHECK(ask(model, "POST /cluster/backup", {{"vmid", "101"}, {"storage", "backup"}, {"schedule", "lunch"}}).status ==
          400);
    CHECK(ask(model, "POST /cluster/backup", {{"storage", "backup"}, {"schedule", "03:00"}}).status == 400);
    REQUIRE(ask(model, "POST /cluster/backup",
                {{"id", "nightly"}, {"vmid", "101,103"}, {"storage", "backup"}, {"starttime", "20:00"}, {"dow", "fri"}})
                .status == 200);
    CHECK(model.files().tree().read("jobs.cfg")->find("\tschedule fri 20:00\n") != std::string::npos);
    CHECK(ask(model, "POST /cluster/backup",
              {{"id", "nightly"}, {"vmid", "101"}, {"storage", "backup"}, {"schedule", "daily"}})
              .reason == "Job 'nightly' already exists");
    CHECK(ask(model, "GET /cluster/backup/nosuch").status == 400);
    const auto volumes = data_of(ask(model, "GET /cluster/backup/nightly/included_volumes")).at("children");
    CHECK(volumes.at(0).at("children").at(0).at("reason") == "rootfs");
    const auto left = data_of(ask(model, "GET /cluster/backup-info/not-backed-up"));
    CHECK(left.as_array().size() == 2);
    const archive before = *newest(model, ct101);
    pass(model, 20min);  // it is 19:53 on a Friday
    CHECK(newest(model, ct101)->id != before.id);
    REQUIRE(ask(model, "PUT /cluster/backup/nightly", {{"enabled", "0"}, {"delete", "mode"}}).status == 200);
    const archive last = *newest(model, ct101);
    pass(model, 24h * 7);
    CHECK(newest(model, ct101)->id == last.id);
    REQUIRE(ask(model, "DELETE /cluster/backup/nightly").status == 200);
    CHECK(data_of(ask(model, "GET /cluster/backup")).as_array().empty());
}

TEST_CASE("what becomes of the newest backup by command") {
    cluster model(small_options());
    CHECK_FALSE(apply_fault(model, "backup ct101 burnt"));
    REQUIRE(apply_fault(model, "backup ct101 stale"));
    CHECK(model.wall_now() - newest(model, ct101)->created > 24h * 30);
    REQUIRE(apply_fault(model, "backup ct101 foreign"));
    CHECK(text_of(ask(model, "GET /nodes/n1/vzdump/extractconfig", {{"volume", archive_of(model, ct101)}}))
              .find("hostname: former-101") != std::string::npos);
    REQUIRE(apply_fault(model, "backup ct101 unreadable"));
    CHECK(ask(model, "GET /nodes/n1/vzdump/extractconfig", {{"volume", archive_of(model, ct101)}}).status == 500);
    REQUIRE(apply_fault(model, "backup ct101 missing"));
    CHECK(newest(model, ct101) == nullptr);
    CHECK_FALSE(apply_fault(model, "backup ct101 corrupt"));
}
