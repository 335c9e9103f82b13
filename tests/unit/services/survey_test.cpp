#include "services/forecast/survey.hpp"

#include "runtime/task_group.hpp"
#include "support/simulated_site.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace std::chrono_literals;
using failover::forecast;
using failover::survey;
using failover::survey_wish;

namespace {

const guest_id ct104{guest_type::ct, vmid(104)};

/// With a second guest on n1, and a token that may only look.
sim::options options() {
    sim::options o = simulated_site::default_options();
    o.guests.emplace_back(ct104, node_name("n1"));
    o.users.emplace_back("audit@pve", "");
    o.tokens.emplace_back("audit@pve!ro", "33333333-3333-4333-8333-333333333333", false);
    o.users.emplace_back("backup@pve", "");
    o.tokens.emplace_back("backup@pve!ro", "44444444-4444-4444-8444-444444444444", false);
    std::set<std::string> rights{"VM.Audit", "Sys.Audit", "Datastore.Audit"};
    o.acl.emplace_back("/", "audit@pve", rights);
    rights.insert({"VM.Backup", "Datastore.AllocateSpace"});
    o.acl.emplace_back("/", "backup@pve", rights);
    return o;
}

/// A look at a site with a token of its own: nothing of the site's daemon is asked.
class surveyor {
  public:
    explicit surveyor(simulated_site& site, std::string token = sim::failover_token())
        : wire_(site.model, site.time, std::move(token)),
          pve_(wire_, site.time, 20s),
          site_(site),
          tasks_(site.time.io().get_executor()) {}

    survey look(survey_wish asked = {}) {
        if (!asked.rules_of) asked.rules_of = [](const model::guest_row&) { return failover::guest_rules(); };
        std::optional<survey> found;
        tasks_.spawn("survey", keep(std::move(asked), found));
        REQUIRE(site_.time.run_until([&] { return found.has_value(); }, 1h));
        return std::move(*found);
    }

  private:
    boost::asio::awaitable<void> keep(survey_wish asked, std::optional<survey>& into) {
        auto found = co_await failover::survey_cluster(pve_, std::move(asked));
        CHECK(found);
        if (found) into = std::move(*found);
    }

    sim::direct_transport wire_;
    pve::client pve_;
    simulated_site& site_;
    task_group tasks_;
};

const forecast& of(const survey& s, guest_id guest) {
    const auto found = std::find_if(s.guests.begin(), s.guests.end(), [&](const auto& f) { return f.guest == guest; });
    REQUIRE(found != s.guests.end());
    return *found;
}

}  // namespace

TEST_CASE("every guest's fate is told from what a token can read, and nothing is written") {
    simulated_site site(options());
    site.fault("backup ct102 none");
    surveyor eyes(site);
    const survey s = eyes.look();
    CHECK(s.problems.empty());
    REQUIRE(s.guests.size() == 4);
    CHECK(s.guests[0].node == node_name("n1"));
    CHECK(s.guests[1].node == node_name("n1"));
    CHECK(of(s, ct104).how == failover::strategy::restore);
    CHECK(of(s, ct104).target != node_name("n1"));
    CHECK(of(s, ct102).code == "no_backup");
    CHECK(of(s, vm103).archive);
    CHECK_FALSE(s.has_measured);
    CHECK_FALSE(of(s, ct104).takes);
    CHECK(site.writes() == 0);
}

TEST_CASE("a restore that was seen once tells how long the next one takes, within a quarter") {
    simulated_site site(options());
    site.time.run_for(60s);
    failover::wish asked;
    asked.force = true;
    REQUIRE(site.all().order_failover(ct102, asked));
    REQUIRE(site.reaches(ct102, failover::phase::done, 600s));
    surveyor eyes(site);
    const survey s = eyes.look();
    CHECK(s.has_measured);
    const forecast& again = of(s, ct102);
    REQUIRE(again.restore);
    const duration real = site.model.configured().takes.ct_restore;
    CHECK(*again.restore > real * 3 / 4);
    CHECK(*again.restore < real * 5 / 4);
    REQUIRE(again.takes);
    CHECK(*again.takes > failover::until_proven + *again.restore);
}

TEST_CASE("a token that may only look is enough, and is told what it lacks") {
    simulated_site site(options());
    surveyor eyes(site, "backup@pve!ro=44444444-4444-4444-8444-444444444444");
    const survey s = eyes.look();
    const forecast& f = of(s, ct104);
    INFO(f.code << " " << f.text);
    CHECK(f.how == failover::strategy::restore);
    CHECK(f.lacks.find("VM.Allocate") != std::string::npos);
    // PVE shows nobody a backup who could not make one there.
    surveyor auditor(site, "audit@pve!ro=33333333-3333-4333-8333-333333333333");
    const survey blind = auditor.look();
    CHECK(of(blind, ct104).code == "unknown");
}

TEST_CASE("only what was asked for is told, but of a guest in the queue of its node") {
    simulated_site site(options());
    surveyor eyes(site);
    survey_wish one;
    one.guest = ct104;
    const survey alone = eyes.look(std::move(one));
    REQUIRE(alone.guests.size() == 1);
    CHECK(alone.guests[0].guest == ct104);
    survey_wish node;
    node.node_down = node_name("n1");
    CHECK(eyes.look(std::move(node)).guests.size() == 2);
}

TEST_CASE("the configuration decides: order, storages, and what is switched off") {
    simulated_site site(options());
    surveyor eyes(site);
    survey_wish asked;
    asked.rules_of = [](const model::guest_row& row) {
        const guest_id guest = row.id;
        failover::guest_rules r;
        r.is_managed = true;
        r.priority = guest == ct104 ? 200 : 100;
        r.rules.failover_enabled = guest != ct102;
        if (guest == vm103) r.rules.backup_storages = {storage_id("elsewhere")};
        return r;
    };
    const survey s = eyes.look(std::move(asked));
    CHECK(s.guests[0].guest == ct104);
    CHECK(of(s, ct102).code == "disabled");
    CHECK(of(s, vm103).code == "no_backup");
    CHECK(of(s, ct104).is_managed);
}

TEST_CASE("what cannot be read is not promised") {
    struct row {
        const char* fault;
        const char* code;
        bool is_problem;
    };
    const row rows[] = {
        {"storage backup hang", "unknown", true},
        {"storage backup offline", "no_backup", false},
        {"power n2 off", "unknown", true},
        {"api n2 hang", "unknown", true},
    };
    for (const row& r : rows) {
        INFO(r.fault);
        simulated_site site(options());
        site.fault(r.fault);
        surveyor eyes(site);
        const survey s = eyes.look();
        CHECK(s.problems.empty() != r.is_problem);
        CHECK_FALSE(of(s, ct102).how);
        CHECK(of(s, ct102).code == r.code);
    }
}
