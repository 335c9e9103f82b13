#include "pve/api/session.hpp"

#include "pve/api/access.hpp"
#include "pve/api/cluster.hpp"
#include "pve/api/nodes_lxc.hpp"
#include "pve/api/nodes_qemu.hpp"
#include "pve/api/nodes_storage.hpp"
#include "pve/api/pools.hpp"
#include "pve/api/version.hpp"
#include "pve/encoding.hpp"
#include "pve/transport.hpp"
#include "runtime/sim_time.hpp"
#include "support/run_awaitable.hpp"

#include <boost/json/value.hpp>

#include <catch2/catch.hpp>
#include <functional>

using namespace steward;
using namespace steward::pve;
namespace asio = boost::asio;

namespace {

/// Answers everything with one body and keeps what it was asked.
class keeping_transport final : public transport {
  public:
    asio::awaitable<result<reply>> send(request call, time_point) override {
        std::string line = std::string(http_method(call.what)) + " " + call.path;
        if (!call.params.empty()) line += " " + form_encode(call.params);
        calls.push_back(std::move(line));
        reply r;
        r.status = 200;
        r.body = body;
        co_return r;
    }
    std::string body = R"({"data":null})";
    std::vector<std::string> calls;
};

struct bench {
    sim_time time;
    keeping_transport wire;
    api::session session{wire, time, std::chrono::seconds(30)};
    api::root api{session};

    template <class T>
    result<T> wait(asio::awaitable<result<T>> work) {
        return run_awaitable(time.io(), std::move(work));
    }
    /// The request that a call makes.
    template <class T>
    std::string sent(asio::awaitable<result<T>> work) {
        wire.calls.clear();
        static_cast<void>(wait(std::move(work)));
        return wire.calls.empty() ? "nothing" : wire.calls.front();
    }
};

constexpr const char* task = R"({"data":"UPID:n2:0000C5B9:0002DA13:6566C3E7:vzstart:101:root@pam:"})";

}  // namespace

TEST_CASE("what goes on the wire: path, verb, spelling, and only what was set") {
    bench b;
    using namespace api;
    CHECK(b.sent(b.api.version().get()) == "GET /version");
    CHECK(b.sent(b.api.nodes("n2").lxc(101).config().get()) == "GET /nodes/n2/lxc/101/config");
    CHECK(b.sent(b.api.nodes(node_name("n2")).lxc(vmid(101)).status().start({})) ==
          "POST /nodes/n2/lxc/101/status/start");

    nodes_lxc::config_set_request memory;
    memory.with_memory(1024).with_digest("0123456789012345678901234567890123456789");
    CHECK(b.sent(b.api.nodes("n2").lxc(101).config().set(memory)) ==
          "PUT /nodes/n2/lxc/101/config digest=0123456789012345678901234567890123456789&memory=1024");

    nodes_lxc::status_shutdown_create_request how;
    how.with_force_stop(true).with_timeout(60);
    CHECK(b.sent(b.api.nodes("n2").lxc(101).status().shutdown(how)) ==
          "POST /nodes/n2/lxc/101/status/shutdown forceStop=1&timeout=60");

    nodes_lxc::item_remove_request away;
    away.with_purge(true).with_destroy_unreferenced_disks(false);
    CHECK(b.sent(b.api.nodes("n2").lxc(101).remove(away)) ==
          "DELETE /nodes/n2/lxc/101 destroy-unreferenced-disks=0&purge=1");

    nodes_lxc::create_request ct(vmid(101), "local:vztmpl/x.tar.zst");
    ct.with_tags({"web", "prod"}).with_net(0, nodes_lxc::net_value("eth0").with_bridge("vmbr0").with_firewall(true));
    CHECK(b.sent(b.api.nodes("n2").lxc().create(ct)) ==
          "POST /nodes/n2/lxc vmid=101&net0=bridge%3Dvmbr0%2Cfirewall%3D1%2Cname%3Deth0&"
          "ostemplate=local%3Avztmpl%2Fx.tar.zst&tags=web%2Cprod");

    nodes_qemu::config_set_request vm;
    vm.with_memory(nodes_qemu::memory_value(2048)).with_numa(true).with_delete({"net1", "scsi2"});
    CHECK(b.sent(b.api.nodes("n2").qemu(200).config().set(vm)) ==
          "PUT /nodes/n2/qemu/200/config delete=net1%2Cscsi2&memory=2048&numa=1");

    nodes_qemu::agent_exec_create_request exec({"/bin/echo", "a b"});
    CHECK(b.sent(b.api.nodes("n2").qemu(200).agent().exec(exec)) ==
          "POST /nodes/n2/qemu/200/agent/exec command=%2Fbin%2Fecho&command=a%20b");

    CHECK(b.sent(b.api.nodes("n2").storage("local").content()("local:backup/a b.tar").remove()) ==
          "DELETE /nodes/n2/storage/local/content/local%3Abackup%2Fa%20b.tar");
}

TEST_CASE("nothing leaves while something is wrong, and everything that is wrong is said at once") {
    bench b;
    api::nodes_lxc::create_request ct(vmid(7), "x");
    ct.with_memory(8).with_hostname("not a name").with_net(40, api::nodes_lxc::net_value("eth0"));
    ct.extra.emplace_back("colour", "green");
    const auto refused = b.wait(b.api.nodes("n2").lxc().create(ct));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == errc::invalid);
    CHECK(b.wire.calls.empty());
    const std::string words = refused.error().text();
    INFO(words);
    for (const char* part :
         {"pve POST /nodes/n2/lxc", "vmid: ", "hostname: ", "memory: value must have a minimum value of 16",
          "net40: ", "colour: property is not defined in schema and the schema does not allow additional properties"})
        CHECK(words.find(part) != std::string::npos);

    CHECK(b.sent(b.api.nodes("").lxc().get()) == "nothing");
    CHECK(b.sent(b.api.nodes("no node").lxc().get()) == "nothing");
}

TEST_CASE("what the connected version lacks is refused here, with the versions that have it") {
    bench b;
    using namespace api;
    b.wire.body = R"({"data":{"version":"8.4.1","release":"8.4","repoid":"2a5fa54a8503f96d"}})";
    REQUIRE(b.wait(b.session.learn_version()));
    CHECK(b.session.version() == schema::version(8, 4));
    b.wire.calls.clear();

    const auto too_new = b.wait(b.api.nodes("n1").query_oci_repo_tags().get(
        nodes::query_oci_repo_tags_get_request("docker.io/library/debian")));
    REQUIRE_FALSE(too_new);
    CHECK(too_new.error().code == errc::unsupported);
    CHECK(too_new.error().detail == "this call exists since PVE 9.1; the cluster has 8.4");

    nodes_lxc::create_request ct(vmid(101), "local:x");
    const auto parameter = b.wait(b.api.nodes("n1").lxc().create(ct.with_ha_managed(true)));
    REQUIRE_FALSE(parameter);
    CHECK(parameter.error().code == errc::unsupported);
    CHECK(parameter.error().detail == "ha-managed: exists since PVE 9.1; the cluster has 8.4");
    CHECK(b.wire.calls.empty());

    b.session.assume_version(schema::version(9, 1));
    CHECK(b.sent(b.api.nodes("n1").lxc().create(ct)) != "nothing");
}

TEST_CASE("a token does not try what only a ticket may do") {
    bench b;
    b.session.uses_token(true);
    api::access::password_set_request secret("a-new-password", "user@pve");
    const auto refused = b.wait(b.api.access().password().set(secret));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == errc::forbidden);
    CHECK(b.wire.calls.empty());
}

TEST_CASE("answers come back typed, loosely read, with what is unknown kept") {
    bench b;
    b.wire.body = R"({"data":[{"type":"lxc","id":"lxc/101","vmid":"101","node":"n1","maxmem":"67108864","template":"",
        "cpu":0.5,"uptime":12,"tags":null,"brand-new":{"a":1}},{"type":"a-new-kind","id":"x"}]})";
    const auto rows = b.wait(b.api.cluster().resources().get());
    REQUIRE(rows);
    REQUIRE(rows->size() == 2);
    const auto& row = rows->front();
    CHECK(row.vmid == vmid(101));
    CHECK(row.maxmem == 67108864);
    CHECK(row.template_ == false);
    CHECK_FALSE(row.tags.has_value());
    CHECK(row.type->is(api::cluster::resources_type_choice::lxc));
    CHECK(row.extra.text() == R"({"brand-new":{"a":1}})");
    CHECK_FALSE(rows->back().type->listed().has_value());
    CHECK(rows->back().type->text() == "a-new-kind");

    b.wire.body = task;
    const auto started = b.wait(b.api.nodes("n2").lxc(101).status().start({}));
    REQUIRE(started);
    CHECK(started->type == "vzstart");

    b.wire.body = R"({"data":null})";
    const auto applied = b.wait(b.api.nodes("n2").qemu(200).config().create());
    REQUIRE(applied);
    CHECK_FALSE(applied->has_value());  // the change was made at once, without a task
}

TEST_CASE("an answer of the wrong shape is garbage, and after a write an unknown outcome") {
    bench b;
    for (const char* body : {R"({"data":{}})", R"({"data":"x"})", R"({"data":[3]})", R"([])", "", "<html>"}) {
        DYNAMIC_SECTION(body) {
            b.wire.body = body;
            const auto list = b.wait(b.api.cluster().resources().get());
            REQUIRE_FALSE(list);
            CHECK(list.error().code == errc::garbage);
        }
    }
    b.wire.body = R"({"data":"not a task"})";
    const auto started = b.wait(b.api.nodes("n2").lxc(101).status().start({}));
    REQUIRE_FALSE(started);
    CHECK(started.error().code == errc::outcome_unknown);
}

TEST_CASE("all seven kinds of JSON come through where PVE describes nothing") {
    bench b;
    for (const char* data : {R"("text")", "3", "2.5E0", "true", "null", "[1,2]", R"({"a":{"b":1}})"}) {
        DYNAMIC_SECTION(data) {
            b.wire.body = std::string(R"({"data":)") + data + "}";
            const auto got = b.wait(b.api.access().permissions().get());
            REQUIRE(got);
            CHECK(got->text() == data);
        }
    }
}

TEST_CASE("property strings are read as PVE prints them and printed as PVE reads them") {
    using namespace api;
    const auto nic = nodes_qemu::net_value::parse("virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=on");
    REQUIRE(nic);
    CHECK(nic->model.text() == "virtio");
    CHECK(nic->macaddr == "BC:24:11:00:00:01");
    CHECK(nic->firewall == true);
    CHECK(nic->text() == "virtio,bridge=vmbr0,firewall=1,macaddr=BC:24:11:00:00:01");
    CHECK(nodes_lxc::rootfs_value::parse("local:101/vm-101-disk-0.raw,size=8G")->size == "8G");
    CHECK_FALSE(nodes_lxc::net_value::parse("bridge=vmbr0"));  // without its name
    CHECK_FALSE(nodes_lxc::net_value::parse("name=eth0,name=eth1"));
    CHECK(nodes_qemu::memory_value::parse("2048")->text() == "2048");
}
