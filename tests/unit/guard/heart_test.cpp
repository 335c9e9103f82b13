#include "core/fencing/corosync_config.hpp"
#include "support/guarded_node.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace std::chrono_literals;
using fencing::guard_phase;

namespace {

const guest_id ct101(guest_type::ct, vmid(101));
const guest_id vm200(guest_type::vm, vmid(200));

std::string word_of(const guarded_node& n, const std::string& key) {
    const std::string all = n.heart.status();
    const auto at = all.find(key + "=");
    return all.substr(at + key.size() + 1, all.find('\n', at) - at - key.size() - 1);
}

/// A container and a virtual machine that run here, and the guard armed.
void arm(guarded_node& n) {
    write_text(n.cluster.pve() / "nodes/n1/lxc/101.conf", "hostname: web\n");
    write_text(n.cluster.pve() / "nodes/n1/qemu-server/200.conf", "name: db\n");
    n.run_guest(ct101);
    n.run_guest(vm200);
    n.manage({ct101, vm200});
    for (int i = 0; i < 3; ++i) {
        REQUIRE(n.writer.renew());
        n.second();
    }
    REQUIRE(word_of(n, "phase") == "armed");
}

}  // namespace

TEST_CASE("guard: a lease that is newer than what it remembers of this boot says that the machine was set back") {
    guarded_cluster all;
    guarded_node n1(all, "n1", lease::contract::watchdog);
    arm(n1);
    lease::node_lease standing = n1.lease();
    standing.renewals += 6;
    n1.heart.remember(n1.lease());
    CHECK(word_of(n1, "phase") == "armed");
    lease::node_lease of_before = standing;
    of_before.boot_id = "boot-0";
    n1.heart.remember(of_before);
    CHECK(word_of(n1, "phase") == "armed");
    n1.heart.remember(standing);
    CHECK(word_of(n1, "phase") == "starved");
    CHECK_FALSE(n1.heart.serves_changes());
    REQUIRE(n1.writer.renew());
    CHECK(n1.lease().renewals == standing.renewals + 1);
    CHECK(word_of(n1, "phase") == "armed");
}

TEST_CASE("guard: a lease is written, counts, and says what the daemon sees for half a minute") {
    guarded_cluster all;
    guarded_node n1(all, "n1");
    REQUIRE(n1.writer.renew());
    CHECK(n1.lease().renewals == 1);
    CHECK(n1.lease().boot_id == "boot-1");
    CHECK_FALSE(n1.lease().is_fit);

    daemon_words w;
    w.config_digest = "d";
    w.is_fit = true;
    w.leads = 7;
    w.down = {ct101};
    w.managed = {ct101};
    n1.heart.hear(w);
    REQUIRE(n1.writer.renew());
    CHECK(n1.lease().renewals == 2);
    CHECK(n1.lease().is_fit);
    CHECK(n1.lease().leads == 7);
    CHECK(n1.lease().down == w.down);

    all.now += 31s;
    REQUIRE(n1.writer.renew());
    CHECK_FALSE(n1.lease().is_fit);
    CHECK(n1.lease().down.empty());
    CHECK(n1.heart.managed() == w.managed);  // a daemon that is silent still has its guests
}

TEST_CASE("guard: whom it looks after is remembered over its own restart") {
    guarded_cluster all;
    {
        guarded_node n1(all, "n1");
        n1.manage({ct101, vm200});
        std::filesystem::remove(n1.directory / "mux");
    }
    const guarded_node again(all, "n1");
    CHECK(again.heart.managed() == std::vector<guest_id>{ct101, vm200});
}

TEST_CASE(
    "guard: the watchdog is opened only after a renewal, promised only once it works, and fed with each renewal") {
    guarded_cluster all;
    guarded_node n1(all, "n1", lease::contract::watchdog);
    n1.second();
    CHECK(n1.mux.heard().empty());
    arm(n1);
    CHECK(n1.lease().promise == lease::contract::watchdog);
    (void)n1.mux.heard();
    REQUIRE(n1.writer.renew());
    CHECK(n1.mux.heard() == ".");
}

TEST_CASE("guard: a guest that is at home but does not run is promised for as well") {
    guarded_cluster all;
    guarded_node n1(all, "n1", lease::contract::watchdog);
    write_text(all.pve() / "nodes/n1/lxc/101.conf", "hostname: web\n");
    n1.manage({ct101});
    for (int i = 0; i < 4; ++i) {
        REQUIRE(n1.writer.renew());
        n1.second();
    }
    CHECK(n1.lease().promise == lease::contract::watchdog);
}

TEST_CASE("guard: without a guest of ours here nothing is promised") {
    guarded_cluster all;
    guarded_node n1(all, "n1", lease::contract::watchdog);
    write_text(all.pve() / "nodes/n2/lxc/101.conf", "hostname: web\n");
    n1.manage({ct101});
    for (int i = 0; i < 4; ++i) {
        REQUIRE(n1.writer.renew());
        n1.second();
    }
    CHECK(n1.lease().promise == lease::contract::none);
    CHECK(n1.mux.heard().empty());
}

TEST_CASE("guard: without renewals it ends all its guests after 55 s, and only those") {
    guarded_cluster all;
    guarded_node n1(all, "n1", lease::contract::watchdog);
    arm(n1);
    const guest_id foreign(guest_type::ct, vmid(999));
    n1.run_guest(foreign);
    (void)n1.mux.heard();
    all.lose_quorum();
    for (int i = 0; i < 50; ++i) {
        CHECK_FALSE(n1.writer.renew());
        n1.second();
    }
    CHECK(word_of(n1, "phase") == "starved");
    CHECK_FALSE(n1.is_told_to_end(ct101));
    CHECK(n1.mux.heard().empty());  // not fed, not closed: the node will be reset
    for (int i = 0; i < 10; ++i) n1.second();
    CHECK(n1.is_told_to_end(ct101));
    CHECK(n1.is_told_to_end(vm200));
    CHECK_FALSE(n1.is_told_to_end(foreign));
    CHECK(word_of(n1, "phase") == "killing");  // until the kernel says that they are gone
    n1.end_guest(ct101);
    n1.end_guest(vm200);
    n1.second();
    CHECK(word_of(n1, "phase") == "killed");
    all.regain_quorum();
    REQUIRE(n1.writer.renew());
    CHECK(word_of(n1, "phase") != "armed");
}

TEST_CASE("guard: a guard that has promised nothing ends nothing") {
    guarded_cluster all;
    guarded_node n1(all, "n1");
    write_text(all.pve() / "nodes/n1/lxc/101.conf", "hostname: web\n");
    n1.run_guest(ct101);
    n1.manage({ct101});
    REQUIRE(n1.writer.renew());
    all.lose_quorum();
    for (int i = 0; i < 600; ++i) n1.second();
    CHECK_FALSE(n1.is_told_to_end(ct101));
}

TEST_CASE("guard: a watchdog-mux that goes takes the promise with it, and so does a clock that was set back") {
    guarded_cluster all;
    guarded_node n1(all, "n1", lease::contract::watchdog);
    SECTION("the mux") {
        arm(n1);
        (void)n1.mux.heard();
        n1.mux.hang_up();
        n1.second();
        REQUIRE(n1.writer.renew());
        CHECK(n1.lease().promise == lease::contract::none);
    }
    SECTION("the clock") {
        arm(n1);
        all.wall_step = -10s;
        n1.second();
        REQUIRE(n1.writer.renew());
        CHECK(n1.lease().promise == lease::contract::none);
        REQUIRE(n1.writer.renew());
        REQUIRE(n1.writer.renew());
        CHECK(n1.lease().promise == lease::contract::watchdog);
    }
}

TEST_CASE("guard: told to end, it takes its promise back, closes the watchdog with V, and only then may go") {
    guarded_cluster all;
    guarded_node n1(all, "n1", lease::contract::watchdog);
    arm(n1);
    (void)n1.mux.heard();
    all.lose_quorum();
    n1.heart.withdraw();
    CHECK_FALSE(n1.writer.renew());
    CHECK_FALSE(n1.heart.is_withdrawn());
    CHECK(n1.mux.heard().empty());
    all.regain_quorum();
    REQUIRE(n1.writer.renew());
    CHECK(n1.lease().promise == lease::contract::none);
    CHECK(n1.heart.is_withdrawn());
    CHECK(n1.mux.heard() == "Vclosed");

    guarded_node n2(all, "n2");
    n2.heart.withdraw();
    CHECK(n2.heart.is_withdrawn());  // nobody relies on it
}

TEST_CASE("guard: told that the system goes down, it says so at once, and lets go when its guests have ended") {
    guarded_cluster all;
    guarded_node n1(all, "n1", lease::contract::watchdog);
    arm(n1);
    (void)n1.mux.heard();
    CHECK(n1.ask(guard::verb::leave, "tomorrow").code == errc::invalid);
    REQUIRE(n1.ask(guard::verb::leave, "reboot").ok);
    REQUIRE(n1.writer.renew());
    CHECK(n1.lease().leaving == lease::departure::reboot);
    CHECK(n1.lease().promise == lease::contract::watchdog);
    n1.end_guest(ct101);
    n1.second();
    REQUIRE(n1.writer.renew());
    CHECK(n1.lease().promise == lease::contract::watchdog);  // one still runs
    n1.end_guest(vm200);
    n1.heart.withdraw();  // SIGTERM, before the next tick
    CHECK_FALSE(n1.heart.has_said_all());
    REQUIRE(n1.writer.renew());
    CHECK(n1.lease().promise == lease::contract::frozen);
    CHECK(n1.heart.has_said_all());
    CHECK(n1.heart.is_withdrawn());
    CHECK(n1.mux.heard().ends_with("Vclosed"));
}

TEST_CASE("guard: a guest that runs here although it was taken from this node is ended") {
    struct row {
        const char* name;
        const char* elsewhere;  ///< its configuration on n2
        bool is_home;
        bool is_ended;
    };
    for (const row& r :
         {row{"restored elsewhere", "hostname: web\n", false, true}, row{"not yet restored", nullptr, false, true},
          row{"on its way back by a migration", "hostname: web\nlock: migrate\n", false, false},
          row{"back at home", nullptr, true, false}}) {
        INFO(r.name);
        guarded_cluster all;
        guarded_node n1(all, "n1");
        write_text(all.pve() / "priv/steward/parked/101.n1.g3.conf", "hostname: web\n");
        if (r.elsewhere != nullptr) write_text(all.pve() / "nodes/n2/lxc/101.conf", r.elsewhere);
        if (r.is_home) write_text(all.pve() / "nodes/n1/lxc/101.conf", "hostname: web\n");
        n1.run_guest(ct101);
        n1.manage({ct101});
        REQUIRE(n1.writer.renew());
        CHECK(n1.is_told_to_end(ct101) == r.is_ended);
    }
}

TEST_CASE("guard: corosync.conf is understood as far as it matters") {
    const fencing::membership three = fencing::parse_corosync(guarded_cluster::three_nodes);
    CHECK(three.nodes == 3);
    CHECK(three.token == 3s);
    CHECK(three.coefficient == 125ms);
    CHECK_FALSE(three.has_qdevice);
    const fencing::membership two = fencing::parse_corosync(
        "nodelist {\n node {\n }\n # node {\n node {\n }\n}\nquorum {\n two_node: 1\n device {\n model: net\n }\n}\n");
    CHECK(two.nodes == 2);
    CHECK(two.is_two_node);
    CHECK(two.has_qdevice);
    CHECK(two.token == 3s);
    for (const char* bad : {"", "}}}}", "nodelist {", "node {\n node {\n", ":\n: :\n{\n"})
        CHECK(fencing::parse_corosync(bad).nodes == 0);
    CHECK_FALSE(fencing::promise_refusal(fencing::parse_corosync("")).code.empty());
}

TEST_CASE("guard: a majority is called forced only where heads are counted, and what is not said proves nothing") {
    const std::string nodes = "nodelist {\n node {\n  quorum_votes: 1\n }\n node {\n }\n node {\n }\n node {\n }\n}\n";
    const auto forced = [](const std::string& text, std::optional<int> online) {
        return fencing::is_forced(fencing::parse_corosync(text), online);
    };
    CHECK(forced(nodes, 1));
    CHECK(forced(nodes, 2));
    CHECK_FALSE(forced(nodes, 3));
    CHECK_FALSE(forced(nodes, std::nullopt));
    CHECK_FALSE(forced("", 0));
    CHECK(forced(nodes + "quorum {\n last_man_standing: 0\n}\n", 2));
    for (const char* other : {"last_man_standing: 1", "auto_tie_breaker: 1", "expected_votes: 2", "two_node: 1"})
        CHECK_FALSE(forced(nodes + "quorum {\n " + other + "\n}\n", 2));
    CHECK_FALSE(forced(nodes + "quorum {\n device {\n }\n}\n", 2));
    CHECK_FALSE(forced("nodelist {\n node {\n  quorum_votes: 2\n }\n node {\n }\n}\n", 1));

    CHECK(fencing::online_nodes(R"({"nodelist": {"n1": {"id": 1, "online": 1}, "n2": {"id": 2, "online":0}}})") == 1);
    CHECK_FALSE(fencing::online_nodes(R"({"nodename": "n1", "version": 2})"));
    for (const char* bad : {"", "\"online\"", "\"online\":"}) CHECK_FALSE(fencing::online_nodes(bad));
}

TEST_CASE("guard: without a real majority nothing is renewed, whoever lowered the expected votes") {
    guarded_cluster all;
    guarded_node n1(all, "n1", lease::contract::watchdog);
    arm(n1);
    const auto renewals = n1.lease().renewals;
    write_text(all.pve() / ".members",
               R"({"nodelist": {"n1": {"online": 1}, "n2": {"online": 0}, "n3": {"online": 0}}})");
    CHECK_FALSE(n1.writer.renew());
    CHECK(n1.lease().renewals == renewals);
    CHECK(word_of(n1, "no_promise") == fencing::expected_votes_overridden);
    for (int i = 0; i < 60; ++i) n1.second();
    CHECK(n1.is_told_to_end(ct101));  // the others take this node for dead
    write_text(all.pve() / ".members",
               R"({"nodelist": {"n1": {"online": 1}, "n2": {"online": 1}, "n3": {"online": 0}}})");
    CHECK(n1.writer.renew());
    CHECK(word_of(n1, "no_promise").empty());
}

TEST_CASE("guard: a promise without a watchdog stands although there is none to look at") {
    guarded_cluster all;
    guarded_node n1(all, "n1", lease::contract::selfstop);
    arm(n1);
    for (int i = 0; i < 3; ++i) {
        n1.second();
        REQUIRE(n1.writer.renew());
        CHECK(n1.lease().promise == lease::contract::selfstop);
        CHECK(word_of(n1, "phase") == "armed");
    }
}

TEST_CASE("guard: what it has seen and heard counts at once, not with the next second") {
    guarded_cluster all;
    guarded_node n1(all, "n1", lease::contract::watchdog);
    write_text(all.pve() / "nodes/n1/lxc/101.conf", "hostname: web\n");
    n1.manage({ct101});
    SECTION("a guest at home") {
        for (int i = 0; i < 3; ++i) REQUIRE(n1.writer.renew());
        CHECK(n1.lease().promise == lease::contract::watchdog);
    }
    SECTION("the system goes down, and nothing runs") {
        REQUIRE(n1.writer.renew());
        REQUIRE(n1.ask(guard::verb::leave, "shutdown").ok);
        REQUIRE(n1.writer.renew());
        CHECK(n1.lease().promise == lease::contract::released);
    }
    SECTION("the last guest ended while the system goes down") {
        n1.run_guest(ct101);
        for (int i = 0; i < 3; ++i) REQUIRE(n1.writer.renew());
        n1.heart.leave(lease::departure::shutdown);
        CHECK(word_of(n1, "contract") == "watchdog");
        n1.end_guest(ct101);
        n1.second();
        CHECK(word_of(n1, "contract") == "released");
    }
}

TEST_CASE("guard: what was read more than five seconds ago ends nothing") {
    guarded_cluster all;
    guarded_node n1(all, "n1");
    n1.run_guest(ct101);
    n1.manage({ct101});
    guard::home_sight sight;
    sight.taken = {ct101};
    n1.heart.see(sight, all.now - 6s);
    CHECK_FALSE(n1.is_told_to_end(ct101));
    n1.heart.see(sight, all.now - 5s);
    CHECK(n1.is_told_to_end(ct101));
}

TEST_CASE("guard: before it writes its lease it reads what stands there") {
    guarded_cluster all;
    guarded_node n1(all, "n1", lease::contract::watchdog);
    arm(n1);
    lease::node_lease newer = n1.lease();
    const auto renewals = newer.renewals + 6;
    newer.renewals = renewals;
    write_text(all.pve() / "priv/steward/nodes/n1", lease::to_text(newer));
    REQUIRE(n1.writer.renew());
    CHECK(n1.lease().renewals == renewals + 1);
}

TEST_CASE("guard: a lease that cannot be read, its own or another, is passed over") {
    guarded_cluster all;
    guarded_node n1(all, "n1");
    std::filesystem::create_directories(all.pve() / "priv/steward/nodes/n2");
    CHECK(n1.writer.renew());
    std::filesystem::remove(all.pve() / "priv/steward/nodes/n1");
    std::filesystem::create_directories(all.pve() / "priv/steward/nodes/n1");
    CHECK_FALSE(n1.writer.renew());
}

TEST_CASE("guard: a guest whose configuration is elsewhere, but was never taken from this node, is left alone") {
    guarded_cluster all;
    guarded_node n1(all, "n1");
    n1.run_guest(ct101);
    n1.manage({ct101});
    write_text(all.pve() / "nodes/n2/lxc/101.conf", "hostname: web\n");
    REQUIRE(n1.writer.renew());
    CHECK_FALSE(n1.is_told_to_end(ct101));
    write_text(all.pve() / "priv/steward/parked/101.n2.g3.conf", "hostname: web\n");
    REQUIRE(n1.writer.renew());
    CHECK_FALSE(n1.is_told_to_end(ct101));
    write_text(all.pve() / "priv/steward/parked/101.n1.g4.conf", "hostname: web\n");
    REQUIRE(n1.writer.renew());
    CHECK(n1.is_told_to_end(ct101));
}
