#include "small_cluster.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::sim;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

const node_name n1("n1");
const node_name n2("n2");
const node_name n3("n3");
const guest_id ct200(guest_type::ct, vmid(200));
const guest_id vm201(guest_type::vm, vmid(201));

/// n1…n3; ct200@n2 and vm201@n2 on shared storage, ct101@n1 and ct102@n2 on local disks.
options ha_options() {
    options o = small_options();
    for (const guest_id g : {ct200, vm201}) {
        guest_options shared(g, n2);
        shared.storage = storage_id("nfs-vm");
        shared.backup_ages.clear();
        o.guests.push_back(shared);
    }
    return o;
}

std::string state_of(const cluster& model, guest_id g) { return ha_view(model, n1).state_of(g); }

json::object status_row(cluster& model, const std::string& id, const char* asked = "n1") {
    api::request what(node_name(asked), "GET", "/cluster/ha/status/current");
    what.who.authorization = root_token;
    const json::value all = data_of(api::handle(model, what));
    for (const json::value& row : all.as_array())
        if (row.at("id").as_string() == id.c_str()) return row.as_object();
    return {};
}

std::string node_of(const cluster& model, guest_id g) { return model.files().find(g.id)->node.str(); }

/// Seconds until the condition holds; -1 when it does not within the limit.
template <class Condition>
long seconds_until(cluster& model, duration limit, const Condition& holds) {
    const time_point began = model.now();
    while (!holds()) {
        if (model.now() - began >= limit) return -1;
        pass(model, 1s);
    }
    return (model.now() - began) / 1s;
}

}  // namespace

TEST_CASE("a resource is taken up, watched and started again when it ends by itself") {
    cluster model(ha_options());
    CHECK(ask(model, "POST /cluster/ha/resources", {{"sid", "ct:200"}}).status == 200);
    CHECK(state_of(model, ct200) == "queued");
    pass(model, 20s);
    CHECK(state_of(model, ct200) == "started");
    CHECK(status_row(model, "master").at("node") == "n1");
    CHECK(model.files().tree().read("ha/resources.cfg") == "ct: 200\n\tstate started\n\n");
    model.halt(n2, ct200);
    pass(model, 20s);
    CHECK(model.is_running(n2, ct200));
    CHECK(ask(model, "DELETE /cluster/ha/resources/ct:200").status == 200);
    pass(model, 15s);
    CHECK(state_of(model, ct200).empty());
    CHECK(model.is_running(n2, ct200));
    CHECK(ask(model, "DELETE /cluster/ha/resources/ct:200").reason ==
          "cannot delete service 'ct:200', not HA managed!");
}

TEST_CASE("what HA refuses") {
    struct row {
        const char* name;
        const char* call;
        api::parameters params;
        int status;
        const char* reason;
    };
    const row rows[] = {
        {"a guest that does not exist",
         "POST /cluster/ha/resources",
         {{"sid", "ct:999"}},
         500,
         "resource 'ct:999' does not exist in cluster"},
        {"a guest of the other type",
         "POST /cluster/ha/resources",
         {{"sid", "vm:101"}},
         500,
         "resource 'vm:101' does not exist in cluster"},
        {"a resource twice",
         "POST /cluster/ha/resources",
         {{"sid", "ct:200"}},
         500,
         "create resource failed: resource ID 'ct:200' already defined"},
        {"a group that does not exist",
         "POST /cluster/ha/resources",
         {{"sid", "ct:101"}, {"group", "gone"}},
         500,
         "HA group 'gone' does not exist"},
        {"an unknown state",
         "POST /cluster/ha/resources",
         {{"sid", "ct:101"}, {"state", "up"}},
         400,
         "Parameter verification failed."},
        {"another digest",
         "PUT /cluster/ha/resources/ct:200",
         {{"state", "stopped"}, {"digest", "0000000000000000000000000000000000000000"}},
         500,
         "update resources config failed: detected modified configuration - file changed by other user? Try again."},
        {"to read what is not there", "GET /cluster/ha/resources/ct:101", {}, 500, "no such resource 'ct:101'"},
        {"to move what is not there",
         "POST /cluster/ha/resources/ct:101/migrate",
         {{"node", "n2"}},
         500,
         "no such resource 'ct:101'"},
        {"a group of unknown nodes",
         "POST /cluster/ha/groups",
         {{"group", "gg"}, {"nodes", "n1,n9"}},
         500,
         "no such cluster node 'n9'"},
        {"a group twice",
         "POST /cluster/ha/groups",
         {{"group", "used"}, {"nodes", "n1"}},
         500,
         "create ha group failed: group ID 'used' already defined"},
        {"to remove a group in use",
         "DELETE /cluster/ha/groups/used",
         {},
         500,
         "delete ha group failed: group 'used' is used by resource 'ct:200'"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            cluster model(ha_options());
            REQUIRE(ask(model, "POST /cluster/ha/groups", {{"group", "used"}, {"nodes", "n1:2,n2"}}).status == 200);
            REQUIRE(ask(model, "POST /cluster/ha/resources", {{"sid", "ct:200"}, {"group", "used"}}).status == 200);
            const api::reply answer = ask(model, r.call, r.params);
            CHECK(answer.status == r.status);
            CHECK(answer.reason == r.reason);
            CHECK(ask(model, r.call, r.params, audit_token).status ==
                  (std::string(r.call).starts_with("GET") ? r.status : 403));
        }
    }
}

TEST_CASE("a dead node's services are fenced, taken over and started elsewhere, no sooner than its watchdog") {
    cluster model(ha_options());
    model.ha().add(ct200);
    model.ha().add(vm201);
    pass(model, 60s);
    REQUIRE(state_of(model, ct200) == "started");
    auto config = *model.config(n2, ct200);
    config.set("lock", "backup");
    REQUIRE(model.files().write(n2, ct200, config.text()));
    REQUIRE(apply_fault(model, "power n2 off"));
    const long fenced =
        seconds_until(model, 300s, [&] { return ha_view(model, n1).status->node_state(n2) == "fence"; });
    CHECK(fenced >= 50);
    CHECK(fenced <= 90);
    const long recovered = fenced + seconds_until(model, 300s, [&] {
                               return !model.running_on(ct200).empty() && !model.running_on(vm201).empty();
                           });
    CHECK(recovered >= 115);
    CHECK(recovered <= 190);
    CHECK(node_of(model, ct200) != "n2");
    CHECK(model.config(node_name(node_of(model, ct200)), ct200)->get("lock").empty());
    // What is not HA's stays where it was.
    CHECK(node_of(model, ct102) == "n2");
    REQUIRE(apply_fault(model, "power n2 on"));
    pass(model, 60s);
    CHECK(model.running_on(ct200).size() == 1);
    CHECK(ha_view(model, n1).status->node_state(n2) == "online");
}

TEST_CASE("a node that loses quorum with active services resets itself before others start them") {
    for (const char* cut_off : {"n2", "n1"}) {  // an ordinary node, and the master
        DYNAMIC_SECTION(cut_off) {
            options o = ha_options();
            for (guest_options& g : o.guests)
                if (g.guest == ct200) g.node = node_name(cut_off);
            cluster model(o);
            model.ha().add(ct200);
            pass(model, 60s);
            REQUIRE(model.is_running(node_name(cut_off), ct200));
            REQUIRE(apply_fault(model, std::string("net ") + cut_off + " off"));
            const auto ran_twice = [&] { return model.running_on(ct200).size() > 1; };
            const long off = seconds_until(model, 200s, [&] { return model.running_on(ct200).empty() || ran_twice(); });
            CHECK(!ran_twice());
            CHECK(off >= 55);
            CHECK(off <= 75);
            const long back =
                off + seconds_until(model, 300s, [&] { return !model.running_on(ct200).empty() && !ran_twice(); });
            CHECK(back >= 120);
            CHECK(back <= 200);
            CHECK(!ran_twice());
            CHECK(model.running_on(ct200).front() != node_name(cut_off));
        }
    }
}

TEST_CASE("a node without services is not fenced: it keeps what it has") {
    cluster model(ha_options());
    model.ha().add(ct200);
    pass(model, 60s);
    REQUIRE(apply_fault(model, "net n3 off"));
    pass(model, 600s);
    CHECK(model.find_node(n3)->powered);
    CHECK(model.is_running(n3, vm103));
    CHECK(ha_view(model, n1).status->node_state(n3) == "unknown");
}

TEST_CASE("a service that does not start is tried again, then elsewhere, then in error until it is disabled") {
    cluster model(ha_options());
    REQUIRE(apply_fault(model, "guest ct200 start-fails"));
    model.ha().add(ct200);
    pass(model, 20s);
    model.halt(n2, ct200);
    const long failed = seconds_until(model, 300s, [&] { return state_of(model, ct200) == "error"; });
    CHECK(failed >= 40);
    CHECK(failed <= 160);
    CHECK(ask(model, "POST /cluster/ha/resources/ct:200/migrate", {{"node", "n3"}}).reason ==
          "service 'ct:200' in error state, must be disabled and fixed first");
    REQUIRE(apply_fault(model, "guest ct200 ok"));
    REQUIRE(ask(model, "PUT /cluster/ha/resources/ct:200", {{"state", "disabled"}}).status == 200);
    CHECK(state_of(model, ct200) == "clearing error flag");
    pass(model, 25s);
    CHECK(state_of(model, ct200) == "disabled");
    REQUIRE(ask(model, "PUT /cluster/ha/resources/ct:200", {{"state", "started"}}).status == 200);
    pass(model, 45s);
    CHECK(state_of(model, ct200) == "started");
    CHECK(model.running_on(ct200).size() == 1);
}

TEST_CASE("groups say where: priorities, failback and restriction") {
    cluster model(ha_options());
    REQUIRE(ask(model, "POST /cluster/ha/groups", {{"group", "home"}, {"nodes", "n3:2,n1:1"}}).status == 200);
    REQUIRE(ask(model, "POST /cluster/ha/resources", {{"sid", "vm:201"}, {"group", "home"}}).status == 200);
    pass(model, 80s);
    CHECK(node_of(model, vm201) == "n3");  // moved to the highest priority, live
    CHECK(model.running_on(vm201) == std::vector<node_name>{n3});
    REQUIRE(apply_fault(model, "power n3 off"));
    pass(model, 250s);
    CHECK(node_of(model, vm201) == "n1");
    REQUIRE(apply_fault(model, "power n3 on"));
    pass(model, 100s);
    CHECK(node_of(model, vm201) == "n3");
    // Alone in a restricted group there is nowhere else to go.
    REQUIRE(ask(model, "PUT /cluster/ha/groups/home", {{"nodes", "n3"}, {"restricted", "1"}}).status == 200);
    REQUIRE(apply_fault(model, "power n3 off"));
    pass(model, 300s);
    CHECK(node_of(model, vm201) == "n3");
    CHECK(state_of(model, vm201) == "recovery");
}

TEST_CASE("requests: stop, start, migrate and relocate are stored and carried out by the daemons") {
    cluster model(ha_options());
    model.ha().add(ct200);
    pass(model, 30s);
    REQUIRE(ask(model, "POST /cluster/ha/resources/ct:200/relocate", {{"node", "n3"}}).status == 200);
    pass(model, 90s);
    CHECK(node_of(model, ct200) == "n3");
    CHECK(model.running_on(ct200) == std::vector<node_name>{n3});
    const std::string upid = text_of(ask(model, "POST /nodes/n3/lxc/200/status/shutdown", {{"timeout", "7"}}));
    CHECK(parse_upid(upid)->type == "hastop");
    pass(model, 60s);
    CHECK(exit_of(model, upid) == "OK");
    CHECK(state_of(model, ct200) == "stopped");
    CHECK(model.running_on(ct200).empty());
    CHECK(data_of(ask(model, "GET /cluster/ha/resources/ct:200")).at("state") == "stopped");
    CHECK(ask(model, "POST /nodes/n3/lxc/200/status/stop", {{"overrule-shutdown", "1"}}).status != 200);
    (void)ask(model, "POST /nodes/n3/lxc/200/status/start");
    pass(model, 60s);
    CHECK(model.running_on(ct200) == std::vector<node_name>{n3});
    // `ignored` takes the guest out of HA's hands.
    REQUIRE(ask(model, "PUT /cluster/ha/resources/ct:200", {{"state", "ignored"}}).status == 200);
    CHECK(state_of(model, ct200) == "ignored");
    CHECK(parse_upid(text_of(ask(model, "POST /nodes/n3/lxc/200/status/stop")))->type == "vzstop");
}

TEST_CASE("maintenance moves services away and back") {
    cluster model(ha_options());
    model.ha().add(vm201);
    pass(model, 30s);
    REQUIRE(apply_fault(model, "maint n2 on"));
    pass(model, 90s);
    CHECK(node_of(model, vm201) != "n2");
    CHECK(ha_view(model, n1).status->node_state(n2) == "maintenance");
    CHECK(std::string(status_row(model, "lrm:n2").at("status").as_string()).find("maintenance mode") !=
          std::string::npos);
    REQUIRE(apply_fault(model, "maint n2 off"));
    pass(model, 90s);
    CHECK(node_of(model, vm201) == "n2");
    CHECK(model.running_on(vm201).size() == 1);
    CHECK(!apply_fault(model, "maint n9 on"));
}

TEST_CASE("shutdown policies: frozen at a reboot, recovered after a shutdown, moved away with migrate") {
    struct row {
        const char* name;
        const char* policy;
        const char* command;
        const char* where;  ///< five minutes later
    };
    const row rows[] = {
        {"conditional: a reboot freezes", "", "reboot", "n2"},
        {"conditional: a shutdown hands over", "", "shutdown", "elsewhere"},
        {"freeze: a shutdown freezes too", "shutdown_policy=freeze", "shutdown", "n2"},
        {"migrate: moved before the node goes", "shutdown_policy=migrate", "shutdown", "elsewhere"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            cluster model(ha_options());
            if (*r.policy != 0) REQUIRE(ask(model, "PUT /cluster/options", {{"ha", r.policy}}).status == 200);
            model.ha().add(vm201);
            pass(model, 30s);
            const api::reply answer = ask(model, "POST /nodes/n2/status", {{"command", r.command}});
            REQUIRE(answer.status == 200);
            CHECK(data_of(answer).is_null());
            pass(model, 300s);
            const bool stayed = node_of(model, vm201) == "n2";
            CHECK(stayed == (std::string(r.where) == "n2"));
            CHECK(model.find_node(n2)->powered == (std::string(r.command) == "reboot"));
            if (std::string(r.command) == "reboot" || !stayed) CHECK(model.running_on(vm201).size() == 1);
        }
    }
}

TEST_CASE("HA without quorum is dead and says so; the manager status is the file") {
    cluster model(ha_options());
    CHECK(json::serialize(data_of(ask(model, "GET /cluster/ha/status/manager_status"))) ==
          R"({"quorum":{"node":"n1","quorate":"1"},"manager_status":{"node_status":{}}})");
    model.ha().add(ct200);
    pass(model, 30s);
    const json::value all = data_of(ask(model, "GET /cluster/ha/status/manager_status"));
    CHECK(all.at("manager_status").at("service_status").at("ct:200").at("state") == "started");
    CHECK(all.at("lrm_status").at("n2").at("state") == "active");
    REQUIRE(apply_fault(model, "quorum off"));
    pass(model, 40s);
    CHECK(std::string(status_row(model, "master").at("status").as_string()).find("old timestamp - dead?") !=
          std::string::npos);
    CHECK(status_row(model, "quorum").at("status") == "No quorum on node 'n1'!");
    CHECK(ask(model, "PUT /cluster/ha/resources/ct:200", {{"state", "stopped"}}).reason ==
          "update resources config failed: cfs-lock 'domain-ha' error: no quorum!");
}

TEST_CASE("rules have taken the place of groups in PVE 9") {
    options o = ha_options();
    o.version = {9, 1};
    cluster model(o);
    REQUIRE(ask(model, "POST /cluster/ha/resources", {{"sid", "vm:201"}}).status == 200);
    CHECK(ask(model, "POST /cluster/ha/groups", {{"group", "gg"}, {"nodes", "n1"}}).status == 500);
    REQUIRE(ask(model, "POST /cluster/ha/rules",
                {{"rule", "home"}, {"type", "node-affinity"}, {"resources", "vm:201"}, {"nodes", "n3:1"}})
                .status == 200);
    pass(model, 80s);
    CHECK(node_of(model, vm201) == "n3");
    REQUIRE(ask(model, "POST /cluster/ha/rules",
                {{"rule", "apart"},
                 {"type", "resource-affinity"},
                 {"resources", "vm:201,ct:200"},
                 {"affinity", "negative"}})
                .status == 200);
    CHECK(data_of(ask(model, "GET /cluster/ha/rules", {{"type", "node-affinity"}})).as_array().size() == 1);
    CHECK(data_of(ask(model, "GET /cluster/ha/rules", {{"resource", "ct:200"}})).as_array().size() == 1);
    const json::value moved = data_of(ask(model, "POST /cluster/ha/resources/vm:201/migrate", {{"node", "n1"}}));
    CHECK(moved.at("requested-node") == "n1");
    CHECK(ask(model, "DELETE /cluster/ha/rules/apart").status == 200);
    CHECK(ask(model, "POST /cluster/ha/rules", {{"rule", "x"}, {"type", "node-affinity"}, {"resources", "vm:201"}})
              .status == 400);
}
