#include "small_cluster.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::sim;

TEST_CASE("the product's token can do what failover needs and nothing else") {
    struct row {
        const char* name;
        const char* line;
        api::parameters params;
        int status;
        const char* reason;
    };
    const row rows[] = {
        {"cluster", "GET /cluster/status", {}, 200, "OK"},
        {"configuration", "GET /nodes/n1/lxc/101/config", {}, 200, "OK"},
        {"stop", "POST /nodes/n1/lxc/101/status/stop", {}, 200, "OK"},
        {"backups", "GET /nodes/n2/storage/backup/content", {{"content", "backup"}}, 200, "OK"},
        {"tags", "PUT /nodes/n1/lxc/101/config", {{"tags", "a"}}, 200, "OK"},
        {"memory",
         "PUT /nodes/n1/lxc/101/config",
         {{"memory", "64"}},
         403,
         "Permission check failed (/vms/101, VM.Config.Memory)"},
        {"name",
         "PUT /nodes/n1/lxc/101/config",
         {{"hostname", "x"}},
         403,
         "Permission check failed (/vms/101, VM.Config.Network)"},
        {"restore with a new name",
         "POST /nodes/n2/lxc",
         {{"vmid", "120"}, {"ostemplate", "backup:x"}, {"restore", "1"}, {"hostname", "x"}},
         403,
         "Permission check failed (/vms/120, VM.Config.Network)"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            cluster model(small_options());
            const api::reply answer = ask(model, r.line, r.params, product_token);
            CHECK(answer.status == r.status);
            CHECK(answer.reason == r.reason);
        }
    }
}

TEST_CASE("a separated token has no more than its own entries") {
    cluster model(small_options());
    const std::string separated = "PVEAPIToken=steward@pve!sep=66666666-6666-4666-8666-666666666666";
    CHECK(ask(model, "GET /version", {}, separated).status == 200);
    CHECK(ask(model, "POST /nodes/n1/lxc/101/status/stop", {}, separated).reason ==
          "Permission check failed (/vms/101, VM.PowerMgmt)");
    // Lists come back short, not forbidden (auth-33-token-privsep-filtered-list).
    CHECK(data_of(ask(model, "GET /storage", {}, separated)).as_array().empty());
    CHECK(data_of(ask(model, "GET /cluster/resources", {{"type", "vm"}}, separated)).as_array().empty());
    CHECK(data_of(ask(model, "GET /nodes/n1/lxc", {}, separated)).as_array().empty());
}

TEST_CASE("permissions as a client sees them before it acts") {
    cluster model(small_options());
    const auto held = [&](const char* path) {
        return data_of(ask(model, "GET /access/permissions", {{"path", path}}, product_token)).at(path).as_object();
    };
    CHECK(held("/").size() == 1);
    CHECK(held("/nodes/n2").at("Sys.Audit") == 1);
    CHECK(held("/vms/101").count("VM.PowerMgmt") == 1);
    CHECK(held("/vms/101").count("Sys.Audit") == 0);  // the nearer entry replaces the inherited one
    CHECK(held("/storage/backup").count("Datastore.AllocateSpace") == 1);
    CHECK(held("/sdn/zones/localnetwork/vmbr0").count("SDN.Use") == 1);
    CHECK(held("/access/acl").at("Sys.Audit") == 1);
    const auto all = data_of(ask(model, "GET /access/permissions", {}, product_token)).as_object();
    CHECK(all.count("/vms") == 1);
    CHECK(all.count("/storage/backup") == 1);
}

TEST_CASE("credentials and privileges that go away") {
    cluster model(small_options());
    REQUIRE(apply_fault(model, "token deny VM.PowerMgmt"));
    CHECK(ask(model, "POST /nodes/n1/lxc/101/status/stop", {}, product_token).reason ==
          "Permission check failed (/vms/101, VM.PowerMgmt)");
    CHECK(ask(model, "GET /nodes/n1/lxc/101/config", {}, product_token).status == 200);
    REQUIRE(apply_fault(model, "token allow VM.PowerMgmt"));
    CHECK(ask(model, "POST /nodes/n1/lxc/101/status/stop", {}, product_token).status == 200);
    REQUIRE(apply_fault(model, "token revoke"));
    CHECK(ask(model, "GET /version", {}, product_token).reason == "no such token 'failover' for user 'steward@pve'");
    REQUIRE(apply_fault(model, "token restore"));
    CHECK(ask(model, "GET /version", {}, product_token).status == 200);
}

TEST_CASE("a foreign archive and a bridge need privileges of their own") {
    options o = small_options();
    std::erase_if(o.acl, [](const acl_entry& e) { return e.path.starts_with("/sdn") || e.path == "/vms"; });
    for (const char* who : {"steward@pve", failover_token_id})
        o.acl.emplace_back("/vms/120", who, std::set<std::string>{"VM.Allocate", "VM.Backup"});
    cluster model(o);
    const auto restore = [&](const std::string& token) {
        return ask(
            model, "POST /nodes/n2/lxc",
            {{"vmid", "120"}, {"ostemplate", archive_of(model, ct101)}, {"restore", "1"}, {"storage", "local-lvm"}},
            token);
    };
    CHECK(restore(product_token).reason == "Permission check failed (/vms/101, VM.Backup)");
    o.acl.emplace_back("/vms/101", "steward@pve", std::set<std::string>{"VM.Backup"});
    o.acl.emplace_back("/vms/101", failover_token_id, std::set<std::string>{"VM.Backup"});
    cluster richer(o);
    const api::reply refused =
        ask(richer, "POST /nodes/n2/lxc",
            {{"vmid", "120"}, {"ostemplate", archive_of(richer, ct101)}, {"restore", "1"}, {"storage", "local-lvm"}},
            product_token);
    // The worker finds that out, because the bridge is in the backup (pve-facts G.6 step 7).
    REQUIRE(refused.status == 200);
    pass(richer, std::chrono::seconds(5));
    CHECK(exit_of(richer, text_of(refused)) ==
          "unable to restore CT 120 - Permission check failed (/sdn/zones/localnetwork/vmbr0, SDN.Use)");
}
