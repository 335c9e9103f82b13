#include "support/simulated_site.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace std::chrono_literals;
using failover::phase;

TEST_CASE("what forbids a hand-over is said, and nothing is written") {
    struct row {
        const char* name;
        std::vector<std::string> faults;
        const char* code;
    };
    const row rows[] = {
        {"managed by HA", {"ha add ct102"}, "ha_managed"},
        {"locked by a backup", {"lock ct102 backup"}, "locked"},
        {"suspended", {"guest vm103 suspend"}, "guest_suspended"},
        {"no backup", {"backup ct102 none"}, "no_backup"},
        {"only an old backup", {"backup ct102 age 30h"}, "backup_stale"},
        {"a privilege is missing", {"token deny VM.Allocate"}, "missing_privilege"},
        {"no quorum", {"quorum off"}, "quorum"},
        {"no node has room", {"storage local-lvm full"}, "no_target"},
        {"the backup storage is gone", {"storage backup offline"}, "no_backup"},
        {"its node is off", {"power n2 off"}, "no_fence"},
        {"the token is dead", {"token revoke"}, "unknown"},
        {"the API answers garbage", {"api any garbage"}, "unknown"},
        {"the guest list is empty", {"api any list-empty"}, "unknown"},
        {"the API answers 500", {"api any 500"}, "unknown"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            simulated_site site;
            for (auto& g : site.settings.guests) g.restart.attempts = 0;
            site.restart();
            site.time.run_for(60s);
            const bool is_vm = r.faults.front().find("vm103") != std::string::npos;
            const guest_id guest = is_vm ? vm103 : ct102;
            for (const std::string& f : r.faults) site.fault(f);
            if (!is_vm && r.faults.front() != "power n2 off") site.fault("guest ct102 crash");
            CHECK(site.is_held_for(guest, r.code, 120s));
            INFO(site.record(guest).reason);
            CHECK_FALSE(site.record(guest).held->text.empty());
            site.time.run_for(600s);
            CHECK(site.held(guest) == r.code);
            CHECK(site.writes() == 0);
        }
    }
}

TEST_CASE("an API that hangs for ten minutes causes no action") {
    simulated_site site;
    site.time.run_for(60s);
    site.fault("api any hang");
    site.fault("guest ct102 crash");
    site.time.run_for(600s);
    CHECK(site.writes() == 0);
    CHECK(site.runs_on(ct102) == "n2");
    CHECK_FALSE(failover::is_in_flight(site.at(ct102)));
    CHECK_FALSE(site.all().sight().problem.empty());
    site.fault("api any ok");
    REQUIRE(site.reaches(ct102, phase::restarting, 200s));
    CHECK(site.reaches(ct102, phase::watching, 200s));
}

TEST_CASE("templates are refused") {
    struct row {
        const char* code;
        void (*change)(sim::guest_options&);
    };
    const row rows[] = {
        {"template", [](sim::guest_options& g) { g.is_template = true; }},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.code) {
            sim::options o = simulated_site::default_options();
            r.change(o.guests[1]);
            simulated_site site(std::move(o));
            for (auto& g : site.settings.guests) g.restart.attempts = 0;
            site.restart();
            site.time.run_for(60s);
            // A healthy guest would need --force, and that is not what these rows are about.
            site.fault("guest ct102 refuse");
            site.time.run_for(12s);
            failover::wish asked;
            REQUIRE(site.all().order_failover(ct102, asked));
            CHECK(site.is_held_for(ct102, r.code, 60s));
            CHECK(site.writes() == 0);
        }
    }
}

TEST_CASE("without the guard nothing is stopped") {
    simulated_site site;
    site.guard_answers = false;
    for (auto& g : site.settings.guests) g.restart.attempts = 0;
    site.restart();
    site.time.run_for(60s);
    site.fault("guest ct102 crash");
    CHECK(site.is_held_for(ct102, "no_guard", 120s));
    CHECK(site.runs_on(ct102) == "n2");
    CHECK(site.writes() == 0);
}

TEST_CASE("a guest that cannot be proven stopped is never started elsewhere") {
    simulated_site site;
    for (auto& g : site.settings.guests) g.restart.attempts = 0;
    site.restart();
    site.time.run_for(60s);
    site.fault("guest ct102 stop-fails");
    site.fault("guest ct102 crash");
    REQUIRE(site.is_held_for(ct102, "stop_unverified", 600s));
    CHECK(site.runs_on(ct102) == "n2");
    CHECK(site.writes("POST /nodes/n1/lxc") == 0);
    CHECK(site.record(ct102).parked_path.empty());
}

TEST_CASE("observe mode plans and never writes") {
    simulated_site site;
    site.settings.run_mode = config::mode::observe;
    site.restart();
    site.time.run_for(60s);
    site.fault("guest ct102 crash");
    REQUIRE(site.is_held_for(ct102, "observe_mode", 120s));
    CHECK(site.record(ct102).reason.find("would restart it in place") != std::string::npos);
    CHECK(site.record(ct102).reason.find("restore to n1") != std::string::npos);
    site.time.run_for(1h);
    CHECK(site.writes() == 0);
    CHECK_FALSE(site.all().order_failover(ct102, {}));

    task_group order(site.time.io().get_executor());
    bool is_armed = false;
    const auto arm = [&]() -> boost::asio::awaitable<void> {
        const auto done = co_await site.all().set_mode(config::mode::armed);
        is_armed = done.has_value();
    };
    order.spawn("arm", arm());
    REQUIRE(site.reaches(ct102, phase::restarting, 10s));
    CHECK(is_armed);
    CHECK(site.reaches(ct102, phase::watching, 120s));
}

TEST_CASE("a check that has never succeeded is not believed") {
    sim::options o = simulated_site::default_options();
    o.guests[1].running = false;
    simulated_site site(std::move(o));
    CHECK(site.is_held_for(ct102, "probe_never_succeeded", 120s));
    CHECK(site.writes() == 0);
}

TEST_CASE("more hand-overs in a day than allowed are refused") {
    simulated_site site;
    for (auto& g : site.settings.guests) {
        g.restart.attempts = 0;
        g.failover.max_per_day = 1;
    }
    site.restart();
    site.time.run_for(60s);
    site.fault("guest ct102 crash");
    REQUIRE(site.reaches(ct102, phase::done, 400s));
    REQUIRE(site.reaches(ct102, phase::watching, 700s));
    site.fault("guest ct102 crash");
    CHECK(site.is_held_for(ct102, "too_many_failovers", 120s));
}

TEST_CASE("what forbids a hand-over stands in the ledger once, not with each look") {
    simulated_site site;
    for (auto& g : site.settings.guests) g.restart.attempts = 0;
    site.restart();
    site.time.run_for(60s);
    site.fault("backup ct102 none");
    site.fault("guest ct102 crash");
    REQUIRE(site.is_held_for(ct102, "no_backup", 120s));
    site.time.run_for(1800s);
    const auto is_it = [](const decision& d) { return d.about == "ct/102" && d.code == "no_backup"; };
    const auto& all = site.book.all();
    CHECK(std::count_if(all.begin(), all.end(), is_it) == 1);
    const auto it = std::find_if(all.begin(), all.end(), is_it);
    REQUIRE(it != all.end());
    CHECK(it->verdict == "hold");
    CHECK_FALSE(it->release.empty());
    CHECK_FALSE(it->gates.empty());
}

TEST_CASE("orders, modes and pauses stand in the ledger") {
    simulated_site site;
    site.time.run_for(60s);
    site.all().note_order("failover", "ct/102", "root", site.all().order_failover(ct102, {}));
    const auto& all = site.book.all();
    REQUIRE_FALSE(all.empty());
    CHECK(all.back().kind == "order");
    CHECK(all.back().verdict == "refused");
    CHECK(all.back().text.find("is healthy") != std::string::npos);
    task_group asked(site.time.io().get_executor());
    const auto pause = [&]() -> boost::asio::awaitable<void> {
        failover::pause p;
        p.object = "ct/102";
        p.by = "root";
        p.reason = "moving house";
        const auto paused = co_await site.all().pause(std::move(p));
        CHECK(paused);
        const auto changed = co_await site.all().set_mode(config::mode::observe);
        CHECK(changed);
    };
    asked.spawn("pause", pause());
    site.time.run_for(1s);
    REQUIRE(all.size() >= 3);
    CHECK(all[all.size() - 2].kind == "pause");
    CHECK(all[all.size() - 2].text == "moving house");
    CHECK(all.back().kind == "mode");
    CHECK(all.back().verdict == "observe");
}
