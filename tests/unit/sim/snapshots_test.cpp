#include "sim/model/guest_file.hpp"
#include "small_cluster.hpp"

#include <boost/json/object.hpp>

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::sim;
using namespace std::chrono_literals;

namespace {

const node_name n1("n1");
const node_name n3("n3");
const std::string ct = "/nodes/n1/lxc/101";
const std::string vm = "/nodes/n3/qemu/103";

std::string finished(cluster& model, const api::reply& r) {
    if (r.status != 200) return r.reason;
    const std::string upid = text_of(r);
    pass(model, 1min);
    return exit_of(model, upid);
}

std::string take(cluster& model, const std::string& guest, const std::string& name, api::parameters more = {}) {
    more.emplace_back("snapname", name);
    return finished(model, ask(model, "POST " + guest + "/snapshot", more));
}

std::string parent_of(cluster& model, const std::string& name) {
    const boost::json::value rows = data_of(ask(model, "GET " + ct + "/snapshot"));
    for (const auto& row : rows.as_array()) {
        if (std::string(row.at("name").as_string()) != name) continue;
        const auto found = row.as_object().find("parent");
        return found == row.as_object().end() ? "" : std::string(found->value().as_string());
    }
    return "?";
}

}  // namespace

TEST_CASE("a configuration file with sections reads and writes the same") {
    const std::string text =
        "#one\n#two\nhostname: a\nparent: s2\n\n[pve:pending]\ndelete: onboot\n\n[s1]\n#first\nhostname: b\n"
        "snaptime: 1\n\n[s2]\nhostname: c\nparent: s1\nsnaptime: 2\n";
    const guest_file file = guest_file::parse(guest_type::ct, text);
    CHECK(file.now.get("hostname") == "a");
    CHECK(file.pending.get("delete") == "onboot");
    CHECK(file.snapshots.at("s1").description == "#first\n");
    CHECK(file.snapshots.at("s2").get("parent") == "s1");
    CHECK(file.text() == text);
}

TEST_CASE("snapshots have parents, and come back") {
    cluster model(small_options());
    REQUIRE(take(model, ct, "s1", {{"description", "before"}}) == "OK");
    REQUIRE(take(model, ct, "s2") == "OK");
    CHECK(parent_of(model, "s2") == "s1");
    CHECK(parent_of(model, "current") == "s2");
    REQUIRE(ask(model, "PUT " + ct + "/config", {{"memory", "1024"}}).status == 200);
    CHECK(data_of(ask(model, "GET " + ct + "/snapshot/s1/config")).at("memory") == 512);
    CHECK(data_of(ask(model, "GET " + ct + "/config", {{"snapshot", "s1"}})).at("memory") == 512);

    SECTION("a rollback stops the guest") {
        CHECK(finished(model, ask(model, "POST " + ct + "/snapshot/s1/rollback")) == "OK");
        CHECK(model.config(n1, ct101)->get("memory") == "512");
        CHECK(parent_of(model, "current") == "s1");
        CHECK_FALSE(model.is_running(n1, ct101));
    }
    SECTION("… or starts it again") {
        CHECK(finished(model, ask(model, "POST " + ct + "/snapshot/s1/rollback", {{"start", "1"}})) == "OK");
        CHECK(model.is_running(n1, ct101));
    }
    SECTION("children of one that goes are its parent's") {
        CHECK(finished(model, ask(model, "DELETE " + ct + "/snapshot/s2")) == "OK");
        CHECK(parent_of(model, "current") == "s1");
        CHECK(finished(model, ask(model, "DELETE " + ct + "/snapshot/s1")) == "OK");
        CHECK(parent_of(model, "current") == "");
        CHECK(model.config(n1, ct101)->sections.empty());
    }
    SECTION("its description changes alone") {
        CHECK(ask(model, "PUT " + ct + "/snapshot/s1/config", {{"description", "x:y"}}).status == 200);
        CHECK(data_of(ask(model, "GET " + ct + "/snapshot/s1/config")).at("description") == "x:y\n");
        CHECK(model.config(n1, ct101)->get("memory") == "1024");
    }
}

TEST_CASE("snapshots that cannot be") {
    struct row {
        const char* name;
        std::vector<std::string> faults;
        std::string line;
        api::parameters params;
        std::string end;
    };
    const row rows[] = {
        {"reserved",
         {},
         "POST " + ct + "/snapshot",
         {{"snapname", "current"}},
         "unable to use snapshot name 'current' (reserved name)"},
        {"not a name", {}, "POST " + ct + "/snapshot", {{"snapname", "1x"}}, "Parameter verification failed."},
        {"locked", {"lock ct101 backup"}, "POST " + ct + "/snapshot", {{"snapname", "s1"}}, "CT is locked (backup)"},
        {"not there to delete", {}, "DELETE " + ct + "/snapshot/none", {}, "snapshot 'none' does not exist"},
        {"not there to go back to", {}, "POST " + vm + "/snapshot/none/rollback", {}, "snapshot 'none' does not exist"},
        {"not there to read", {}, "GET " + vm + "/snapshot/none/config", {}, "snapshot 'none' does not exist"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            cluster model(small_options());
            for (const std::string& command : r.faults) REQUIRE(apply_fault(model, command));
            CHECK(finished(model, ask(model, r.line, r.params)) == r.end);
            CHECK(model.config(n1, ct101)->sections.empty());
        }
    }
}

TEST_CASE("raw files have no snapshots") {
    options o = small_options();
    for (guest_options& g : o.guests)
        if (g.guest == ct101) g.storage = storage_id("nfs-vm");
    cluster model(o);
    CHECK(take(model, ct, "s1") == "snapshot feature is not available");
    CHECK(data_of(ask(model, "GET " + ct + "/feature", {{"feature", "snapshot"}})).at("hasFeature") == 0);
    CHECK(data_of(ask(model, "GET " + vm + "/feature", {{"feature", "snapshot"}})).at("hasFeature") == 1);
}

TEST_CASE("a VM's memory goes into the snapshot and comes back running") {
    cluster model(small_options());
    REQUIRE(take(model, vm, "s1", {{"vmstate", "1"}}) == "OK");
    CHECK(data_of(ask(model, "GET " + vm + "/snapshot")).at(0).at("vmstate") == 1);
    CHECK(finished(model, ask(model, "POST " + vm + "/status/stop")) == "OK");
    CHECK(finished(model, ask(model, "POST " + vm + "/snapshot/s1/rollback")) == "OK");
    CHECK(model.is_running(n3, vm103));
    CHECK(finished(model, ask(model, "DELETE " + vm + "/snapshot/s1")) == "OK");
    CHECK_FALSE(model.has_volume(volid("local-lvm:vm-103-state-s1"), n3));
}

TEST_CASE("clones") {
    cluster model(small_options());
    const guest_id copy(guest_type::vm, vmid(300));
    const api::parameters to300 = {{"newid", "300"}, {"name", "copy"}};

    SECTION("full") {
        CHECK(finished(model, ask(model, "POST " + vm + "/clone", to300)) == "OK");
        const guest_config made = *model.config(n3, copy);
        CHECK(made.get("name") == "copy");
        CHECK(made.get("scsi0") == "local-lvm:vm-300-disk-0,size=8G");
        CHECK(made.get("lock") == "");
        CHECK(made.get("net0") != model.config(n3, vm103)->get("net0"));
        CHECK(ask(model, "POST " + vm + "/clone", to300).reason ==
              "unable to create VM 300: config file already exists");
    }
    SECTION("linked, of a template") {
        CHECK(ask(model, "POST " + vm + "/template").reason ==
              "you can't convert a VM to template if VM is running vm");
        CHECK(finished(model, ask(model, "POST " + vm + "/status/stop")) == "OK");
        CHECK(finished(model, ask(model, "POST " + vm + "/template")) == "OK");
        CHECK(model.config(n3, vm103)->get("scsi0") == "local-lvm:base-103-disk-0,size=8G");
        CHECK(finished(model, ask(model, "POST " + vm + "/status/start")) == "you can't start a vm if it's a template");
        CHECK(finished(model, ask(model, "POST " + vm + "/clone", to300)) == "OK");
        CHECK(model.config(n3, copy)->get("template") == "");
        CHECK(model.has_volume(volid("local-lvm:vm-300-disk-0"), n3));
    }
    SECTION("a taken vmid") {
        CHECK(ask(model, "POST " + vm + "/clone", {{"newid", "102"}}).reason == "CT 102 already exists on node 'n2'");
    }
    SECTION("without space nothing is left") {
        REQUIRE(apply_fault(model, "storage local-lvm full"));
        CHECK(finished(model, ask(model, "POST " + vm + "/clone", to300)).starts_with("clone failed: "));
        CHECK_FALSE(model.config(n3, copy));
    }
    SECTION("a running container") {
        CHECK(ask(model, "POST " + ct + "/clone", {{"newid", "300"}}).reason ==
              "Cannot do full clones on a running container without snapshots");
        CHECK(ask(model, "POST " + ct + "/clone", {{"newid", "300"}, {"full", "0"}}).status == 500);
    }
}
