#include "small_cluster.hpp"

#include <boost/json/object.hpp>

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::sim;
using namespace std::chrono_literals;

namespace {

const node_name n1("n1");
const node_name n2("n2");
const node_name n3("n3");
constexpr guest_id ct110{guest_type::ct, vmid(110)};

std::string finished(cluster& model, const api::reply& r) {
    if (r.status != 200) return r.reason;
    const std::string upid = text_of(r);
    pass(model, 2min);
    return exit_of(model, upid);
}

/// VM 103 on shared storage.
options shared_options() {
    options o = small_options();
    for (guest_options& g : o.guests)
        if (g.guest == vm103) g.storage = storage_id("nfs-vm");
    return o;
}

}  // namespace

TEST_CASE("a stopped container moves with its local disk") {
    cluster model(small_options());
    const std::string upid = text_of(ask(model, "POST /nodes/n1/lxc/110/migrate", {{"target", "n2"}}));
    pass(model, 1s);
    CHECK(model.config(n1, ct110)->get("lock") == "migrate");
    pass(model, 1min);
    CHECK(exit_of(model, upid) == "OK");
    CHECK_FALSE(model.config(n1, ct110));
    CHECK(model.config(n2, ct110)->get("lock") == "");
    CHECK(model.has_volume(volid("local-lvm:vm-110-disk-0"), n2));
    CHECK_FALSE(model.has_volume(volid("local-lvm:vm-110-disk-0"), n1));
    CHECK_FALSE(model.is_running(n2, ct110));
}

TEST_CASE("a running container is shut down and started on the target") {
    cluster model(small_options());
    const std::string upid =
        text_of(ask(model, "POST /nodes/n1/lxc/101/migrate", {{"target", "n2"}, {"restart", "1"}}));
    pass(model, 7s);
    CHECK(model.running_on(ct101).empty());
    pass(model, 1min);
    CHECK(exit_of(model, upid) == "OK");
    CHECK(model.running_on(ct101) == std::vector<node_name>{n2});
}

TEST_CASE("a running machine on shared disks goes on elsewhere") {
    cluster model(shared_options());
    model.set_service(vm103, service_state::refusing);
    const std::string upid =
        text_of(ask(model, "POST /nodes/n3/qemu/103/migrate", {{"target", "n1"}, {"online", "1"}}));
    pass(model, 9s);
    CHECK(model.running_on(vm103) == std::vector<node_name>{n3});
    pass(model, 1min);
    CHECK(exit_of(model, upid) == "OK");
    CHECK(model.running_on(vm103) == std::vector<node_name>{n1});
    CHECK(model.service_of(vm103) == service_state::refusing);
    CHECK(model.has_volume(volid("nfs-vm:103/vm-103-disk-0.raw"), n1));
}

TEST_CASE("a disk goes to the storage that the call names") {
    cluster model(small_options());
    CHECK(finished(model, ask(model, "POST /nodes/n1/lxc/110/migrate",
                              {{"target", "n2"}, {"target-storage", "local-lvm:local"}})) == "OK");
    CHECK(model.config(n2, ct110)->get("rootfs").starts_with("local:110/vm-110-disk-0.raw"));
}

TEST_CASE("migrations that cannot be leave everything as it was") {
    struct row {
        const char* name;
        std::vector<std::string> faults;
        const char* line;
        api::parameters params;
        std::string end;
    };
    const row rows[] = {
        {"to itself", {}, "POST /nodes/n1/lxc/110/migrate", {{"target", "n1"}}, "Parameter verification failed."},
        {"to nowhere", {}, "POST /nodes/n1/lxc/110/migrate", {{"target", "n9"}}, "no such cluster node 'n9'"},
        {"a running CT",
         {},
         "POST /nodes/n1/lxc/101/migrate",
         {{"target", "n2"}},
         "can't migrate running container without --online or --restart"},
        {"a live CT", {}, "POST /nodes/n1/lxc/101/migrate", {{"target", "n2"}, {"online", "1"}}, "migration aborted"},
        {"a running VM",
         {},
         "POST /nodes/n3/qemu/103/migrate",
         {{"target", "n2"}},
         "can't migrate running VM without --online"},
        {"a VM on local disks",
         {},
         "POST /nodes/n3/qemu/103/migrate",
         {{"target", "n2"}, {"online", "1"}},
         "migration aborted"},
        {"locked", {"lock ct110 backup"}, "POST /nodes/n1/lxc/110/migrate", {{"target", "n2"}}, "migration aborted"},
        {"no space",
         {"storage local-lvm@n2 full"},
         "POST /nodes/n1/lxc/110/migrate",
         {{"target", "n2"}},
         "migration aborted"},
        {"target is off", {"power n2 off"}, "POST /nodes/n1/lxc/110/migrate", {{"target", "n2"}}, "migration aborted"},
        {"no such storage",
         {},
         "POST /nodes/n1/lxc/110/migrate",
         {{"target", "n2"}, {"target-storage", "none"}},
         "storage 'none' does not exist"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            cluster model(small_options());
            for (const std::string& command : r.faults) REQUIRE(apply_fault(model, command));
            pass(model, 30s);
            CHECK(finished(model, ask(model, r.line, r.params)) == r.end);
            CHECK(model.config(n1, ct110));
            CHECK(model.is_running(n1, ct101));
            CHECK(model.is_running(n3, vm103));
            CHECK(model.config(n1, ct110)->get("lock") != "migrate");
            CHECK(model.has_volume(volid("local-lvm:vm-110-disk-0"), n1));
            CHECK_FALSE(model.has_volume(volid("local-lvm:vm-110-disk-0"), n2));
        }
    }
}

TEST_CASE("what stands against moving a VM, asked before") {
    cluster model(small_options());
    const auto data = data_of(ask(model, "GET /nodes/n3/qemu/103/migrate"));
    CHECK(data.at("running") == 1);
    CHECK(data.at("local_disks").at(0).at("volid") == "local-lvm:vm-103-disk-0");
    CHECK_FALSE(data.as_object().contains("allowed_nodes"));
}
