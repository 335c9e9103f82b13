#include "support/simulated_site.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace std::chrono_literals;
using failover::phase;

TEST_CASE("a guest whose service dies is restarted in place, and handed over when it dies again") {
    for (const guest_id guest : {ct102, vm103}) {
        DYNAMIC_SECTION(to_string(guest)) {
            simulated_site site;
            const std::string home = guest == ct102 ? "n2" : "n3";
            const std::string word = guest == ct102 ? "ct102" : "vm103";
            site.time.run_for(60s);
            REQUIRE(site.at(guest) == phase::watching);
            REQUIRE(site.record(guest).seen_up);

            site.fault("guest " + word + " crash");
            REQUIRE(site.reaches(guest, phase::restarting, 40s));
            REQUIRE(site.reaches(guest, phase::watching, 120s));
            CHECK(site.runs_on(guest) == home);
            CHECK(site.record(guest).restarts.size() == 1);
            CHECK(site.writes("status/shutdown") == 1);
            CHECK(site.writes("status/start") == 1);

            site.fault("guest " + word + " crash");
            REQUIRE(site.reaches(guest, phase::done, 400s));
            CHECK(site.runs_on(guest) == "n1");
            CHECK(site.record(guest).generation == 2);
            CHECK(site.record(guest).target.str() == "n1");
            // The original is kept: configuration parked, volumes untouched.
            const std::string parked = site.record(guest).parked_path;
            CHECK(parked == "priv/steward/parked/" + to_string(guest.id) + "." + home + ".g2.conf");
            CHECK(site.model.files().tree().read(parked).has_value());
            bool keeps_volume = false;
            for (const auto& [id, v] : site.model.volumes(storage_id("local-lvm"), node_name(home)))
                keeps_volume = keeps_volume || v.owner == guest;
            CHECK(keeps_volume);
            // The replacement is marked as ours.
            const auto config = site.model.config(node_name("n1"), guest);
            REQUIRE(config);
            CHECK(config->get("tags").find("steward-g2") != std::string::npos);
            CHECK(site.writes("force") == 0);

            // After the cool-down it is watched at its new home.
            REQUIRE(site.reaches(guest, phase::watching, 700s));
            CHECK(site.runs_on(guest) == "n1");
        }
    }
}

TEST_CASE("a crashed container is started again, one that an operator stopped is left alone") {
    simulated_site site;
    site.time.run_for(60s);
    SECTION("crashed") {
        site.fault("guest ct102 stop");
        REQUIRE(site.reaches(ct102, phase::restarting, 60s));
        REQUIRE(site.reaches(ct102, phase::watching, 100s));
        CHECK(site.runs_on(ct102) == "n2");
        CHECK(site.writes("status/shutdown") == 0);
        CHECK(site.writes("status/start") == 1);
    }
    SECTION("stopped on purpose") {
        site.model.begin_stop(node_name("n2"), ct102, "root@pam");
        CHECK(site.is_held_for(ct102, "operator_stopped", 60s));
        site.time.run_for(3600s);
        CHECK(site.held(ct102) == "operator_stopped");
        CHECK(site.writes() == 0);
        site.model.begin_start(node_name("n2"), ct102, "root@pam");
        CHECK(site.reaches(ct102, phase::watching, 60s));
    }
}

TEST_CASE("a single bad answer is noise") {
    simulated_site site;
    site.time.run_for(60s);
    site.fault("guest ct102 crash");
    REQUIRE(site.reaches(ct102, phase::suspect, 15s));
    site.fault("guest ct102 heal");
    CHECK(site.reaches(ct102, phase::watching, 15s));
    CHECK(site.writes() == 0);
}

TEST_CASE("a target that fails is cleaned and the next one is tried; without any the original comes back") {
    simulated_site site;
    site.settings.guests[0].restart.attempts = 0;
    site.settings.guests[1].restart.attempts = 0;
    site.restart();
    site.time.run_for(60s);
    struct row {
        const char* name;
        guest_id guest;
        std::vector<std::string> faults;
        phase end;
        const char* runs_on;
    };
    const row rows[] = {
        {"restore of a container fails once", ct102, {"restore ct102 fail 50% @ n1 x1"}, phase::done, "n3"},
        {"restore of a VM fails once and leaves a stub", vm103, {"restore vm103 fail 50% @ n1 x1"}, phase::done, "n2"},
        {"the target runs out of space", ct102, {"restore ct102 enospc 70% @ n1"}, phase::done, "n3"},
        {"the replacement does not start", ct102, {"guest ct102 start-fails @ n1"}, phase::done, "n3"},
        {"every restore fails", ct102, {"restore ct102 fail 10% @ n1,n3"}, phase::held, "n2"},
        {"a restore hangs", ct102, {"restore ct102 hang @ n1"}, phase::done, "n3"},
        {"the worker of a restore is killed", ct102, {"restore ct102 workerkill 40% @ n1 x1"}, phase::done, "n3"},
        {"the worker of a VM's restore is killed", vm103, {"restore vm103 workerkill 40% @ n1 x1"}, phase::done, "n2"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            for (const std::string& f : r.faults) site.fault(f);
            site.fault("guest " + std::string(r.guest == ct102 ? "ct102" : "vm103") + " crash");
            REQUIRE(site.reaches(r.guest, phase::claimed, 60s));
            REQUIRE(site.reaches(r.guest, r.end, 1500s));
            CHECK(site.runs_on(r.guest) == r.runs_on);
            if (r.end == phase::held) {
                CHECK(site.held(r.guest) == "rolled_back");
                CHECK(site.record(r.guest).generation == 1);
                CHECK(site.model.config(node_name("n2"), ct102)->get("lock").empty());
                CHECK(site.model.config(node_name("n2"), ct102)->get("onboot") == "1");
            } else {
                CHECK_FALSE(site.model.config(node_name("n1"), r.guest));
                CHECK(site.model.files().tree().read(site.record(r.guest).parked_path).has_value());
            }
        }
    }
}

TEST_CASE("a replacement that runs but stays unhealthy is left running, and said so") {
    simulated_site site;
    site.settings.guests[0].restart.attempts = 0;
    site.restart();
    site.time.run_for(60s);
    site.fault("guest ct102 crash");
    REQUIRE(site.reaches(ct102, phase::verifying, 300s));
    site.fault("guest ct102 crash");
    REQUIRE(site.reaches(ct102, phase::done, 400s));
    CHECK(site.record(ct102).reason.starts_with("unverified"));
    CHECK(site.runs_on(ct102) == "n1");
    CHECK(site.writes("POST /nodes/n1/lxc ") == 1);
}

TEST_CASE("an operator orders a hand-over of a healthy guest, to a node of choice") {
    simulated_site site;
    site.time.run_for(60s);
    failover::wish asked;
    asked.to = node_name("n3");
    const auto refused = site.all().order_failover(ct102, asked);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().text().find("is healthy") != std::string::npos);
    asked.force = true;
    REQUIRE(site.all().order_failover(ct102, asked));
    REQUIRE(site.reaches(ct102, phase::done, 400s));
    CHECK(site.runs_on(ct102) == "n3");
    CHECK_FALSE(site.all().order_failover(guest_id(guest_type::ct, vmid(999)), {}));
}

TEST_CASE("a replacement that has started is never removed because the API fell silent") {
    simulated_site site;
    for (auto& g : site.settings.guests) {
        g.restart.attempts = 0;
        g.failover.start_timeout = 5s;
    }
    site.restart();
    site.time.run_for(60s);
    site.fault("guest ct102 crash");
    REQUIRE(site.reaches(ct102, phase::starting, 300s));
    site.time.run_for(100ms);
    site.fault("api any 596");
    site.time.run_for(60s);
    CHECK(site.at(ct102) == phase::starting);
    site.fault("api any ok");
    REQUIRE(site.reaches(ct102, phase::done, 300s));
    CHECK(site.runs_on(ct102) == "n1");
    CHECK(site.writes("DELETE") == 0);
    CHECK(site.writes("POST /nodes/n1/lxc/102/status/stop") == 0);
    CHECK(site.writes("POST /nodes/n1/lxc/102/status/start") == 1);
}

TEST_CASE("an order that comes during a restart in place is carried out") {
    simulated_site site;
    site.time.run_for(60s);
    site.fault("guest ct102 crash");
    REQUIRE(site.reaches(ct102, phase::restarting, 60s));
    site.time.run_for(1s);
    failover::wish asked;
    asked.to = node_name("n3");
    REQUIRE(site.all().order_failover(ct102, asked));
    REQUIRE(site.reaches(ct102, phase::done, 400s));
    CHECK(site.runs_on(ct102) == "n3");
}

TEST_CASE("an urgent observe freezes a hand-over where it is, arm lets it go on") {
    simulated_site site;
    for (auto& g : site.settings.guests) g.restart.attempts = 0;
    site.restart();
    site.time.run_for(60s);
    site.fault("guest ct102 crash");
    REQUIRE(site.reaches(ct102, phase::stopping, 60s));
    site.time.run_for(1s);
    task_group orders(site.time.io().get_executor());
    const auto order = [&](config::mode m) -> boost::asio::awaitable<void> {
        const auto done = co_await site.all().set_mode(m, m == config::mode::observe);
        CHECK(done.has_value());
    };
    orders.spawn("observe", order(config::mode::observe));
    site.time.run_for(1h);
    const std::size_t writes = site.writes();
    CHECK(site.at(ct102) == phase::isolating);
    CHECK(site.record(ct102).parked_path.empty());
    CHECK(site.model.config(node_name("n2"), ct102).has_value());
    site.time.run_for(1h);
    CHECK(site.writes() == writes);
    orders.spawn("arm", order(config::mode::armed));
    REQUIRE(site.reaches(ct102, phase::done, 400s));
    CHECK(site.runs_on(ct102) == "n1");
}

TEST_CASE("observe lets a hand-over come to its end, begins no other and then changes nothing") {
    simulated_site site;
    for (auto& g : site.settings.guests) g.restart.attempts = 0;
    site.restart();
    site.time.run_for(60s);
    site.fault("guest ct102 crash");
    REQUIRE(site.reaches(ct102, phase::stopping, 60s));
    task_group orders(site.time.io().get_executor());
    const auto observe = [&]() -> boost::asio::awaitable<void> {
        const auto done = co_await site.all().set_mode(config::mode::observe);
        CHECK(done.has_value());
    };
    orders.spawn("observe", observe());
    site.time.run_for(2s);
    CHECK(std::string(site.all().mode_name()) == "disarming");
    CHECK(!site.all().order_failback(ct102));
    site.restart();
    CHECK(std::string(site.all().mode_name()) == "disarming");
    REQUIRE(site.reaches(ct102, phase::done, 400s));
    CHECK(site.runs_on(ct102) == "n1");
    site.time.run_for(10s);
    CHECK(site.all().mode() == config::mode::observe);
}

TEST_CASE("a failed_parked guest that a person brought home is watched again") {
    simulated_site site;
    for (auto& g : site.settings.guests) g.restart.attempts = 0;
    site.restart();
    site.time.run_for(60s);
    // The worker dies half-way, and somebody has written into what it leaves: the guard takes no lock off that.
    site.fault("restore ct102 workerkill 40% @ n1");
    site.fault("guest ct102 crash");
    REQUIRE(site.reaches(ct102, phase::restoring, 300s));
    site.time.run_for(1s);
    site.model.files().tree().write("nodes/n1/lxc/102.conf", "hostname: mine\nlock: create\n");
    REQUIRE(site.reaches(ct102, phase::failed_parked, 600s));
    CHECK(site.model.files().tree().read("nodes/n1/lxc/102.conf") == "hostname: mine\nlock: create\n");
    REQUIRE(site.model.files().tree().remove("nodes/n1/lxc/102.conf"));
    const std::string parked = site.record(ct102).parked_path;
    const auto kept = site.model.files().tree().read(parked.substr(0, parked.size() - 5) + ".orig");
    REQUIRE(kept);
    site.model.files().tree().write("nodes/n2/lxc/102.conf", *kept);
    site.model.begin_start(node_name("n2"), ct102, "root@pam");
    site.time.run_for(30s);
    REQUIRE(site.all().retry(ct102));
    CHECK(site.reaches(ct102, phase::watching, 30s));
    CHECK(site.runs_on(ct102) == "n2");
}
