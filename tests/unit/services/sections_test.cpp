#include "api/views.hpp"
#include "config/load.hpp"
#include "support/heard_log.hpp"
#include "support/simulated_site.hpp"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include <catch2/catch.hpp>

using namespace steward;
using namespace std::chrono_literals;
using failover::phase;

namespace {

const guest_id ct101{guest_type::ct, vmid(101)};

/// As the file would say it: no guest is named, one selector chooses.
config::settings chosen_by(const std::vector<std::string>& keys) {
    config::settings s = simulated_site::default_settings();
    const config::guest rules = s.guests.front();
    s.guests.clear();
    for (const std::string& key : keys) {
        config::guest_section section;
        section.text = key;
        auto which = model::parse_selector({key});
        REQUIRE(which);
        section.which = std::move(*which);
        section.rules = rules;
        section.rules.id = {};
        section.rules.section = key;
        section.rules.failover.max_per_day = static_cast<int>(s.sections.size()) + 1;
        s.sections.push_back(std::move(section));
    }
    return s;
}

/// "ct/101 vm/103"
std::string managed(simulated_site& site) {
    std::string all;
    for (const auto& [id, g] : site.all().guests()) all += (all.empty() ? "" : " ") + to_string(id);
    return all;
}

void tag(simulated_site& site, const char* node, guest_id guest, const std::string& tags) {
    auto config = site.model.config(node_name(node), guest);
    REQUIRE(config);
    config->set("tags", tags);
    REQUIRE(site.model.files().write(node_name(node), guest, config->text()));
}

}  // namespace

TEST_CASE("the most exact section wins, whole: a guest's own, else the first that chooses it") {
    config::settings s = chosen_by({"@node-n1", "100-102", "@all,-vm/103"});
    config::guest own;
    own.id = ct102;
    own.failover.max_per_day = 9;
    s.guests.push_back(own);
    model::guest_row row;
    row.name = "x";
    const auto rule_of = [&](guest_id id, const char* node, bool is_template = false) {
        row.id = id;
        row.node = node_name(node);
        row.is_template = is_template;
        const auto g = config::rules_for(s, row);
        return g ? g->section + " " + std::to_string(g->failover.max_per_day) + " " + to_string(g->id) : "none";
    };
    CHECK(rule_of(ct102, "n1") == " 9 ct/102");
    CHECK(rule_of(ct101, "n1") == "@node-n1 1 ct/101");
    CHECK(rule_of(ct101, "n2") == "100-102 2 ct/101");
    CHECK(rule_of(guest_id(guest_type::vm, vmid(200)), "n2") == "@all,-vm/103 3 vm/200");
    CHECK(rule_of(vm103, "n2") == "none");
    CHECK(rule_of(ct101, "n1", true) == "none");
    CHECK(rule_of(ct102, "n1", true) == " 9 ct/102");  // who names a template is told why it cannot be
}

TEST_CASE("what a selector chooses is looked after, also what appears later, and no longer when it does not") {
    simulated_site site(simulated_site::default_options(), chosen_by({"@tag-web"}));
    site.time.run_for(30s);
    CHECK(managed(site).empty());
    tag(site, "n2", ct102, "web");
    site.time.run_for(30s);
    CHECK(managed(site) == "ct/102");
    tag(site, "n1", ct101, "other;web");
    site.time.run_for(90s);
    CHECK(managed(site) == "ct/101 ct/102");
    CHECK(site.record(ct102).seen_up);
    tag(site, "n2", ct102, "");
    site.time.run_for(30s);
    CHECK(managed(site) == "ct/101");
    CHECK(api::status_view(site.all()).at("guests").as_array().at(0).as_object().at("section") == "@tag-web");
}

TEST_CASE("a guest that appears broken is watched, and nothing is done until it has been well once") {
    simulated_site site(simulated_site::default_options(), chosen_by({"@tag-web"}));
    site.fault("guest ct102 crash");
    site.time.run_for(30s);
    tag(site, "n2", ct102, "web");
    site.time.run_for(30s);
    REQUIRE(managed(site) == "ct/102");
    CHECK(site.is_held_for(ct102, "probe_never_succeeded", 5min));
    site.time.run_for(30min);
    CHECK(site.writes("status") == 0);
    site.fault("guest ct102 heal");
    REQUIRE(site.reaches(ct102, phase::watching, 2min));
    site.fault("guest ct102 crash");
    CHECK(site.reaches(ct102, phase::restarting, 2min));
}

TEST_CASE("a hand-over of a chosen guest survives the daemon while the guest is in no list") {
    config::settings s = chosen_by({"ct1*"});
    s.sections[0].rules.restart.attempts = 0;
    simulated_site site(simulated_site::default_options(), s);
    site.time.run_for(90s);
    REQUIRE(managed(site) == "ct/101 ct/102");
    site.fault("guest ct102 crash");
    REQUIRE(site.reaches(ct102, phase::restoring, 5min));
    site.restart();
    CHECK(site.time.run_until([&] { return managed(site).find("ct/102") != std::string::npos; }, 10s));
    CHECK(site.reaches(ct102, phase::done, 10min));
    CHECK(site.record(ct102).section == "ct1*");
    CHECK(site.runs_on(ct102) != "n2");
}

TEST_CASE("a guest whose node is away stays chosen, although nothing but its number may be known of it") {
    simulated_site site(simulated_site::default_options(), chosen_by({"ct1*,-ct101"}));
    site.time.run_for(90s);
    REQUIRE(managed(site) == "ct/102");
    site.fault("power n2 off");
    site.time.run_for(5min);
    CHECK(managed(site) == "ct/102");
    SECTION("also for a daemon that begins anew") {
        site.restart();
        site.time.run_for(1min);
        CHECK(managed(site) == "ct/102");
    }
    SECTION("and after a reload") {
        config::settings same = site.all().settings();
        site.all().apply(std::move(same));
        CHECK(managed(site) == "ct/102");
    }
}

TEST_CASE("a list that suddenly lacks guests changes nothing; a reload forgets those that are gone") {
    simulated_site site(simulated_site::default_options(), chosen_by({"@all"}));
    site.time.run_for(90s);
    REQUIRE(managed(site) == "ct/101 ct/102 vm/103");
    site.fault("api any list-empty");
    site.time.run_for(2min);
    CHECK(managed(site) == "ct/101 ct/102 vm/103");
    site.fault("api any ok");
    site.model.begin_stop(node_name("n1"), ct101, "root@pam");
    site.time.run_for(2min);
    site.model.begin_destroy(node_name("n1"), ct101, "root@pam");
    site.time.run_for(2min);
    REQUIRE_FALSE(site.model.config(node_name("n1"), ct101));
    CHECK(managed(site) == "ct/101 ct/102 vm/103");
    site.settings.guests.clear();
    config::settings same = site.settings;
    site.all().apply(std::move(same));
    CHECK(managed(site) == "ct/102 vm/103");
}

TEST_CASE("a copy of `backup verify` is nobody's guest") {
    simulated_site site(simulated_site::default_options(), chosen_by({"@all"}));
    tag(site, "n1", ct101, "steward-verify-999");
    site.time.run_for(30s);
    CHECK(managed(site) == "ct/102 vm/103");
}

TEST_CASE("somebody who means several guests gets those, and a word that speaks of none is told") {
    simulated_site site;
    site.time.run_for(60s);
    const auto chosen = [&](const std::string& words) {
        const auto which = model::parse_selector({words});
        REQUIRE(which);
        const auto found = site.all().chosen(*which);
        if (!found) return found.error().detail;
        std::string all;
        for (const guest_id id : *found) all += to_string(id) + " ";
        return all;
    };
    CHECK(chosen("@all") == "ct/102 vm/103 ");
    CHECK(chosen("@node-n3") == "vm/103 ");
    CHECK(chosen("100-200 -vm/103") == "ct/102 ");
    CHECK(chosen("ct/101").find("\"ct/101\" speaks of no guest that this daemon looks after") == 0);
    CHECK(chosen("@node-n2 -ct/102").find("no guest of this daemon is chosen") == 0);
    const std::vector<guest_id> only{vm103};
    const auto status = api::status_view(site.all(), &only);
    CHECK(status.at("guests").as_array().size() == 1);
}
