#include "api/views.hpp"
#include "support/heard_log.hpp"
#include "support/simulated_site.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include <catch2/catch.hpp>

using namespace steward;
using namespace std::chrono_literals;

namespace {

config::settings watching_age() {
    config::settings s = simulated_site::default_settings();
    for (config::guest& g : s.guests) {
        g.backup.max_age = 26h;
        g.restart.attempts = 0;
        g.failover.enabled = false;
    }
    return s;
}

void foresee(simulated_site& site, config::mode mode = config::mode::armed) {
    site.settings.run_mode = mode;
    site.restart();
    site.all().foresees = true;
}

/// Notes of the guest's archives, newest first.
std::vector<std::string> notes_of(simulated_site& site, guest_id guest) {
    std::vector<sim::archive> all;
    for (const sim::archive& a : site.model.archives(storage_id("backup"), node_name("n1")))
        if (a.guest == guest) all.push_back(a);
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.created > b.created; });
    std::vector<std::string> notes;
    for (const sim::archive& a : all) notes.push_back(a.notes);
    return notes;
}

void back_up(simulated_site& site, guest_id guest, const char* node) {
    sim::backup_order order;
    order.guests = {guest.id};
    order.to = storage_id("backup");
    order.notes_template = "nightly";
    site.model.begin_backup(node_name(node), "root@pam", std::move(order));
}

const boost::json::object& guest_in(const boost::json::object& status, const std::string& guest) {
    for (const auto& g : status.at("guests").as_array())
        if (g.as_object().at("guest").as_string() == guest.c_str()) return g.as_object();
    throw std::runtime_error("no such guest");
}

}  // namespace

TEST_CASE("an archive that appears is stamped with how its guest was, and others are left alone") {
    simulated_site site(simulated_site::default_options(), watching_age());
    heard_log log;
    foresee(site);
    site.time.run_for(5min);
    CHECK(notes_of(site, ct102) == std::vector<std::string>{""});  // of a time in which nobody looked

    back_up(site, ct102, "n2");
    REQUIRE(site.time.run_until([&] { return notes_of(site, ct102).size() == 2; }, 10min));
    site.time.run_until([&] { return notes_of(site, ct102)[0] != "nightly"; }, 10min);
    CHECK(log.count("backup.unstamped") == 0);
    CHECK(notes_of(site, ct102)[0] == "nightly [steward: healthy]");

    site.fault("guest ct102 crash");
    site.time.run_for(2min);
    back_up(site, ct102, "n2");
    REQUIRE(site.time.run_until([&] { return notes_of(site, ct102).size() == 3; }, 10min));
    REQUIRE(site.time.run_until([&] { return notes_of(site, ct102)[0] != "nightly"; }, 10min));
    CHECK(notes_of(site, ct102)[0] == "nightly [steward: unhealthy]");
    CHECK(notes_of(site, ct102)[2].empty());
}

TEST_CASE("nothing is stamped in observe mode, where that is switched off, or while the guest does not run") {
    simulated_site site(simulated_site::default_options(), watching_age());
    SECTION("observe") { foresee(site, config::mode::observe); }
    SECTION("switched off") {
        site.settings.guests[0].backup.stamps = false;
        foresee(site);
    }
    SECTION("stopped on purpose") {
        foresee(site);
        site.time.run_for(1min);
        site.model.begin_stop(node_name("n2"), ct102, "root@pam");
    }
    site.time.run_for(5min);
    back_up(site, ct102, "n2");
    REQUIRE(site.time.run_until([&] { return notes_of(site, ct102).size() == 2; }, 10min));
    site.time.run_for(10min);
    CHECK(notes_of(site, ct102)[0] == "nightly");
    CHECK(site.writes("content") == 0);
}

TEST_CASE("a newest backup that is too old is told before any disaster: in the status, and once as an alert") {
    simulated_site site(simulated_site::default_options(), watching_age());
    heard_log log;
    foresee(site);
    site.time.run_for(2min);
    CHECK(guest_in(api::status_view(site.all()), "ct/102").at("severity") == "ok");
    CHECK(log.count("backup_overdue") == 0);

    site.fault("backup ct102 age 27h");
    site.fault("backup vm103 none");
    site.time.run_for(5min);
    const auto status = api::status_view(site.all());
    CHECK(status.at("severity") == "warning");
    const auto& late = guest_in(status, "ct/102").at("newest_backup").as_object();
    CHECK(late.at("state") == "stale");
    CHECK(std::string(late.at("text").as_string()).find("more than backup.max_age 1d2h") != std::string::npos);
    CHECK(guest_in(status, "vm/103").at("newest_backup").as_object().at("state") == "missing");
    CHECK(log.count("backup_overdue") == 2);

    back_up(site, ct102, "n2");
    site.time.run_for(10min);
    CHECK(guest_in(api::status_view(site.all()), "ct/102").at("severity") == "ok");
    CHECK(log.count("backup.fresh") == 1);
}

TEST_CASE("a token that may not see backups makes their age unknown, not too old") {
    sim::options o = simulated_site::default_options();
    for (sim::role_options& role : o.roles) role.privileges.erase("VM.Backup");
    simulated_site site(std::move(o), watching_age());
    heard_log log;
    foresee(site);
    site.time.run_for(3min);
    const auto status = api::status_view(site.all());
    CHECK(guest_in(status, "ct/102").at("newest_backup").as_object().at("state") == "unknown");
    CHECK(guest_in(status, "ct/102").at("severity") == "unknown");
    CHECK(log.count("backup_unknown") == 2);
    CHECK(log.count("backup_overdue") == 0);
}
