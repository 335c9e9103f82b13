#include "small_cluster.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::sim;
using namespace std::chrono_literals;
namespace json = boost::json;

TEST_CASE("datacenter options are written as PVE's file and read back as structures") {
    cluster model(small_options());
    CHECK(json::serialize(data_of(ask(model, "GET /cluster/options"))) ==
          R"({"allowed-tags":[],"mac_prefix":"BC:24:11","description":""})");
    REQUIRE(ask(model, "PUT /cluster/options",
                {{"next-id", "lower=200,upper=202"},
                 {"migration", "secure,network=10.0.0.0/24"},
                 {"registered-tags", "b;a"},
                 {"max_workers", "3"},
                 {"description", "two\nlines"}})
                .status == 200);
    CHECK(model.files().tree().read("datacenter.cfg") ==
          "#two\n#lines\nmax_workers: 3\nmigration: secure,network=10.0.0.0/24\nnext-id: lower=200,upper=202\n"
          "registered-tags: b;a\n");
    const json::value all = data_of(ask(model, "GET /cluster/options"));
    CHECK(all.at("next-id").at("lower") == 200);
    CHECK(all.at("migration").at("type") == "secure");
    CHECK(all.at("migration").at("network") == "10.0.0.0/24");
    CHECK(all.at("allowed-tags") == json::array{"a", "b"});
    CHECK(all.at("description") == "two\nlines\n");
    CHECK(text_of(ask(model, "GET /cluster/nextid")) == "200");
    REQUIRE(ask(model, "PUT /cluster/options", {{"delete", "next-id,description"}}).status == 200);
    CHECK(text_of(ask(model, "GET /cluster/nextid")) == "100");
    CHECK(data_of(ask(model, "GET /cluster/options")).at("description") == "");
}

TEST_CASE("who may set options, and what is none") {
    cluster model(small_options());
    CHECK(ask(model, "PUT /cluster/options", {{"max_workers", "1"}}, audit_token).reason ==
          "Permission check failed (/, Sys.Modify)");
    CHECK(ask(model, "PUT /cluster/options", {{"max_workers", "0"}}).status == 400);
    CHECK(ask(model, "PUT /cluster/options", {{"nonsense", "1"}}).status == 400);
    REQUIRE(apply_fault(model, "quorum off"));
    CHECK(ask(model, "PUT /cluster/options", {{"max_workers", "1"}}).reason ==
          "cfs-lock 'file-datacenter_cfg' error: no quorum!");
}

TEST_CASE("allowed tags follow the policy and the guests that one sees") {
    cluster model(small_options());
    REQUIRE(ask(model, "PUT /nodes/n1/lxc/101/config", {{"tags", "web"}}).status == 200);
    CHECK(data_of(ask(model, "GET /cluster/options")).at("allowed-tags") == json::array{"web"});
    REQUIRE(ask(model, "PUT /cluster/options", {{"user-tag-access", "user-allow=list,user-allow-list=x;y"}}).status ==
            200);
    CHECK(data_of(ask(model, "GET /cluster/options")).at("allowed-tags") == json::array{"x", "y"});
    REQUIRE(ask(model, "PUT /cluster/options", {{"user-tag-access", "user-allow=none"}}).status == 200);
    CHECK(data_of(ask(model, "GET /cluster/options")).at("allowed-tags") == json::array());
}

TEST_CASE("the cluster log holds logins and the starts and ends of tasks") {
    cluster model(small_options());
    (void)ask(model, "POST /access/ticket", {{"username", "root@pam"}, {"password", "simulated"}});
    (void)ask(model, "POST /access/ticket", {{"username", "root@pam"}, {"password", "wrong"}});
    const std::string upid = text_of(ask(model, "POST /nodes/n1/lxc/101/status/stop", {}, product_token));
    pass(model, 10s);
    const auto rows = data_of(ask(model, "GET /cluster/log")).as_array();
    REQUIRE(rows.size() == 4);
    CHECK(rows[0].at("msg") == ("end task " + upid + " OK").c_str());
    CHECK(rows[1].at("msg") == ("starting task " + upid).c_str());
    CHECK(rows[2].at("pri") == 3);
    CHECK(rows[3].at("msg") == "successful auth for user 'root@pam'");
    CHECK(data_of(ask(model, "GET /cluster/log", {{"max", "1"}})).as_array().size() == 1);
    CHECK(data_of(ask(model, "GET /cluster/log", {}, product_token)).as_array().size() == 2);
    CHECK(data_of(ask(model, "GET /nodes/n1/syslog", {{"limit", "2"}})).as_array().size() == 2);
    CHECK(ask(model, "GET /nodes/n1/syslog", {}, audit_token).status == 403);
}

TEST_CASE("cluster tasks: each node tells about its last 25") {
    cluster model(small_options());
    for (int i = 0; i < 30; ++i) {
        (void)ask(model, "POST /nodes/n1/services/cron/restart");
        pass(model, 2s);
    }
    (void)ask(model, "POST /nodes/n2/services/cron/restart");
    pass(model, 2s);
    CHECK(data_of(ask(model, "GET /cluster/tasks")).as_array().size() == 26);
}

TEST_CASE("lists that are empty on a new cluster, and what PVE ships") {
    cluster model(small_options());
    for (const char* path : {"/cluster/replication", "/cluster/metrics/server", "/cluster/mapping/pci",
                             "/cluster/mapping/usb", "/cluster/mapping/dir", "/cluster/sdn/zones", "/cluster/sdn/vnets",
                             "/cluster/jobs/realm-sync", "/cluster/notifications/endpoints/gotify"}) {
        INFO(path);
        CHECK(data_of(ask(model, std::string("GET ") + path)) == json::array());
    }
    CHECK(data_of(ask(model, "GET /cluster/notifications/matchers")).at(0).at("name") == "default-matcher");
    CHECK(data_of(ask(model, "GET /cluster/notifications/targets")).at(0).at("type") == "sendmail");
    CHECK(ask(model, "GET /cluster/notifications/matchers/none").status == 404);
    CHECK(data_of(ask(model, "GET /cluster/config/nodes")).as_array().size() == 3);
    const json::value join = data_of(ask(model, "GET /cluster/config/join"));
    CHECK(join.at("preferred_node") == "n1");
    CHECK(join.at("nodelist").as_array().size() == 3);
}
