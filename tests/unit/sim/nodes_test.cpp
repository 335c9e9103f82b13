#include "sim/model/bulk.hpp"
#include "sim/model/faults.hpp"
#include "small_cluster.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::sim;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

const node_name n1("n1");
const node_name n2("n2");

guest_options container(std::uint32_t id, const char* node, bool running) {
    guest_options g(guest_id(guest_type::ct, vmid(id)), node_name(node));
    g.running = running;
    g.backup_ages.clear();
    return g;
}

void set_startup(cluster& model, std::uint32_t id, const std::string& startup) {
    const auto p = *model.files().find(vmid(id));
    auto config = *model.config(p.node, p.guest);
    config.set("startup", startup);
    REQUIRE(model.files().write(p.node, p.guest, config.text()));
}

/// The vmids of the tasks of that type on the node, in the order of their starts.
std::string order_of(const cluster& model, const std::string& type, const char* node) {
    std::string order;
    for (const std::string& upid : model.task_order()) {
        const task& t = model.tasks().at(upid);
        if (t.work.type == type && t.node == node_name(node)) order += (order.empty() ? "" : " ") + t.work.id;
    }
    return order;
}

}  // namespace

TEST_CASE("startup properties") {
    struct row {
        const char* text;
        std::optional<std::int64_t> order;
        std::optional<duration> up;
        std::optional<duration> down;
    };
    const row rows[] = {
        {"", {}, {}, {}},     {"3", 3, {}, {}},        {"order=2,up=30,down=60", 2, 30s, 60s},
        {"up=5", {}, 5s, {}}, {"7,down=1", 7, {}, 1s},
    };
    for (const row& r : rows) {
        const startup_order s = startup_order::parse(r.text);
        INFO(r.text);
        CHECK(s.order == r.order);
        CHECK(s.up == r.up);
        CHECK(s.down == r.down);
    }
}

TEST_CASE("startall and stopall go by order, pause and patience") {
    options o = small_options();
    for (const std::uint32_t id : {301U, 302U, 303U}) o.guests.push_back(container(id, "n2", false));
    cluster model(o);
    set_startup(model, 301, "order=2,up=10");
    set_startup(model, 302, "order=1,up=20,down=5");
    const std::string up = text_of(ask(model, "POST /nodes/n2/startall"));
    CHECK(parse_upid(up)->type == "startall");
    pass(model, 15s);
    CHECK(order_of(model, "vzstart", "n2") == "302");  // its `up` has not passed
    pass(model, 60s);
    CHECK(exit_of(model, up) == "OK");
    CHECK(order_of(model, "vzstart", "n2") == "302 301 303");  // without an order last
    REQUIRE(apply_fault(model, "guest ct302 shutdown-hangs"));
    const std::string down = text_of(ask(model, "POST /nodes/n2/stopall", {{"timeout", "30"}}));
    pass(model, 90s);
    CHECK(exit_of(model, down) == "OK");
    CHECK(order_of(model, "vzshutdown", "n2").ends_with("301 302"));
    CHECK(order_of(model, "vzshutdown", "n2").starts_with("102 303"));
    CHECK(model.running_on(guest_id(guest_type::ct, vmid(302))).empty());  // killed after its own `down`
}

TEST_CASE("bulk calls: who may, and what they take") {
    struct row {
        const char* name;
        const char* call;
        api::parameters params;
        const std::string& token;
        int status;
        const char* reason;
    };
    const row rows[] = {
        {"everything needs the privilege on /",
         "POST /nodes/n1/startall",
         {},
         product_token,
         403,
         "Permission check failed (/, VM.PowerMgmt)"},
        {"a list only on its guests", "POST /nodes/n1/startall", {{"vms", "101,110"}}, product_token, 200, "OK"},
        {"each of the list",
         "POST /nodes/n1/stopall",
         {{"vms", "101"}},
         audit_token,
         403,
         "Permission check failed (/vms/101, VM.PowerMgmt)"},
        {"a migration needs a number of workers",
         "POST /nodes/n1/migrateall",
         {{"target", "n2"}},
         root_token,
         500,
         "either 'maxworkers' parameter or max_workers in datacenter.cfg must be set!"},
        {"and another node",
         "POST /nodes/n1/migrateall",
         {{"target", "n1"}, {"maxworkers", "1"}},
         root_token,
         400,
         "Parameter verification failed."},
        {"timeouts have limits",
         "POST /nodes/n1/stopall",
         {{"timeout", "9999"}},
         root_token,
         400,
         "Parameter verification failed."},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            cluster model(small_options());
            const api::reply answer = ask(model, r.call, r.params, r.token);
            CHECK(answer.status == r.status);
            CHECK(answer.reason == r.reason);
        }
    }
    SECTION("migration has its own privilege") {
        cluster model(small_options());
        REQUIRE(apply_fault(model, "token deny VM.Migrate"));
        const api::reply answer =
            ask(model, "POST /nodes/n1/migrateall", {{"target", "n2"}, {"vms", "101"}}, product_token);
        CHECK(answer.status == 403);
        CHECK(answer.reason == "Permission check failed (/vms/101, VM.Migrate)");
    }
}

TEST_CASE("startall takes onboot guests, the listed ones, or with force all; what HA manages is HA's") {
    struct row {
        const char* name;
        api::parameters params;
        const char* started;
    };
    const row rows[] = {
        {"only onboot", {}, "110"},
        {"force", {{"force", "1"}}, "110 301"},
        {"a list", {{"vms", "301"}}, "301"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            options o = small_options();
            o.guests.push_back(container(301, "n1", false));
            o.guests.back().onboot = false;
            o.guests.push_back(container(302, "n1", false));
            cluster model(o);
            model.ha().add(guest_id(guest_type::ct, vmid(302)));
            model.ha().set_state(guest_id(guest_type::ct, vmid(302)), "stopped");
            (void)ask(model, "POST /nodes/n1/startall", r.params);
            pass(model, 30s);
            CHECK(order_of(model, "vzstart", "n1") == r.started);
        }
    }
}

TEST_CASE("migrateall and suspendall") {
    cluster model(small_options());
    const std::string moved = text_of(ask(model, "POST /nodes/n2/migrateall", {{"target", "n1"}, {"maxworkers", "2"}}));
    pass(model, 60s);
    CHECK(exit_of(model, moved) == "OK");
    CHECK(model.files().find(ct102.id)->node == n1);
    const std::string slept = text_of(ask(model, "POST /nodes/n3/suspendall"));
    pass(model, 30s);
    CHECK(exit_of(model, slept) == "OK");
    CHECK(model.running_on(vm103).empty());
    CHECK(model.config(node_name("n3"), vm103)->get("lock") == "suspended");
}

TEST_CASE("a node that is shut down tells backups, stops its guests and is off; one that reboots starts them again") {
    for (const char* command : {"shutdown", "reboot"}) {
        DYNAMIC_SECTION(command) {
            cluster model(small_options());
            const std::string backup =
                text_of(ask(model, "POST /nodes/n2/vzdump", {{"vmid", "102"}, {"storage", "backup"}}));
            const api::reply answer = ask(model, "POST /nodes/n2/status", {{"command", command}});
            CHECK(answer.status == 200);
            CHECK(data_of(answer).is_null());
            CHECK(ask(model, "POST /nodes/n2/status", {{"command", command}}).status == 200);  // again changes nothing
            pass(model, 1s);
            CHECK(model.is_running(n2, ct102));
            pass(model, 4s);
            CHECK(!exit_of(model, backup).empty());
            pass(model, 15s);
            CHECK(!model.find_node(n2)->powered);
            CHECK(order_of(model, "vzshutdown", "n2") == "102");
            pass(model, 120s);
            const bool returns = std::string(command) == "reboot";
            CHECK(model.find_node(n2)->powered == returns);
            CHECK(model.is_running(n2, ct102) == returns);
        }
    }
}

TEST_CASE("a node that loses its power on the way down can be shut down again later") {
    cluster model(small_options());
    REQUIRE(apply_fault(model, "guest ct102 shutdown-hangs"));
    (void)ask(model, "POST /nodes/n2/status", {{"command", "reboot"}});
    pass(model, 10s);
    REQUIRE(apply_fault(model, "power n2 off"));
    pass(model, 200s);
    CHECK(!model.find_node(n2)->powered);  // it was not the reboot that switched it off
    REQUIRE(apply_fault(model, "power n2 on"));
    pass(model, 60s);
    (void)ask(model, "POST /nodes/n2/status", {{"command", "shutdown"}});
    pass(model, 300s);
    CHECK(!model.find_node(n2)->powered);
}

TEST_CASE("wake on LAN is sent by the contacted node, which needs the address") {
    cluster model(small_options());
    CHECK(ask(model, "POST /nodes/n1/wakeonlan").reason == "'n1' is local node, cannot wake my self!");
    CHECK(ask(model, "POST /nodes/n2/wakeonlan").reason == "No wake on LAN MAC address defined for 'n2'!");
    REQUIRE(ask(model, "PUT /nodes/n2/config",
                {{"wakeonlan", "mac=BC:24:11:00:00:02,bind-interface=vmbr0"}, {"description", "rack 1\nback"}})
                .status == 200);
    const json::value config = data_of(ask(model, "GET /nodes/n2/config"));
    CHECK(config.at("wakeonlan") == "mac=BC:24:11:00:00:02,bind-interface=vmbr0");
    CHECK(config.at("description") == "rack 1\nback\n");
    CHECK(
        ask(model, "PUT /nodes/n2/config", {{"startall-onboot-delay", "5"}, {"digest", std::string(40, '0')}}).status ==
        500);
    REQUIRE(apply_fault(model, "power n2 off"));
    pass(model, 10s);
    CHECK(ask(model, "GET /nodes/n2/config").status == 595);
    CHECK(text_of(ask(model, "POST /nodes/n2/wakeonlan")) == "BC:24:11:00:00:02");
    CHECK(!model.find_node(n2)->powered);
    pass(model, 120s);
    CHECK(model.find_node(n2)->powered);
    CHECK(ask(model, "POST /nodes/n2/wakeonlan", {}, audit_token).status == 403);
}

TEST_CASE("what a node says about itself") {
    cluster model(small_options());
    const json::value status = data_of(ask(model, "GET /nodes/n1/status"));
    for (const char* key : {"uptime", "idle", "wait", "cpu", "loadavg", "kversion", "current-kernel", "boot-info",
                            "cpuinfo", "memory", "swap", "ksm", "rootfs", "pveversion"})
        CHECK(status.as_object().contains(key));
    CHECK(status.at("loadavg").at(0).is_string());
    CHECK(data_of(ask(model, "GET /nodes/n1/subscription")).at("status") == "notfound");
    CHECK(data_of(ask(model, "GET /nodes/n1/network", {{"type", "any_bridge"}})).at(0).at("iface") == "vmbr0");
    CHECK(ask(model, "GET /nodes/n1/network/eth9").status == 400);
    CHECK(data_of(ask(model, "GET /nodes/n1/time")).at("time").to_number<std::int64_t>() ==
          model.wall_now().time_since_epoch().count());
    REQUIRE(ask(model, "PUT /nodes/n1/dns", {{"search", "x.test"}, {"dns1", "192.0.2.53"}}).status == 200);
    CHECK(data_of(ask(model, "GET /nodes/n1/dns")).at("dns1") == "192.0.2.53");
    CHECK(data_of(ask(model, "GET /nodes/n2/dns")).at("dns1") != "192.0.2.53");
    const json::value hosts = data_of(ask(model, "GET /nodes/n1/hosts"));
    CHECK(ask(model, "POST /nodes/n1/hosts", {{"data", "x"}, {"digest", std::string(40, '0')}}).status == 500);
    CHECK(ask(model, "POST /nodes/n1/hosts", {{"data", "x"}, {"digest", std::string(hosts.at("digest").as_string())}})
              .status == 200);
    CHECK(data_of(ask(model, "GET /nodes/n1/rrddata", {{"timeframe", "hour"}, {"cf", "AVERAGE"}})).as_array().size() ==
          70);
    CHECK(ask(model, "GET /nodes/n9/rrddata", {{"timeframe", "hour"}}).status == 500);
    const std::string stop = text_of(ask(model, "POST /nodes/n1/services/cron/stop"));
    CHECK(parse_upid(stop)->type == "srvstop");
    pass(model, 2s);
    CHECK(data_of(ask(model, "GET /nodes/n1/services/cron/state")).at("state") == "dead");
    CHECK(ask(model, "GET /nodes/n1/services/nothing/state").status == 400);
}

TEST_CASE("bulk actions of the whole cluster since 9.1") {
    options o = small_options();
    cluster old(o);
    CHECK(ask(old, "POST /cluster/bulk-action/guest/shutdown").status == 501);
    o.version = {9, 1};
    cluster model(o);
    const std::string upid =
        text_of(ask(model, "POST /cluster/bulk-action/guest/shutdown", {{"vms", "101"}, {"vms", "102"}}));
    pass(model, 60s);
    CHECK(exit_of(model, upid) == "OK");
    CHECK(model.running_on(ct101).empty());
    CHECK(model.running_on(ct102).empty());
    CHECK(!model.running_on(vm103).empty());
}
