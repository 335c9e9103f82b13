#include "sim/scenario/random_scenario.hpp"

#include "config/sim_scenario.hpp"
#include "core/failover/record.hpp"
#include "sim/model/cluster.hpp"
#include "sim/scenario/observer.hpp"
#include "sim/scenario/shrink.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

using namespace steward;
using namespace steward::sim::scenario;
using namespace std::chrono_literals;

namespace {

constexpr guest_id ct101{guest_type::ct, vmid(101)};

/// An observer of a quiet cluster, to be told lies.
class watched_cluster {
  public:
    watched_cluster() : model(options()), eyes(model, model.now()) { eyes.start(model.now()); }

    static sim::options options() {
        sim::options o = sim::make_options(3, {sim::guest_options(ct101, node_name("n1"))});
        o.start = time_point(1h);
        o.wall_start = wall_time(1'800'000'000s);
        return o;
    }

    /// The invariants that were broken so far.
    [[nodiscard]] std::vector<std::string> broken() const {
        std::vector<std::string> names;
        for (const happening& h : eyes.seen().all)
            if (h.kind == sight::broken) names.push_back(h.name);
        return names;
    }

    sim::cluster model;
    observer eyes;
};

failover::record record_of(std::uint64_t epoch) {
    failover::record r;
    r.guest = ct101;
    r.epoch = epoch;
    return r;
}

}  // namespace

TEST_CASE("a seed stands for one scenario, and that is a file which can be read") {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        const draft d = random_draft(seed);
        const std::string text = to_text(d);
        CHECK(text == to_text(random_draft(seed)));
        const config::sim_scenario read = config::read_sim_scenario(text, "seed");
        INFO(text);
        for (const config::diagnostic& p : read.problems) FAIL_CHECK(to_string(p));
        CHECK(
            std::is_sorted(d.script.begin(), d.script.end(), [](const auto& a, const auto& b) { return a.at < b.at; }));
        CHECK(d.healed < d.until);
    }
}

TEST_CASE("a seed's run is as long and its cluster as large as asked; the last hour is for recovery") {
    struct row {
        const char* name;
        int hours, least, largest, until, healed;
        bool judges_recovery;
    };
    const row rows[] = {
        {"as always", 2, 1, 16, 7200, 3600, true},
        {"a day", 24, 1, 16, 86400, 82800, true},
        {"an hour is half and half", 1, 1, 16, 3600, 1800, false},
        {"one size", 2, 9, 9, 7200, 3600, true},
        {"a range", 2, 10, 16, 7200, 3600, true},
    };
    for (const row& r : rows) {
        INFO(r.name);
        std::set<std::string> sizes;
        std::size_t most_faults = 0;
        for (std::uint64_t seed = 1; seed <= 60; ++seed) {
            const draft d = random_draft(seed, {r.hours, r.least, r.largest});
            CHECK(d.until == r.until);
            CHECK(d.healed == r.healed);
            const int nodes = std::stoi(d.topology.substr(1));
            CHECK((nodes >= r.least && nodes <= r.largest));
            const bool judges = std::any_of(d.expect.begin(), d.expect.end(),
                                            [](const std::string& line) { return line.starts_with("terminal"); });
            CHECK(judges == r.judges_recovery);
            const auto faults =
                std::count_if(d.script.begin(), d.script.end(), [&](const auto& s) { return s.at < d.healed; });
            most_faults = std::max(most_faults, static_cast<std::size_t>(faults));
        }
        CHECK((most_faults > 100) == (r.hours == 24));
    }
}

TEST_CASE("a failing scenario is shrunk to the lines that matter, and what mends things stays") {
    draft d;
    d.healed = 100;
    for (int i = 0; i < 20; ++i) d.script.push_back({i, "fault " + std::to_string(i)});
    d.script.push_back({100, "heal"});
    int runs = 0;
    const auto needs_two = [&](const draft& tried) {
        ++runs;
        const auto has = [&](const char* command) {
            return std::any_of(tried.script.begin(), tried.script.end(),
                               [&](const auto& s) { return s.command == command; });
        };
        scenario_report report;
        if (has("fault 3") && has("fault 17") && has("heal")) report.violations.emplace_back(0, "I1", "two copies");
        return report;
    };
    const draft small = shrink(d, "I1", needs_two, 200);
    REQUIRE(small.script.size() == 3);
    CHECK(small.script[0].command == "fault 3");
    CHECK(small.script[1].command == "fault 17");
    CHECK(small.script[2].command == "heal");
    CHECK(runs < 60);
    runs = 0;
    (void)shrink(d, "I1", needs_two, 7);
    CHECK(runs == 7);
}

TEST_CASE("two runs in which something else was seen have different fingerprints") {
    scenario_report a;
    a.timeline = {"one", "two"};
    scenario_report b = a;
    CHECK(fingerprint(a) == fingerprint(b));
    b.timeline = {"onet", "wo"};
    CHECK(fingerprint(a) != fingerprint(b));
}

TEST_CASE("two running copies of a guest break I1") {
    watched_cluster c;
    c.eyes.look();
    CHECK(c.broken().empty());
    c.model.run(node_name("n2"), ct101);
    c.eyes.look();
    CHECK(c.broken() == std::vector<std::string>{"I1"});
}

TEST_CASE("a daemon that acts after its successor has acted breaks I2") {
    watched_cluster c;
    const pve::request call(pve::verb::create, "/nodes/n1/lxc/101/status/stop");
    c.eyes.on_write(node_name("n1"), 3, call);
    c.eyes.on_write(node_name("n2"), 4, call);
    CHECK(c.broken().empty());
    c.eyes.on_write(node_name("n1"), 3, call);
    CHECK(c.broken() == std::vector<std::string>{"I2"});
}

TEST_CASE("a record of an epoch that is over breaks I11") {
    watched_cluster c;
    c.eyes.on_record(record_of(4));
    c.eyes.on_record(record_of(4));
    c.eyes.on_record(record_of(5));
    CHECK(c.broken().empty());
    c.eyes.on_record(record_of(4));
    CHECK(c.broken() == std::vector<std::string>{"I11"});
}

TEST_CASE("a node that is taken for fenced without having promised it breaks I12") {
    for (const bool has_promised : {true, false}) {
        watched_cluster c;
        lease::node_lease l;
        l.node = node_name("n1");
        l.renewals = 50;
        l.boot_id = "b";
        l.promise = has_promised ? lease::contract::watchdog : lease::contract::none;
        c.model.files().tree().write("priv/steward/nodes/n1", lease::to_text(l));
        failover::state before;
        before.saved = record_of(1);
        failover::step next;
        next.now.saved = record_of(1);
        next.now.saved.at = failover::phase::isolating;
        next.now.saved.proof = "waitout";
        next.now.saved.chosen.emplace().source = node_name("n1");
        c.eyes.on_step(before, next);
        CHECK(c.broken().empty() == has_promised);
    }
}
