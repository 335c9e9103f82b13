#include "sim/front/wire.hpp"
#include "small_cluster.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::sim;
using namespace std::chrono_literals;

namespace {

constexpr pve::schema::version v74(7, 4), v84(8, 4), v91(9, 1), v92(9, 2);

cluster of_release(pve::schema::version release) {
    options o = small_options();
    o.version = release;
    return cluster(std::move(o));
}

}  // namespace

TEST_CASE("a release has its endpoints and its parameters and no others") {
    struct row {
        const char* name;
        const char* line;
        api::parameters params;
        int status[4];  // 7.4, 8.4, 9.1, 9.2
    };
    const row rows[] = {
        {"suspendall came with 8.1", "POST /nodes/n1/suspendall", {}, {501, 200, 200, 200}},
        {"interfaces came with 8.1", "GET /nodes/n1/lxc/101/interfaces", {}, {501, 200, 200, 200}},
        {"bulk actions came with 9.1", "POST /cluster/bulk-action/guest/start", {{"vms", "110"}}, {501, 501, 200, 200}},
        {"groups became rules with 9.0", "GET /cluster/ha/rules", {}, {501, 501, 200, 200}},
        {"overrule-shutdown came with 8.2",
         "POST /nodes/n1/lxc/101/status/stop",
         {{"overrule-shutdown", "1"}},
         {400, 200, 200, 200}},
        {"the short form of a snippet of every release", "GET /version", {}, {200, 200, 200, 200}},
    };
    const pve::schema::version releases[] = {v74, v84, v91, v92};
    for (const row& r : rows)
        for (std::size_t i = 0; i < 4; ++i) {
            DYNAMIC_SECTION(r.name << " on " << to_string(releases[i])) {
                cluster model = of_release(releases[i]);
                const auto answer = ask(model, r.line, r.params);
                INFO(answer.reason << " " << answer.body);
                CHECK(answer.status == r.status[i]);
            }
        }
}

TEST_CASE("/version names the release") {
    for (const auto release : {v74, v84, v91, v92}) {
        cluster model = of_release(release);
        for (const char* line : {"GET /version", "GET /nodes/n1/version"}) {
            const auto data = data_of(ask(model, line));
            CHECK(std::string(data.at("release").as_string()) == to_string(release));
            CHECK(std::string(data.at("version").as_string()).starts_with(to_string(release)));
        }
    }
}

TEST_CASE("error bodies repeat the message since 8.3") {
    for (const auto release : {v74, v84, v91, v92}) {
        cluster model = of_release(release);
        net::http_request request("GET", "/api2/json/nodes/n1/lxc/999/config");
        request.headers.emplace_back("Authorization", root_token);
        const auto answer = wire::serve(model, node_name("n1"), request);
        CHECK(answer.reply.status == 500);
        CHECK(answer.reply.reason == "Configuration file 'nodes/n1/lxc/999.conf' does not exist");
        CHECK((answer.reply.body.find("\"message\"") != std::string::npos) == (release != v74));
    }
}

TEST_CASE("the 401 says less since 9.1") {
    for (const auto release : {v74, v84, v91, v92}) {
        cluster model = of_release(release);
        const auto refused = ask(model, "GET /version", {}, "PVEAPIToken=root@pam!nosuch=1");
        CHECK(refused.status == 401);
        CHECK((refused.reason == "Authentication failed!") == (release >= v91));
    }
}
