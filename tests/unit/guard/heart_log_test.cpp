#include "base/key_lines.hpp"
#include "core/fencing/corosync_config.hpp"
#include "support/guarded_node.hpp"
#include "support/heard_log.hpp"
#include "unit/guard/kernel_fault.hpp"

#include <catch2/catch.hpp>
#include <cerrno>

using namespace steward;
using namespace std::chrono_literals;

/// What a person is told of a guard's work: what is said, and that it is said once.
namespace {

const guest_id ct101(guest_type::ct, vmid(101));
const guest_id ct102(guest_type::ct, vmid(102));

/// Both run here, and the guard armed.
void arm(guarded_node& n) {
    for (const guest_id g : {ct101, ct102}) {
        write_text(n.cluster.pve() / "nodes/n1/lxc" / (to_string(g.id) + ".conf"), "hostname: web\n");
        n.run_guest(g);
    }
    n.manage({ct101, ct102});
    for (int i = 0; i < 3; ++i) {
        REQUIRE(n.writer.renew());
        n.second();
    }
    REQUIRE(n.lease().promise == lease::contract::watchdog);
}

/// Somebody parks it, as after a hand-over.
void take_away(const guarded_cluster& all, guest_id g) {
    const std::string id = to_string(g.id);
    write_text(all.pve() / "priv/steward/parked" / (id + ".n1.g3.conf"), "hostname: web\n");
    std::filesystem::remove(all.pve() / "nodes/n1/lxc" / (id + ".conf"));
}

}  // namespace

TEST_CASE("guard: why nothing can be promised is said once, and only where something was wanted") {
    guarded_cluster all;
    guarded_node n1(all, "n1", lease::contract::watchdog);
    guarded_node n2(all, "n2");
    const heard_log log;
    arm(n1);
    REQUIRE(n2.writer.renew());
    CHECK(log.count("guard.alert") == 0);
    write_text(all.corosync(), "nodelist {\n node {\n }\n node {\n }\n}\n");
    REQUIRE(n2.writer.renew());
    CHECK(log.count("two_node_unsafe") == 0);
    for (int i = 0; i < 2; ++i) REQUIRE(n1.writer.renew());
    CHECK(log.count("two_node_unsafe") == 1);
    CHECK(n1.heart.status().find("no_promise=two_node_unsafe") != std::string::npos);
    CHECK(n1.lease().promise == lease::contract::none);
    // Said again once something else was wrong in between.
    write_text(all.pve() / ".members",
               R"({"nodelist": {"n1": {"online": 1}, "n2": {"online": 0}, "n3": {"online": 0}}})");
    write_text(all.corosync(), guarded_cluster::three_nodes);
    for (int i = 0; i < 2; ++i) CHECK_FALSE(n1.writer.renew());
    CHECK(log.count(fencing::expected_votes_overridden) == 1);
    std::filesystem::remove(all.pve() / ".members");
    write_text(all.corosync(), "nodelist {\n node {\n }\n node {\n }\n}\n");
    REQUIRE(n1.writer.renew());
    CHECK(log.count("two_node_unsafe") == 2);
    // That all is well again is no complaint.
    write_text(all.corosync(), guarded_cluster::three_nodes);
    REQUIRE(n1.writer.renew());
    CHECK(log.count("guard.alert") == 3);
}

TEST_CASE("guard: each phase is told once, when it begins") {
    guarded_cluster all;
    guarded_node n1(all, "n1", lease::contract::watchdog);
    const heard_log log;
    arm(n1);
    CHECK(log.count("guard.phase") == 3);
    CHECK(log.count("from=embargo to=disarmed") == 1);
    CHECK(log.count("from=disarmed to=arming") == 1);
    CHECK(log.count("from=arming to=armed") == 1);
    n1.second();
    CHECK(log.count("guard.phase") == 3);
}

TEST_CASE("guard: a watchdog-mux that has gone is told, is not spoken to again, and holds nobody back") {
    guarded_cluster all;
    guarded_node n1(all, "n1", lease::contract::watchdog);
    arm(n1);
    (void)n1.mux.heard();
    const heard_log log;
    n1.mux.hang_up();
    SECTION("noticed by the tick") { n1.second(); }
    SECTION("noticed when it is fed") { REQUIRE(n1.writer.renew()); }
    CHECK(log.count("contract_downgraded") == 1);
    n1.heart.withdraw();
    for (int i = 0; i < 2; ++i) REQUIRE(n1.writer.renew());
    CHECK(log.count("contract_downgraded") == 1);
    CHECK(n1.heart.is_withdrawn());
    // Nor once something else was told in between: what has gone is not asked whether it lives.
    guard::home_sight unsafe;
    unsafe.no_promise.code = "two_node_unsafe";
    n1.heart.see(unsafe, all.now);
    n1.heart.tick();
    CHECK(log.count("contract_downgraded") == 1);
}

TEST_CASE("guard: that writes are too slow for the watchdog is told when it begins, and not with every tick") {
    guarded_cluster all;
    guarded_node n1(all, "n1", lease::contract::watchdog);
    arm(n1);
    const heard_log log;
    const auto renewal_that_took = [&](duration takes) {
        all.now += takes;
        n1.heart.renewed(true, all.now - takes, lease::contract::watchdog);
    };
    renewal_that_took(4s);
    CHECK(log.count("takes writes so slowly") == 0);
    for (int i = 0; i < 2; ++i) renewal_that_took(25s);
    CHECK(log.count("takes writes so slowly") == 1);
    guard::home_sight unsafe;
    unsafe.no_promise.code = "two_node_unsafe";
    n1.heart.see(unsafe, all.now);
    CHECK(log.count("two_node_unsafe") == 1);
    n1.heart.tick();
    CHECK(log.count("takes writes so slowly") == 1);
}

TEST_CASE("guard: a watchdog that cannot be opened is told") {
    guarded_cluster all;
    guarded_node n1(all, "n1", lease::contract::watchdog);
    std::filesystem::remove(n1.directory / "mux");
    write_text(all.pve() / "nodes/n1/lxc/101.conf", "hostname: web\n");
    n1.manage({ct101});
    const heard_log log;
    REQUIRE(n1.writer.renew());
    CHECK(log.count("contract_downgraded") == 1);
    CHECK(n1.lease().promise == lease::contract::none);
}

TEST_CASE("guard: a clock that was set is told, one that goes is not, and five seconds keep the promise") {
    guarded_cluster all;
    guarded_node n1(all, "n1", lease::contract::watchdog);
    arm(n1);
    const heard_log log;
    n1.second();
    CHECK(log.count("guard.clock_step") == 0);
    all.wall_step = -5s;
    n1.second();
    CHECK(log.count("guard.clock_step") == 1);
    REQUIRE(n1.writer.renew());
    CHECK(n1.lease().promise == lease::contract::watchdog);
    all.wall_step = -11s;
    n1.second();
    REQUIRE(n1.writer.renew());
    CHECK(n1.lease().promise == lease::contract::none);
}

TEST_CASE("guard: a guest that the kernel refuses to end is told, others are not") {
    guarded_cluster all;
    guarded_node n1(all, "n1", lease::contract::watchdog);
    arm(n1);
    const heard_log log;
    SECTION("all can be ended") {
        all.now += 60s;
        n1.heart.tick();
        CHECK(log.count("guard.killing") == 1);
        CHECK(log.count("kill_refused") == 0);
    }
    SECTION("one cannot") {
        std::filesystem::remove(n1.directory / "cgroup/lxc/101/cgroup.kill");
        all.now += 60s;
        n1.heart.tick();
        CHECK(log.count("kill_refused") == 1);
        CHECK(n1.is_told_to_end(ct102));
    }
}

TEST_CASE("guard: of a guest that was ended so late that another node may have had it, that is told once") {
    guarded_cluster all;
    guarded_node n1(all, "n1", lease::contract::watchdog);
    arm(n1);
    const heard_log log;
    const auto renew = [&] { REQUIRE(n1.writer.renew()); };
    const auto end_all = [&] {
        n1.heart.tick();
        for (const guest_id g : {ct101, ct102}) n1.end_guest(g);
        n1.heart.tick();
    };
    SECTION("in time: nobody had it") {
        all.now += 60s;
        end_all();
        take_away(all, ct101);
        renew();
        CHECK(log.count("may have run twice") == 0);
    }
    SECTION("a second before others would take it") {
        all.now = all.now - n1.heart.lease_age() + 149s;
        end_all();
        take_away(all, ct101);
        renew();
        CHECK(log.count("may have run twice") == 0);
    }
    SECTION("late, and it was taken") {
        all.now = all.now - n1.heart.lease_age() + 150s;
        end_all();
        take_away(all, ct101);
        renew();
        CHECK(log.count("may have run twice") == 1);
        CHECK(log.count("guest=ct/101") == 1);
        renew();
        CHECK(log.count("may have run twice") == 1);
    }
    SECTION("late, but it stayed") {
        all.now += 200s;
        end_all();
        renew();
        take_away(all, ct101);
        renew();
        CHECK(log.count("may have run twice") == 0);
    }
    SECTION("one after the other, the first for several seconds") {
        n1.end_guest(ct102);
        all.now += 200s;
        for (int i = 0; i < 3; ++i) n1.heart.tick();
        n1.run_guest(ct102);
        end_all();
        take_away(all, ct101);
        take_away(all, ct102);
        renew();
        CHECK(log.count("may have run twice") == 2);
    }
    SECTION("one that is looked after only since others were ended late") {
        const guest_id ct103(guest_type::ct, vmid(103));
        all.now += 200s;
        n1.heart.tick();
        n1.manage({ct103});
        n1.run_guest(ct103);
        n1.heart.tick();
        n1.end_guest(ct103);
        n1.heart.tick();
        write_text(all.pve() / "priv/steward/parked/103.n1.g3.conf", "hostname: web\n");
        renew();
        CHECK(log.count("guest=ct/103") == 1);
    }
}

TEST_CASE("guard: a guard that was restarted and never heard its daemon tells as well what it ended late") {
    guarded_cluster all;
    {
        guarded_node n1(all, "n1", lease::contract::selfstop);
        n1.manage({ct101});
        std::filesystem::remove(n1.directory / "mux");
    }
    guarded_node again(all, "n1", lease::contract::selfstop);
    write_text(all.pve() / "nodes/n1/lxc/101.conf", "hostname: web\n");
    again.run_guest(ct101);
    for (int i = 0; i < 3; ++i) REQUIRE(again.writer.renew());
    REQUIRE(again.lease().promise == lease::contract::selfstop);
    const heard_log log;
    all.now += 200s;
    again.heart.tick();
    again.end_guest(ct101);
    again.heart.tick();
    take_away(all, ct101);
    REQUIRE(again.writer.renew());
    CHECK(log.count("may have run twice") == 1);
}

TEST_CASE("guard: whom it looks after is kept whole or not at all, and only where it is wanted") {
    guarded_cluster all;
    const heard_log log;
    guarded_node n1(all, "n1");
    n1.manage({ct101});
    CHECK(log.count("guard.not_kept") == 0);
    CHECK(read_text(n1.directory / "managed") == join_guests({ct101}));
    std::filesystem::create_directories(n1.directory / "managed.tmp/in the way");
    n1.manage({ct101, ct102});
    CHECK(log.count("guard.not_kept") == 1);
    CHECK(read_text(n1.directory / "managed") == join_guests({ct101}));

    guard::heart forgetful({}, all.clocks());
    daemon_words w;
    w.managed = {ct101};
    forgetful.hear(w);
    CHECK(forgetful.managed() == w.managed);
    CHECK(log.count("guard.not_kept") == 1);
}

TEST_CASE("guard: a cluster file system that fails behind the renewal is told; the renewal counts") {
    guarded_cluster all;
    guarded_node n1(all, "n1");
    REQUIRE(n1.writer.renew());
    std::filesystem::create_directories(all.pve() / "priv/steward/parked");
    const heard_log log;
    const auto renewals = n1.lease().renewals;
    const kernel_fault fault(kernel_fault::call::fdopendir, EIO);
    CHECK(n1.writer.renew());
    CHECK(n1.lease().renewals == renewals + 1);
    CHECK(log.count("guard.blind") == 1);
}
