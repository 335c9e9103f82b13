#include "support/simulated_site.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace std::chrono_literals;
using failover::phase;

namespace {

void without_restarts(simulated_site& site) {
    for (auto& g : site.settings.guests) g.restart.attempts = 0;
    site.restart();
    site.time.run_for(60s);
}

}  // namespace

TEST_CASE("a daemon killed in any state of a hand-over takes it up again and repeats nothing") {
    for (const phase p : {phase::confirming, phase::claimed, phase::stopping, phase::isolating, phase::parked,
                          phase::restoring, phase::restored, phase::starting, phase::verifying, phase::done}) {
        for (const duration later : {duration(0ms), duration(3ms), duration(2s)}) {
            DYNAMIC_SECTION("killed in " << name_of(p) << ", " << later.count() / 1'000'000 << " ms after") {
                simulated_site site;
                without_restarts(site);
                site.fault("guest ct102 crash");
                REQUIRE(site.reaches(ct102, p, 400s));
                site.time.run_for(later);
                site.restart();
                REQUIRE(site.reaches(ct102, phase::done, 700s));
                CHECK(site.runs_on(ct102) == "n1");
                CHECK(site.writes("POST /nodes/n1/lxc ") == 1);
                CHECK(site.writes("POST /nodes/n3/lxc ") == 0);
                CHECK(site.writes("POST /nodes/n1/lxc/102/status/start") == 1);
                CHECK(site.record(ct102).generation == 2);
                CHECK(site.model.files().tree().read(site.record(ct102).parked_path).has_value());
            }
        }
    }
}

TEST_CASE("a daemon that stays away during a hand-over finds what has become of it") {
    for (const phase p : {phase::stopping, phase::restoring, phase::starting}) {
        DYNAMIC_SECTION("away since " << name_of(p)) {
            simulated_site site;
            without_restarts(site);
            site.fault("guest ct102 crash");
            REQUIRE(site.reaches(ct102, p, 400s));
            site.time.run_for(10ms);
            site.shut_down();
            site.time.run_for(600s);
            site.restart();
            REQUIRE(site.reaches(ct102, phase::done, 700s));
            CHECK(site.runs_on(ct102) == "n1");
            CHECK(site.writes("POST /nodes/n1/lxc ") == 1);
        }
    }
}

TEST_CASE("a daemon killed while it rolls back brings the original up") {
    for (const phase p : {phase::cleaning, phase::rolling_back}) {
        DYNAMIC_SECTION("killed in " << name_of(p)) {
            simulated_site site;
            without_restarts(site);
            site.fault("restore ct102 fail 10% @ n1,n3");
            site.fault("guest ct102 crash");
            REQUIRE(site.reaches(ct102, p, 600s));
            site.restart();
            REQUIRE(site.is_held_for(ct102, "rolled_back", 900s));
            CHECK(site.runs_on(ct102) == "n2");
        }
    }
}

TEST_CASE("a guest shut down for a restart comes up again although the daemon was killed") {
    simulated_site site;
    site.time.run_for(60s);
    site.fault("guest ct102 crash");
    REQUIRE(site.reaches(ct102, phase::restarting, 60s));
    REQUIRE(site.time.run_until([&] { return site.runs_on(ct102).empty(); }, 60s));
    site.restart();
    CHECK(site.reaches(ct102, phase::watching, 200s));
    CHECK(site.runs_on(ct102) == "n2");
}

TEST_CASE("a record that cannot be read stops action, not the daemon") {
    simulated_site site;
    site.time.run_for(60s);
    site.shut_down();
    site.fault("guest ct102 crash");
    task_group tasks(site.time.io().get_executor());
    sim::model_store store(site.model, site.time, node_name("n1"));
    const auto spoil = [&]() -> boost::asio::awaitable<void> {
        const auto saved = co_await store.save_record("guest.102", "{\"format\":1,");
        CHECK(saved.has_value());
    };
    tasks.spawn("spoil", spoil());
    site.time.run_for(1s);
    site.restart();
    site.time.run_for(600s);
    CHECK(site.held(ct102) == "record_corrupt");
    CHECK(site.held(vm103).empty());
    CHECK(site.writes() == 0);
}
