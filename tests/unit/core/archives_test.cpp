#include "core/backup/archives.hpp"

#include "core/backup/freshness.hpp"
#include "core/backup/health_stamp.hpp"
#include "support/good_facts.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace std::chrono_literals;
using failover::archive;
using failover::now;
using model::guest_health;

namespace {

/// "h2": healthy, two hours old; "u" unknown, "s" sick.
model::backup of(const std::string& word) {
    model::backup b = archive(("backup:backup/" + word).c_str(), std::chrono::hours(std::stol(word.substr(1))));
    b.stamp.health = word[0] == 'h'   ? guest_health::healthy
                     : word[0] == 's' ? guest_health::unhealthy
                                      : guest_health::unknown;
    return b;
}

std::vector<model::backup> all_of(const std::vector<std::string>& words) {
    std::vector<model::backup> all;
    for (const std::string& w : words) all.push_back(of(w));
    return all;
}

wall_time at(int seconds) { return wall_time(std::chrono::seconds(1'000'000 + seconds)); }

}  // namespace

TEST_CASE("of the archives that are young enough one of a healthy guest comes first, one of an unhealthy one last") {
    struct row {
        const char* what;
        std::vector<std::string> given;
        backup::choice by;
        std::vector<std::string> order;
    };
    const row rows[] = {
        {"healthy, not known, unhealthy", {"s1", "u2", "h3"}, backup::choice::healthy, {"h3", "u2", "s1"}},
        {"of the same kind the newest", {"h9", "h3", "s2", "s1"}, backup::choice::healthy, {"h3", "h9", "s1", "s2"}},
        {"too old is too old, however healthy", {"h30", "s2", "u40"}, backup::choice::healthy, {"s2", "h30", "u40"}},
        {"just as old is not older", {"h26", "s2"}, backup::choice::healthy, {"h26", "s2"}},
        {"by age alone, when that is wanted", {"h3", "u2", "s1"}, backup::choice::newest, {"s1", "u2", "h3"}},
    };
    for (const row& r : rows) {
        INFO(r.what);
        auto sorted = all_of(r.given);
        backup::sort_best_first(sorted, r.by, 26h, now);
        std::vector<std::string> order;
        for (const auto& b : sorted) order.push_back(b.volume.str().substr(14));
        CHECK(order == r.order);
    }
}

TEST_CASE("a plan takes the archive of a healthy guest, says what it passed over, and is never refused for a stamp") {
    failover::facts f = failover::good_facts();
    const model::guest_config inside = f.archived.begin()->second;
    const auto plan_with = [&](const std::vector<std::string>& words, failover::policy rules = {}) {
        f.backups = all_of(words);
        for (const auto& b : f.backups) f.archived[b.volume] = inside;
        const auto made = failover::make_plan(f, rules, {});
        REQUIRE(std::holds_alternative<failover::plan>(made));
        return std::get<failover::plan>(made);
    };
    const failover::plan better = plan_with({"s1", "u2", "h3"});
    CHECK(better.archive->volume.str() == "backup:backup/h3");
    std::string told;
    for (const auto& r : better.rejections) told += r.what + " " + r.why + "\n";
    CHECK(told.find("s1 is newer, but its guest was unhealthy") != std::string::npos);
    CHECK(told.find("u2 is newer, but whether its guest was healthy then is not known") != std::string::npos);
    CHECK(better.warnings.empty());

    const failover::plan only = plan_with({"s1"});
    CHECK(only.archive->volume.str() == "backup:backup/s1");
    REQUIRE(only.warnings.size() == 1);
    CHECK(only.warnings[0].what == "backup_unhealthy");

    failover::policy rules;
    rules.prefer = backup::choice::newest;
    CHECK(plan_with({"s1", "h3"}, rules).archive->volume.str() == "backup:backup/s1");
}

TEST_CASE("a guest's newest backup is fresh, too old, missing, or not known") {
    using backup::freshness;
    struct row {
        const char* what;
        std::optional<std::string> newest;
        std::string blind;
        freshness state;
    };
    const row rows[] = {
        {"young", "u2", "", freshness::fresh},
        {"as old as may be", "u26", "", freshness::fresh},
        {"too old", "u27", "", freshness::stale},
        {"none", {}, "", freshness::missing},
        {"young is young, whatever else may be hidden", "u2", "our token lacks VM.Backup", freshness::fresh},
        {"too old, and others may be hidden", "u27", "our token lacks VM.Backup", freshness::unknown},
        {"none to be seen", {}, "our token lacks VM.Backup", freshness::unknown},
    };
    for (const row& r : rows) {
        INFO(r.what);
        backup::archive_sight seen;
        if (r.newest) seen.newest = of(*r.newest);
        seen.blind = r.blind;
        const auto report = backup::judge_freshness(seen, 26h, now);
        CHECK(report.state == r.state);
        CHECK(report.text.empty() == (r.state == freshness::fresh));
    }
}

TEST_CASE("what could hide archives is told: rights, lists that were not read, storages that are away") {
    failover::facts f = failover::good_facts();
    CHECK(failover::hidden_backups(f, {}).empty());
    failover::facts blind = f;
    blind.privileges["/vms/101"].erase("VM.Backup");
    CHECK(failover::hidden_backups(blind, {}).find("VM.Backup on /vms/101") != std::string::npos);
    failover::facts unread = f;
    unread.unread_backups = "pve GET /nodes/n1/storage/backup/content: timed out";
    CHECK(failover::hidden_backups(unread, {}) == unread.unread_backups);
    failover::facts away = f;
    for (auto& s : away.view->storages)
        if (s.id == storage_id("backup")) s.available = false;
    CHECK(failover::hidden_backups(away, {}).find("storage backup of n1 is not available") != std::string::npos);
    failover::policy elsewhere;
    elsewhere.backup_storages = {storage_id("pbs")};
    CHECK(failover::hidden_backups(away, elsewhere).empty());
}

TEST_CASE("an archive is stamped by what was seen around the time it was taken, and by nothing else") {
    using health::standing;
    struct row {
        const char* what;
        std::vector<std::pair<int, standing>> seen;  // second, from then on
        int now;
        guest_health stamp;
    };
    constexpr auto up = standing::up;
    constexpr auto down = standing::down;
    // Taken at second 1000.
    const row rows[] = {
        {"nobody looked", {}, 2000, guest_health::unknown},
        {"up all the time", {{0, up}}, 2000, guest_health::healthy},
        {"down all the time", {{0, down}}, 2000, guest_health::unhealthy},
        {"nobody looked before", {{995, up}}, 2000, guest_health::unknown},
        {"it had just come up", {{0, down}, {995, up}}, 2000, guest_health::unknown},
        {"a minute later it is found down: it may have been broken before",
         {{0, up}, {1055, down}},
         2000,
         guest_health::unknown},
        {"it goes down later", {{0, up}, {1061, down}}, 2000, guest_health::healthy},
        {"it was repaired later", {{0, down}, {1005, up}}, 2000, guest_health::unhealthy},
        {"a bad answer says neither", {{0, standing::suspicious}}, 2000, guest_health::unknown},
        {"nobody led", {{0, up}, {500, standing::unknown}, {1200, up}}, 2000, guest_health::unknown},
        {"too early to tell", {{0, up}}, 1059, guest_health::unknown},
    };
    for (const row& r : rows) {
        INFO(r.what);
        health::history past;
        for (const auto& [second, how] : r.seen) past.note(how, at(second));
        CHECK(backup::health_when_taken(past, at(1000), at(r.now)) == r.stamp);
    }
}

TEST_CASE("of a guest that flaps for ever the oldest changes are forgotten, not made up") {
    health::history past;
    for (int i = 0; i < 1000; ++i) past.note(i % 2 == 0 ? health::standing::up : health::standing::down, at(10 * i));
    CHECK_FALSE(past.throughout(at(0), at(5)));
    CHECK(past.throughout(at(9980), at(9985)) == health::standing::up);
    // A clock that goes back does not mix what was with what is.
    past.note(health::standing::up, at(9000));
    CHECK(past.throughout(at(9995), at(9999)) == health::standing::up);
}
