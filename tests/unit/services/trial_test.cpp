#include "services/backup/trial.hpp"

#include "services/backup/trial_place.hpp"
#include "services/forecast/survey.hpp"
#include "support/simulated_site.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace std::chrono_literals;
using backup::trial_end;
using backup::trial_report;

namespace {

/// What a token needs beyond what a hand-over does.
sim::options options(const std::set<std::string>& more = {"VM.Config.Network", "VM.Monitor"}) {
    sim::options o = simulated_site::default_options();
    for (sim::role_options& r : o.roles)
        if (r.name == "StewardGuests") r.privileges.insert(more.begin(), more.end());
    return o;
}

/// A person at a terminal beside the daemon.
class person {
  public:
    explicit person(simulated_site& site)
        : wire_(site.model, site.time, sim::failover_token()),
          pve_(wire_, site.time, 20s),
          site_(site),
          tasks_(site.time.io().get_executor()) {}

    trial_report tries(backup::trial_wish wish, const std::function<void(backup::trial&)>& meanwhile = {}) {
        backup::trial one(pve_, std::move(wish), [this](const std::string& what) { said.push_back(what); });
        std::optional<trial_report> done;
        tasks_.spawn("trial", keep(one, done));
        if (meanwhile) meanwhile(one);
        REQUIRE(site_.time.run_until([&] { return done.has_value(); }, 2h));
        return *done;
    }

    void stop(backup::trial& one) { tasks_.spawn("stop", one.stop()); }

    bool says(const std::string& words) {
        return site_.time.run_until(
            [&] {
                return std::any_of(said.begin(), said.end(),
                                   [&](const std::string& s) { return s.find(words) != std::string::npos; });
            },
            1h);
    }

    result<void> destroys(const char* node, guest_id copy) {
        std::optional<result<void>> done;
        tasks_.spawn("destroy", keep_destroying(node_name(node), copy, done));
        REQUIRE(site_.time.run_until([&] { return done.has_value(); }, 1h));
        return *done;
    }

    failover::survey surveys() {
        std::optional<failover::survey> found;
        tasks_.spawn("survey", keep_survey(found));
        REQUIRE(site_.time.run_until([&] { return found.has_value(); }, 1h));
        return std::move(*found);
    }

    std::vector<std::string> said;

  private:
    static boost::asio::awaitable<void> keep(backup::trial& one, std::optional<trial_report>& into) {
        auto report = co_await one.run();
        into = std::move(report);
    }
    boost::asio::awaitable<void> keep_destroying(node_name node, guest_id copy, std::optional<result<void>>& into) {
        auto done = co_await backup::destroy_copy(pve_, std::move(node), copy);
        into = std::move(done);
    }
    boost::asio::awaitable<void> keep_survey(std::optional<failover::survey>& into) {
        failover::survey_wish asked;
        asked.rules_of = [](const model::guest_row&) { return failover::guest_rules(); };
        auto found = co_await failover::survey_cluster(pve_, std::move(asked));
        CHECK(found);
        if (found) into = std::move(*found);
    }

    sim::direct_transport wire_;
    pve::client pve_;
    simulated_site& site_;
    task_group tasks_;
};

backup::trial_wish of(guest_id guest) {
    backup::trial_wish w;
    w.guest = guest;
    return w;
}

/// Guests of that number anywhere.
bool exists(simulated_site& site, guest_id guest) {
    for (const char* n : {"n1", "n2", "n3"})
        if (site.model.config(node_name(n), guest)) return true;
    return false;
}

}  // namespace

TEST_CASE("an archive is tried beside its guest, without its network, and nothing of it is left") {
    for (const guest_id guest : {ct102, vm103}) {
        DYNAMIC_SECTION(to_string(guest)) {
            simulated_site site(options());
            site.time.run_for(60s);
            person somebody(site);
            bool was_cut_off = false;
            bool came_up = false;
            const trial_report r = somebody.tries(of(guest), [&](backup::trial& one) {
                REQUIRE(somebody.says("starting"));
                const auto config = site.model.config(one.report().node, one.report().copy);
                REQUIRE(config);
                was_cut_off = config->get("net0").find("link_down=1") != std::string::npos;
                CHECK(config->get("tags") == "steward-verify-" + to_string(guest.id));
                came_up = site.time.run_until(
                    [&] { return site.model.is_running(one.report().node, one.report().copy); }, 60s);
            });
            INFO(r.text);
            CHECK(r.end == trial_end::works);
            CHECK(was_cut_off);
            CHECK(came_up);
            CHECK_FALSE(r.is_left);
            CHECK_FALSE(exists(site, r.copy));
            CHECK(r.restore > 0s);
            CHECK(site.at(guest) == failover::phase::watching);
            CHECK(site.record(guest).restarts.empty());
            // What it took is known from now on, also to who was not there.
            const failover::survey s = somebody.surveys();
            for (const failover::forecast& f : s.guests) {
                if (f.guest != guest) continue;
                REQUIRE(f.restore);
                CHECK(*f.restore >= r.restore - 1s);
                CHECK(*f.restore <= r.restore + 1s);
                CHECK(f.archive_stamp.verified);
            }
        }
    }
}

TEST_CASE("what cannot be tried is refused before anything is changed") {
    struct row {
        const char* what;
        std::set<std::string> rights;
        std::vector<std::string> faults;
        backup::trial_wish wish;
        std::string text;
    };
    const std::set<std::string> all{"VM.Config.Network", "VM.Monitor"};
    backup::trial_wish elsewhere = of(ct102);
    elsewhere.node = node_name("n9");
    backup::trial_wish nowhere = of(ct102);
    nowhere.storage = storage_id("backup");
    const std::vector<row> rows{
        {"no right to change its network", {}, {}, of(ct102), "lacks VM.Config.Network on /vms/"},
        {"no backup", all, {"backup ct102 none"}, of(ct102), "there is no good backup of ct/102"},
        {"no such node", all, {}, elsewhere, "n9 is not a member of the cluster"},
        {"no such place", all, {}, nowhere, "does not take guest disks"}};
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.what) {
            simulated_site site(options(r.rights));
            for (const std::string& f : r.faults) site.fault(f);
            person somebody(site);
            const trial_report report = somebody.tries(r.wish);
            INFO(report.text);
            CHECK(report.end == trial_end::refused);
            CHECK(report.text.find(r.text) != std::string::npos);
            CHECK(site.writes() == 0);
        }
    }
}

TEST_CASE("an archive that cannot be restored is told as broken, and leaves nothing") {
    simulated_site site(options());
    site.fault("backup ct102 corrupt");
    person somebody(site);
    const trial_report r = somebody.tries(of(ct102));
    INFO(r.text);
    CHECK(r.end == trial_end::broken);
    CHECK_FALSE(r.is_left);
    CHECK_FALSE(exists(site, r.copy));
}

TEST_CASE("interrupted at any time it cleans up") {
    for (const char* during : {"restoring", "starting"}) {
        DYNAMIC_SECTION(during) {
            simulated_site site(options());
            person somebody(site);
            const trial_report r = somebody.tries(of(ct102), [&](backup::trial& one) {
                REQUIRE(somebody.says(during));
                site.time.run_for(1s);
                somebody.stop(one);
            });
            INFO(r.text);
            CHECK(r.end == trial_end::stopped);
            CHECK_FALSE(r.is_left);
            CHECK_FALSE(exists(site, r.copy));
        }
    }
}

TEST_CASE("a copy that is kept is found by its tag; nothing without it is ever destroyed") {
    simulated_site site(options());
    person somebody(site);
    backup::trial_wish wish = of(ct102);
    wish.keeps = true;
    const trial_report r = somebody.tries(std::move(wish));
    REQUIRE(r.end == trial_end::works);
    CHECK(r.is_left);
    CHECK(site.model.is_running(r.node, r.copy));
    const auto refused = somebody.destroys("n2", ct102);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == errc::refused);
    CHECK(site.runs_on(ct102) == "n2");
    CHECK(somebody.destroys(r.node.str().c_str(), r.copy));
    CHECK_FALSE(exists(site, r.copy));
}

TEST_CASE("what would reach outside the copy is seen in its configuration") {
    model::guest_config c;
    CHECK(backup::reaches_outside(ct102, c).empty());
    CHECK(backup::is_cut_off(c));
    c.values["net0"] = "name=eth0,bridge=vmbr0,link_down=1";
    c.values["net12"] = "virtio=AA:BB:CC:DD:EE:FF,bridge=vmbr0";
    c.values["netsomething"] = "x";
    CHECK_FALSE(backup::is_cut_off(c));
    c.values["net12"] += ",link_down=1";
    CHECK(backup::is_cut_off(c));
    for (const char* agent : {"1", "enabled=1", "1,fstrim_cloned_disks=1", "type=isa,enabled=1"}) {
        c.values["agent"] = agent;
        CHECK(backup::has_agent(c));
    }
    c.values["agent"] = "0";
    CHECK_FALSE(backup::has_agent(c));
    c.values["hookscript"] = "local:snippets/x.pl";
    CHECK(backup::reaches_outside(ct102, c).find("hook script") != std::string::npos);
    c.values.erase("hookscript");
    c.values["mp0"] = "/srv/data,mp=/data";
    CHECK(backup::reaches_outside(ct102, c).find("bind mount") != std::string::npos);
}

TEST_CASE("a copy is one by its tag, unless it has the number of its original") {
    model::guest_row row;
    row.id = ct102;
    row.tags = {"web"};
    CHECK_FALSE(backup::is_trial_copy(row));
    row.tags = {"steward-verify-101"};
    CHECK(backup::is_trial_copy(row));
    row.tags = {"steward-verify-102"};
    CHECK_FALSE(backup::is_trial_copy(row));
}
