#include "base/sha1.hpp"
#include "support/as_somebody_else.hpp"
#include "support/guarded_node.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace std::chrono_literals;
using guard::verb;

namespace {

const guest_id ct101(guest_type::ct, vmid(101));
const std::string config = "hostname: web\nonboot: 1\n";

/// n1 leads in epoch 1.
class led_cluster {
  public:
    led_cluster() {
        REQUIRE(n1.writer.renew());
        REQUIRE(n2.writer.renew());
        REQUIRE(n1.ask(verb::lock, "take").ok);
        REQUIRE(n1.ask(verb::claim, "epoch/1").yes);
        write_text(all.pve() / "nodes/n2/lxc/101.conf", config);
    }
    [[nodiscard]] guard::reply park(guarded_node& by, std::uint64_t epoch, bool is_source_gone = false,
                                    const char* source = "n2") {
        guard::request r;
        r.what = verb::park;
        r.guest = ct101;
        r.source = node_name(source);
        r.generation = 3;
        r.digest = sha1_hex(config);
        r.epoch = epoch;
        r.is_source_gone = is_source_gone;
        return by.desk.answer(r);
    }
    guarded_cluster all;
    guarded_node n1{all, "n1"};
    guarded_node n2{all, "n2"};
};

}  // namespace

TEST_CASE("guard: the leader's lock belongs to one node, and is renewed and released by that node alone") {
    led_cluster c;
    CHECK(c.n2.ask(verb::lock, "take").code == errc::exists);
    CHECK(c.n2.ask(verb::lock, "renew").code == errc::refused);
    CHECK(c.n2.ask(verb::lock, "release").code == errc::refused);
    const std::string before = c.n2.ask(verb::lock, "look").text;
    c.all.now += 1s;
    REQUIRE(c.n1.ask(verb::lock, "renew").ok);
    CHECK(c.n2.ask(verb::lock, "look").text != before);
    // A wall clock that was set back does not make it look older (P5).
    c.all.wall_step = -3600s;
    const std::string renewed = c.n2.ask(verb::lock, "look").text;
    REQUIRE(c.n1.ask(verb::lock, "renew").ok);
    CHECK(std::stoll(c.n2.ask(verb::lock, "look").text) > std::stoll(renewed));
    REQUIRE(c.n1.ask(verb::lock, "release").ok);
    CHECK_FALSE(c.n2.ask(verb::lock, "look").yes);
    CHECK(c.n1.ask(verb::lock, "renew").code == errc::refused);
    CHECK(c.n1.ask(verb::lock, "release").code == errc::refused);
    CHECK(c.n1.ask(verb::lock, "steal").code == errc::invalid);
    REQUIRE(c.n2.ask(verb::lock, "take").ok);
}

TEST_CASE("guard: a lock that was not renewed in time is given up, not grabbed back") {
    led_cluster c;
    SECTION("released only within 20 s") {
        c.all.now += 20s;
        CHECK(c.n1.ask(verb::lock, "release").code == errc::refused);
        CHECK(c.n1.ask(verb::lock, "look").yes);
    }
    SECTION("renewed only within 45 s") {
        c.all.now += 45s;
        CHECK(c.n1.ask(verb::lock, "renew").code == errc::refused);
    }
    SECTION("somebody else has it by now") {
        std::filesystem::remove(c.all.pve() / "priv/lock/steward-leader");
        REQUIRE(c.n2.ask(verb::lock, "take").ok);
        c.all.now += 2s;
        REQUIRE(c.n2.ask(verb::lock, "renew").ok);
        CHECK(c.n1.ask(verb::lock, "renew").code == errc::exists);
        CHECK(c.n1.ask(verb::lock, "renew").code == errc::refused);
    }
    SECTION("that somebody asked for its age changes nothing") {
        CHECK(c.n2.ask(verb::lock, "ask").code == errc::exists);
        CHECK(c.n2.ask(verb::lock, "look").text == "0");
        CHECK(c.n1.ask(verb::lock, "renew").ok);
        CHECK(c.n2.ask(verb::lock, "take").code == errc::exists);
        CHECK(c.n2.ask(verb::lock, "look").text != "0");
    }
    SECTION("there is none any more: whoever asks takes it") {
        REQUIRE(c.n1.ask(verb::lock, "release").ok);
        CHECK(c.n2.ask(verb::lock, "ask").ok);
        CHECK(c.n1.ask(verb::lock, "take").code == errc::exists);
    }
    SECTION("a node without a fresh lease of its own takes none") {
        REQUIRE(c.n1.ask(verb::lock, "release").ok);
        c.all.now += 45s;
        CHECK(c.n2.ask(verb::lock, "take").code == errc::no_quorum);
        CHECK(c.n2.ask(verb::lock, "ask").code == errc::no_quorum);
        REQUIRE(c.n2.writer.renew());
        CHECK(c.n2.ask(verb::lock, "take").ok);
    }
}

TEST_CASE("guard: an epoch is begun once, and only by whoever holds the lock") {
    led_cluster c;
    CHECK_FALSE(c.n1.ask(verb::claim, "epoch/1").yes);
    CHECK(c.n2.ask(verb::claim, "epoch/2").code == errc::no_quorum);
    CHECK(c.n1.ask(verb::claim, "epoch/2").yes);
    CHECK(c.n2.ask(verb::list, "epoch").text.find("2\n") != std::string::npos);
    CHECK(c.n1.ask(verb::claim, "epoch/x").code == errc::invalid);
}

TEST_CASE("guard: a change needs the newest epoch, a fresh lease and a fresh lock; without them nothing happens") {
    led_cluster c;
    SECTION("the leader may") {
        CHECK(c.n1.ask(verb::save, "records/guest.101", "{}", 1).ok);
        CHECK(c.n2.ask(verb::read, "records/guest.101").text == "{}");
        CHECK(c.n1.ask(verb::claim, "claims/fo.101.3", "", 1).yes);
        CHECK_FALSE(c.n1.ask(verb::claim, "claims/fo.101.3", "", 1).yes);
        CHECK(c.park(c.n1, 1).ok);
    }
    SECTION("a daemon that does not lead, and a single instance in a cluster that is led") {
        for (const std::uint64_t epoch : {0, 1, 2}) {
            INFO(epoch);
            CHECK(c.n2.ask(verb::save, "records/guest.101", "{}", epoch).code == errc::no_quorum);
            CHECK(c.n2.ask(verb::claim, "claims/fo.101.3", "", epoch).code == errc::no_quorum);
            CHECK(c.park(c.n2, epoch).code == errc::no_quorum);
        }
    }
    SECTION("a leader of yesterday") {
        std::filesystem::create_directories(c.all.pve() / "priv/steward/epoch/2");
        CHECK(c.park(c.n1, 1).code == errc::no_quorum);
    }
    SECTION("the lock was not renewed for 30 s") {
        c.all.now += 29s;
        CHECK(c.n1.ask(verb::save, "records/guest.101", "{}", 1).ok);
        c.all.now += 1s;
        CHECK(c.n1.ask(verb::save, "records/guest.101", "{}", 1).code == errc::no_quorum);
        CHECK(c.park(c.n1, 1).code == errc::no_quorum);
    }
    SECTION("the node's own lease was not renewed for 45 s") {
        c.all.now += 40s;
        REQUIRE(c.n1.ask(verb::lock, "renew").ok);
        CHECK(c.park(c.n1, 1).ok);
        c.all.now += 5s;
        CHECK(c.n1.ask(verb::save, "records/guest.101", "{}", 1).code == errc::no_quorum);
    }
    CHECK((std::filesystem::exists(c.all.pve() / "nodes/n2/lxc/101.conf") !=
           std::filesystem::exists(c.all.pve() / "priv/steward/parked/101.n2.g3.conf")));
}

TEST_CASE("guard: without any epoch a single instance works as ever") {
    guarded_cluster all;
    guarded_node n1(all, "n1");
    write_text(all.pve() / "nodes/n2/lxc/101.conf", config);
    guard::request r;
    r.what = verb::park;
    r.guest = ct101;
    r.source = node_name("n2");
    r.generation = 3;
    r.digest = sha1_hex(config);
    CHECK(n1.ask(verb::claim, "claims/fo.101.3", "", 0).yes);
    r.epoch = 5;  // of another cluster, or of one that was forgotten
    CHECK(n1.desk.answer(r).code == errc::no_quorum);
    CHECK(n1.ask(verb::save, "records/guest.101", "{}", 5).code == errc::no_quorum);
    r.epoch = 0;
    CHECK(n1.desk.answer(r).ok);
}

TEST_CASE("guard: what cannot be written, or is too large for an answer, is said") {
    led_cluster c;
    std::filesystem::create_directories(c.all.pve() / "priv/steward/records/a");
    CHECK_FALSE(c.n1.ask(verb::save, "records/a", "{}", 1).ok);
    const std::string fits(guard::max_reply - 256, 'x');
    write_text(c.all.pve() / "priv/steward/records/b", fits);
    CHECK(c.n1.ask(verb::read, "records/b").text == fits);
    write_text(c.all.pve() / "priv/steward/records/b", fits + "x");
    CHECK(c.n1.ask(verb::read, "records/b").code == errc::garbage);
}

TEST_CASE("guard: that a node is gone is not believed: its lease must be silent, or a person must vouch for it") {
    led_cluster c;
    const auto renew_n1 = [&] {
        REQUIRE(c.n1.writer.renew());
        REQUIRE(c.n1.ask(verb::lock, "renew").ok);
    };
    // n2 has promised something, and is seen to renew.
    const auto n2_says = [&](lease::contract promise, std::uint64_t renewals) {
        lease::node_lease l;
        l.node = node_name("n2");
        l.boot_id = "boot-1";
        l.renewals = renewals;
        l.promise = promise;
        write_text(c.all.pve() / "priv/steward/nodes/n2", lease::to_text(l));
    };
    class row {
      public:
        const char* name;
        lease::contract promise;
        int rounds;  ///< of ten seconds each until it is believed
    };
    for (const row& r : {row{"silent for 150 s before this guard's own eyes", lease::contract::watchdog, 15},
                         row{"it let its guests go, and has missed three renewals", lease::contract::released, 3},
                         row{"the same for a reboot", lease::contract::frozen, 3}}) {
        DYNAMIC_SECTION(r.name) {
            n2_says(r.promise, 50);
            renew_n1();
            for (int i = 1; i < r.rounds; ++i) {
                c.all.now += 10s;
                renew_n1();
            }
            CHECK(c.park(c.n1, 1, true).code == errc::no_quorum);
            c.all.now += 10s;
            renew_n1();
            CHECK(c.park(c.n1, 1, true).ok);
        }
    }
    SECTION("silent, but it promised nothing") {
        n2_says(lease::contract::none, 50);
        for (int i = 0; i < 20; ++i) {
            c.all.now += 10s;
            renew_n1();
        }
        CHECK(c.park(c.n1, 1, true).code == errc::no_quorum);
    }
    SECTION("a person vouches for that boot") {
        n2_says(lease::contract::none, 50);
        renew_n1();
        REQUIRE(c.n2.ask(verb::save, "fence/n2", "boot-1 1790000000 root", 0).ok);
        CHECK(c.park(c.n1, 1, true).code == errc::no_quorum);  // it wrote a lease just now
        c.all.now += 10s;
        CHECK(c.park(c.n1, 1, true).ok);
    }
    SECTION("a person vouched for another boot") {
        n2_says(lease::contract::none, 50);
        renew_n1();
        REQUIRE(c.n1.ask(verb::save, "fence/n2", "boot-0 1790000000 root", 1).ok);
        CHECK(c.park(c.n1, 1, true).code == errc::no_quorum);
        c.all.now += 10s;
        renew_n1();
        CHECK(c.park(c.n1, 1, true).code == errc::no_quorum);
    }
    SECTION("somebody else writes of it: only its own lease is its own word") {
        n2_says(lease::contract::watchdog, 50);
        for (int i = 0; i < 16; ++i) {
            lease::node_lease l;
            l.node = node_name("n2");
            l.boot_id = "boot-1";
            l.renewals = 60U + static_cast<unsigned>(i);
            write_text(c.all.pve() / "priv/steward/nodes/n3", lease::to_text(l));
            write_text(c.all.pve() / "priv/steward/nodes/n4", "torn");
            renew_n1();
            c.all.now += 10s;
        }
        renew_n1();
        CHECK(c.park(c.n1, 1, true).ok);
    }
}

TEST_CASE("guard: only its own names are read and written, and only records that fit") {
    led_cluster c;
    write_text(c.all.pve() / "priv/authkey.key", "secret");
    for (const char* name : {"records", "records/", "records/../authkey.key", "../authkey.key", "priv/authkey.key",
                             "records/.hidden", "records/a/b", "lock/steward-leader", "nodes/../../priv/authkey.key"}) {
        INFO(name);
        CHECK(c.n1.ask(verb::read, name).code == errc::invalid);
        CHECK(c.n1.ask(verb::save, name, "x", 1).code == errc::invalid);
        CHECK(c.n1.ask(verb::claim, name, "", 1).code == errc::invalid);
    }
    for (const char* name : {"", "..", "../nodes", "claims", "lock"})
        CHECK(c.n1.ask(verb::list, name).code == errc::invalid);
    CHECK(c.n1.ask(verb::save, "nodes/n1", "x", 1).code == errc::invalid);  // a lease is the guard's own
    CHECK(c.n1.ask(verb::save, "records/a", "", 1).code == errc::invalid);
    CHECK(c.n1.ask(verb::save, "records/a", std::string(4097, 'x'), 1).code == errc::invalid);
    CHECK(c.n1.ask(verb::save, "records/a", std::string(4096, 'x'), 1).ok);
    CHECK(c.n1.ask(verb::say, "", "nonsense").code == errc::garbage);
}

TEST_CASE("guard: a parked configuration is removed for ever only by whoever leads") {
    led_cluster c;
    REQUIRE(c.park(c.n1, 1).ok);
    guard::request r;
    r.what = verb::discard;
    r.guest = ct101;
    r.source = node_name("n2");
    r.generation = 3;
    r.epoch = 7;
    CHECK(c.n1.desk.answer(r).code == errc::no_quorum);
    r.generation = 4;
    CHECK(c.n1.desk.answer(r).code == errc::not_found);
    r.epoch = 1;
    CHECK(c.n1.desk.answer(r).code == errc::not_found);
    r.generation = 3;
    const auto kept = c.all.pve() / "priv/steward/parked/101.n2.g3.orig";
    SECTION("what was kept of it is gone already") { std::filesystem::remove(kept); }
    SECTION("both are there") { CHECK(std::filesystem::exists(kept)); }
    CHECK(c.n1.ask(verb::list, "parked").text.find("101.n2.g3.conf") != std::string::npos);
    REQUIRE(c.n1.desk.answer(r).ok);
    CHECK(c.n1.ask(verb::list, "parked").text.empty());
}

TEST_CASE("guard: what a killed restore has left is unlocked only for whoever leads") {
    led_cluster c;
    REQUIRE(c.park(c.n1, 1).ok);
    const auto left = c.all.pve() / "nodes/n1/lxc/101.conf";
    write_text(left, "lock: create\n");
    REQUIRE(c.n1.ask(verb::save, "records/guest.101",
                     R"({"state":"cleaning","claim":3,"restarts":[],"target":"n1","tried":[]})", 1)
                .ok);
    guard::request r;
    r.what = verb::unlock;
    r.guest = ct101;
    r.source = node_name("n2");
    r.target = node_name("n1");
    r.generation = 3;
    r.digest = sha1_hex("lock: create\n");
    r.epoch = 7;
    CHECK(c.n1.desk.answer(r).code == errc::no_quorum);
    r.epoch = 1;
    CHECK(c.n2.desk.answer(r).code == errc::no_quorum);
    SECTION("whose lease is too old") {
        c.all.now += 46s;
        CHECK(c.n1.desk.answer(r).code == errc::no_quorum);
        CHECK(read_text(left) == "lock: create\n");
    }
    SECTION("who may") {
        CHECK(c.n1.desk.answer(r).ok);
        CHECK(read_text(left).empty());
    }
}

TEST_CASE("guard: half of a parked configuration that cannot be removed is said") {
    led_cluster c;
    REQUIRE(c.park(c.n1, 1).ok);
    const auto kept = c.all.pve() / "priv/steward/parked/101.n2.g3.orig";
    std::filesystem::remove(kept);
    std::filesystem::create_directories(kept / "in the way");
    guard::request r;
    r.what = verb::discard;
    r.guest = ct101;
    r.source = node_name("n2");
    r.generation = 3;
    r.epoch = 1;
    CHECK_FALSE(c.n1.desk.answer(r).ok);
}

TEST_CASE("guard: a node without a cluster file system says so, and serves nothing") {
    led_cluster c;
    c.all.lose_quorum();
    for (const verb what : {verb::list, verb::read, verb::save, verb::claim, verb::lock, verb::park}) {
        const guard::reply answer = what == verb::park   ? c.park(c.n1, 1)
                                    : what == verb::lock ? c.n1.ask(what, "renew")
                                    : what == verb::list ? c.n1.ask(what, "records")
                                                         : c.n1.ask(what, "records/a", "x", 1);
        CHECK_FALSE(answer.ok);
    }
    CHECK(c.n1.ask(verb::say, "", to_text(daemon_words())).text.find("phase=") == 0);  // that needs no file
    c.all.regain_quorum();
}

TEST_CASE("guard: what the daemon says is kept") {
    led_cluster c;
    daemon_words w;
    w.managed = {ct101};
    CHECK(c.n1.ask(verb::say, "", to_text(w)).ok);
    CHECK(c.n1.heart.managed() == w.managed);
}

TEST_CASE("guard: without any epoch nobody else could bring a guest up: its node may be called gone") {
    led_cluster single;
    std::filesystem::remove(single.all.pve() / "priv/steward/epoch/1");
    CHECK(single.park(single.n1, 0, true).ok);
}

TEST_CASE("guard: a node that never wrote a lease is not believed to be gone, unless a person says so") {
    led_cluster c;
    write_text(c.all.pve() / "nodes/n3/lxc/101.conf", config);
    std::filesystem::remove(c.all.pve() / "nodes/n2/lxc/101.conf");
    const guard::reply refused = c.park(c.n1, 1, true, "n3");
    CHECK(refused.code == errc::no_quorum);
    CHECK(refused.detail.find("n3 has never written a lease") != std::string::npos);
    REQUIRE(c.n1.ask(verb::save, "fence/n3", "boot-1 1790000000 root", 1).ok);
    CHECK(c.park(c.n1, 1, true, "n3").ok);
}

TEST_CASE("guard: a lock whose age may not be asked for is not tried") {
    led_cluster c;
    for (const char* opened : {"", "pve", "pve/priv", "pve/priv/lock", "pve/nodes"})
        std::filesystem::permissions(c.all.dir.path() / opened, std::filesystem::perms(0755));
    const as_somebody_else other;
    if (!other.is_another) return;  // only root can try what is not its own
    CHECK(c.n2.ask(verb::lock, "ask").code == errc::no_quorum);
}
