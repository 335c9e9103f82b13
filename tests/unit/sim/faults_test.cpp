#include "small_cluster.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::sim;

TEST_CASE("commands that make no sense are refused with a reason and change nothing") {
    const char* rows[] = {"",
                          "dance",
                          "guest",
                          "guest ct101",
                          "guest xx101 crash",
                          "guest ct101 fly",
                          "guest ct101 stop-fails @ n9",
                          "guest ct101 stop-fails x0",
                          "restore ct101",
                          "restore ct101 fail fast",
                          "restore ct101 fail 200%",
                          "restore ct101 explode",
                          "restore ct101 fail 50% 60%",
                          "lock ct101",
                          "lock ct999 backup",
                          "power n9 off",
                          "power n1 maybe",
                          "api n9 500",
                          "api n1 dance",
                          "api n1 200",
                          "api n1 500 never",
                          "token dance",
                          "token deny Sys.Nothing",
                          "storage nowhere offline",
                          "storage backup dance",
                          "backup ct101 age",
                          "backup ct110 age soon",
                          "ha add",
                          "quorum maybe"};
    for (const char* command : rows) {
        DYNAMIC_SECTION("\"" << command << "\"") {
            cluster model(small_options());
            const std::string before = status_json(model);
            const auto done = apply_fault(model, command);
            REQUIRE(!done);
            CHECK(done.error().code == errc::invalid);
            CHECK(!done.error().detail.empty());
            CHECK(status_json(model) == before);
        }
    }
}

TEST_CASE("a fault counts its times and knows its nodes") {
    cluster model(small_options());
    REQUIRE(apply_fault(model, "restore ct101 fail 50% @ n2,n3 x2"));
    const std::set<std::string> kinds = {"fail"};
    CHECK(!model.faults().take(ct101, node_name("n1"), kinds));
    CHECK(!model.faults().take(ct102, node_name("n2"), kinds));
    const auto first = model.faults().take(ct101, node_name("n2"), kinds);
    REQUIRE(first);
    CHECK(first->at == 0.5);
    CHECK(model.faults().take(ct101, node_name("n3"), kinds));
    CHECK(!model.faults().take(ct101, node_name("n2"), kinds));
}

TEST_CASE("backups come and go, and may be old or from the future") {
    using namespace std::chrono_literals;
    cluster model(small_options());
    const auto age = [&] {
        for (const archive& a : model.archives(storage_id("backup"), node_name("n1")))
            if (a.guest == ct101) return model.wall_now() - a.created;
        return std::chrono::seconds(-1);
    };
    CHECK(age() == 1h);
    REQUIRE(apply_fault(model, "backup ct101 age 40h"));
    CHECK(age() == 40h);
    REQUIRE(apply_fault(model, "backup ct101 age -2h"));
    CHECK(age() == -2h);
    REQUIRE(apply_fault(model, "backup ct101 none"));
    CHECK(archive_of(model, ct101).empty());
    CHECK(!archive_of(model, ct102).empty());
}

TEST_CASE("every shape of API fault") {
    struct row {
        const char* fault;
        int status;
        const char* body;
    };
    const row rows[] = {
        {"api n1 595", 595, ""},
        {"api any 503 60", 503, ""},
        {"api n1 garbage", 200, "<html>}{ this is not what you asked for"},
        {"api n1 list-empty", 200, R"({"data":[]})"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.fault) {
            cluster model(small_options());
            REQUIRE(apply_fault(model, r.fault));
            const api::reply answer = ask(model, "GET /cluster/resources");
            CHECK(answer.status == r.status);
            CHECK(answer.body == r.body);
            REQUIRE(apply_fault(model, "api any ok"));
            CHECK(ask(model, "GET /cluster/resources").body.find("lxc/101") != std::string::npos);
        }
    }
}
