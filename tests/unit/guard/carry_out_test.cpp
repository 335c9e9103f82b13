#include "guard/carry_out.hpp"

#include "base/sha1.hpp"
#include "core/handover/config_text.hpp"
#include "runtime/atomic_file.hpp"
#include "support/as_somebody_else.hpp"
#include "support/temporary_directory.hpp"
#include "unit/guard/kernel_fault.hpp"

#include <catch2/catch.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>

using namespace steward;
using namespace steward::guard;
using steward::handover::locked_text;
namespace fs = std::filesystem;

namespace {

const std::string original =
    "#a note\narch: amd64\nhostname: web\nonboot: 1\nrootfs: local-lvm:vm-101-disk-0,size=8G\n\n[old]\nhostname: was\n";

/// A directory that looks like /etc/pve with ct/101 on n2.
class site {
  public:
    site() : place(dir.path()) {
        for (const char* n : {"n1", "n2", "n3"})
            for (const char* d : {"lxc", "qemu-server"}) fs::create_directories(dir.path() / "nodes" / n / d);
        fs::create_directories(dir.path() / "priv");
        put(home, original);
    }
    void put(const std::string& path, const std::string& text) const {
        REQUIRE(write_file_atomically(dir.path() / path, text));
    }
    [[nodiscard]] std::string get(const std::string& path) const {
        const auto text = read_file(dir.path() / path, 1 << 20);
        return text ? *text : std::string("(missing)");
    }
    reply ask(verb what, unsigned most_steps = 1000) const {
        request r;
        r.what = what;
        r.guest = guest_id(guest_type::ct, vmid(101));
        r.source = node_name("n2");
        r.target = node_name("n1");
        r.generation = 4;
        r.digest = sha1_hex(original);
        return carry_out(r, place, most_steps);
    }
    const std::string home = "nodes/n2/lxc/101.conf";
    const std::string parked = "priv/steward/parked/101.n2.g4.conf";
    temporary_directory dir;
    workplace place;
};

}  // namespace

TEST_CASE("park keeps every byte, locks what it parks, and is done once") {
    const site s;
    const reply first = s.ask(verb::park);
    INFO(first.detail);
    REQUIRE(first.ok);
    CHECK(first.path == s.parked);
    CHECK(s.get(s.home) == "(missing)");
    CHECK(s.get(s.parked) == locked_text(original));
    CHECK(s.get("priv/steward/parked/101.n2.g4.orig") == original);
    const reply again = s.ask(verb::park);
    CHECK(again.ok);
    CHECK(again.path == s.parked);
    CHECK(s.get(s.parked) == locked_text(original));
}

TEST_CASE("unpark brings back every byte, and is done once") {
    const site s;
    REQUIRE(s.ask(verb::park).ok);
    REQUIRE(s.ask(verb::unpark).ok);
    CHECK(s.get(s.home) == original);
    CHECK(s.get(s.parked) == "(missing)");
    CHECK(s.ask(verb::unpark).ok);
    CHECK(s.get(s.home) == original);
}

TEST_CASE("relocate moves the configuration and nothing else") {
    const site s;
    REQUIRE(s.ask(verb::relocate).ok);
    CHECK(s.get(s.home) == "(missing)");
    CHECK(s.get("nodes/n1/lxc/101.conf") == original);
    CHECK(s.ask(verb::relocate).ok);
    CHECK(s.get("nodes/n1/lxc/101.conf") == original);
}

TEST_CASE("a guard killed between any two steps is taken up again, whatever is asked next") {
    for (unsigned steps = 0; steps < 6; ++steps) {
        DYNAMIC_SECTION("park cut off after " << steps << " steps, then parked") {
            const site s;
            s.ask(verb::park, steps);
            REQUIRE(s.ask(verb::park).ok);
            CHECK(s.get(s.parked) == locked_text(original));
            CHECK(s.get(s.home) == "(missing)");
            REQUIRE(s.ask(verb::unpark).ok);
            CHECK(s.get(s.home) == original);
        }
        DYNAMIC_SECTION("park cut off after " << steps << " steps, then given up") {
            const site s;
            s.ask(verb::park, steps);
            REQUIRE(s.ask(verb::unpark).ok);
            CHECK(s.get(s.home) == original);
            CHECK(s.get(s.parked) == "(missing)");
        }
        DYNAMIC_SECTION("unpark cut off after " << steps << " steps, then finished") {
            const site s;
            REQUIRE(s.ask(verb::park).ok);
            s.ask(verb::unpark, steps);
            REQUIRE(s.ask(verb::unpark).ok);
            CHECK(s.get(s.home) == original);
            CHECK(s.get(s.parked) == "(missing)");
        }
    }
}

TEST_CASE("what is not as it was asked for is refused, and nothing changes") {
    struct row {
        const char* name;
        verb what;
        errc code;
        void (*spoil)(const site&);
    };
    const row rows[] = {
        {"somebody edited it", verb::park, errc::changed,
         [](const site& s) { s.put(s.home, original + "memory: 1\n"); }},
        {"it is not there", verb::park, errc::not_found, [](const site& s) { fs::remove(s.dir.path() / s.home); }},
        {"nothing is parked", verb::unpark, errc::not_found, [](const site& s) { fs::remove(s.dir.path() / s.home); }},
        {"the vmid was taken meanwhile", verb::unpark, errc::exists,
         [](const site& s) {
             REQUIRE(s.ask(verb::park).ok);
             s.put("nodes/n1/qemu-server/101.conf", "name: thief\n");
         }},
        {"the target node is not there", verb::relocate, errc::not_found,
         [](const site& s) { fs::remove_all(s.dir.path() / "nodes/n1"); }},
        {"edited before a relocation", verb::relocate, errc::changed, [](const site& s) { s.put(s.home, "x: y\n"); }},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            const site s;
            r.spoil(s);
            const std::string before = s.get(s.home) + s.get(s.parked);
            const reply answer = s.ask(r.what);
            CHECK_FALSE(answer.ok);
            CHECK(answer.code == r.code);
            CHECK_FALSE(answer.detail.empty());
            CHECK(s.get(s.home) + s.get(s.parked) == before);
        }
    }
}

TEST_CASE("a configuration that PVE has locked is left alone, unless its node is proven dead") {
    const site s;
    const std::string locked =
        original.substr(0, original.find("rootfs")) + "lock: backup\n" + original.substr(original.find("rootfs"));
    s.put(s.home, locked);
    request r;
    r.what = verb::park;
    r.guest = guest_id(guest_type::ct, vmid(101));
    r.source = node_name("n2");
    r.generation = 4;
    r.digest = sha1_hex(locked);
    const reply answer = carry_out(r, s.place);
    CHECK_FALSE(answer.ok);
    CHECK(answer.code == errc::locked);
    CHECK(s.get(s.home) == locked);

    r.is_source_gone = true;
    CHECK(carry_out(r, s.place).ok);
    CHECK(s.get(s.home) == "(missing)");
}

TEST_CASE("symbolic links are not followed") {
    const site s;
    fs::rename(s.dir.path() / "nodes/n2/lxc", s.dir.path() / "elsewhere");
    fs::create_directory_symlink(s.dir.path() / "elsewhere", s.dir.path() / "nodes/n2/lxc");
    const reply answer = s.ask(verb::park);
    CHECK_FALSE(answer.ok);
    CHECK(answer.code == errc::refused);
    CHECK(answer.detail.find("not a plain file") != std::string::npos);
    CHECK(s.get("elsewhere/101.conf") == original);
}

TEST_CASE("no cluster file system, no answer but unavailable") {
    const temporary_directory empty;
    request r;
    r.what = verb::park;
    r.guest = guest_id(guest_type::ct, vmid(101));
    r.source = node_name("n2");
    r.digest = sha1_hex(original);
    const workplace nowhere(empty.path() / "pve");
    const reply answer = carry_out(r, nowhere);
    CHECK_FALSE(answer.ok);
    CHECK(answer.code == errc::unavailable);
}

TEST_CASE("what pmxcfs refuses after it was done is done, and what it refuses before is refused") {
    const site s;
    SECTION("after") {
        const kernel_fault fault(kernel_fault::call::renameat2_done, EACCES);
        CHECK(s.ask(verb::relocate).ok);
        CHECK(s.get("nodes/n1/lxc/101.conf") == original);
    }
    SECTION("before") {
        REQUIRE(s.ask(verb::park).ok);
        fs::remove_all(s.dir.path() / "nodes/n2/lxc");
        CHECK(s.ask(verb::unpark).code == errc::not_found);
    }
}

TEST_CASE("a request that was stopped before its first step has changed nothing, and says that it does not know") {
    const site s;
    const reply answer = s.ask(verb::park, 0);
    CHECK_FALSE(answer.ok);
    CHECK(answer.code == errc::outcome_unknown);
    CHECK(s.get(s.home) == original);
}

TEST_CASE("what is no node has no guests") {
    const site s;
    REQUIRE(s.ask(verb::park).ok);
    fs::create_directories(s.dir.path() / "nodes/no_node/lxc");
    s.put("nodes/no_node/lxc/101.conf", "hostname: other\n");
    CHECK(s.ask(verb::unpark).ok);
}

TEST_CASE("an unlock changes one file: what a killed restore has left on its target") {
    site s;
    REQUIRE(s.ask(verb::park).ok);
    const std::string left = "nodes/n1/lxc/101.conf";
    s.put(left, "lock: create\n");
    request r;
    r.what = verb::unlock;
    r.guest = guest_id(guest_type::ct, vmid(101));
    r.source = node_name("n2");
    r.target = node_name("n1");
    r.generation = 4;
    r.digest = sha1_hex("lock: create\n");
    SECTION("of a single instance") {
        CHECK(carry_out(r, s.place).ok);
        CHECK(s.get(left).empty());
        CHECK(carry_out(r, s.place).ok);  // asked again: it is done
        CHECK(s.get(s.parked) == locked_text(original));
    }
    SECTION("of a cluster that is led, whose record says so") {
        r.epoch = 7;
        CHECK(carry_out(r, s.place).code == errc::refused);
        fs::create_directories(s.dir.path() / "priv/steward/records");
        s.put("priv/steward/records/guest.101",
              R"({"state":"cleaning","claim":4,"restarts":[],"target":"n1","tried":[]})");
        CHECK(carry_out(r, s.place).ok);
    }
    SECTION("the number is somebody else's on another node") {
        s.put("nodes/n3/qemu-server/101.conf", "memory: 512\n");
        CHECK(carry_out(r, s.place).code == errc::exists);
    }
    SECTION("nobody may at the moment") {
        s.place.permit = [](pve_files&, const request&) {
            return std::optional<reply>(refusal(errc::no_quorum, "not the leader"));
        };
        CHECK(carry_out(r, s.place).code == errc::no_quorum);
        CHECK(s.get(left) == "lock: create\n");
    }
    SECTION("on the guard's own node PVE's lock is taken") {
        const temporary_directory run;
        s.place.lock_root = run.path();
        s.place.local_node = node_name("n1");
        CHECK(carry_out(r, s.place).ok);
        CHECK(fs::exists(run.path() / "lxc/pve-config-101.lock"));
    }
    SECTION("the file cannot be read") {
        fs::remove(s.dir.path() / left);
        fs::create_directories(s.dir.path() / left);
        CHECK_FALSE(carry_out(r, s.place).ok);
    }
    SECTION("the record cannot be read") {
        fs::create_directories(s.dir.path() / "priv/steward/records/guest.101");
        CHECK_FALSE(carry_out(r, s.place).ok);
    }
}

TEST_CASE("a check only looks") {
    const site s;
    CHECK(s.ask(verb::check).ok);
    CHECK_FALSE(fs::exists(s.dir.path() / "priv/steward"));
    fs::remove_all(s.dir.path() / "nodes");
    CHECK(s.ask(verb::check).code == errc::unavailable);
    std::ofstream(s.dir.path() / "nodes") << "no directory";
    CHECK_FALSE(s.ask(verb::check).ok);
}

TEST_CASE("the lock of PVE on this node is taken for its own guests, and for no others") {
    site s;
    const temporary_directory run;
    SECTION("it can be taken") {
        s.place.lock_root = run.path();
        s.place.local_node = node_name("n2");
        CHECK(s.ask(verb::park).ok);
        CHECK(fs::exists(run.path() / "lxc/pve-config-101.lock"));
    }
    SECTION("it cannot be taken") {
        std::ofstream(run.path() / "file") << "no directory";
        s.place.lock_root = run.path() / "file";
        s.place.local_node = node_name("n2");
        CHECK(s.ask(verb::park).code == errc::io);
        CHECK(s.get(s.home) == original);
    }
    SECTION("the guest is on another node") {
        s.place.lock_root = run.path();
        s.place.local_node = node_name("n1");
        CHECK(s.ask(verb::park).ok);
        CHECK_FALSE(fs::exists(run.path() / "lxc"));
    }
    SECTION("there are none") {
        const fs::path before = fs::current_path();
        fs::current_path(run.path());
        s.place.local_node = node_name("n2");
        const bool is_done = s.ask(verb::park).ok;
        fs::current_path(before);
        CHECK(is_done);
        CHECK(fs::is_empty(run.path()));
    }
}

TEST_CASE("a write that is denied is refused at once, and what was prepared is taken up later") {
    const site s;
    for (const char* opened : {"", "nodes", "nodes/n1", "nodes/n2", "nodes/n3", "priv"})
        fs::permissions(s.dir.path() / opened, fs::perms(0755));
    for (const char* ours : {"priv/steward", "priv/steward/parked"}) {
        fs::create_directories(s.dir.path() / ours);
        fs::permissions(s.dir.path() / ours, fs::perms(0777));
    }
    fs::permissions(s.dir.path() / s.home, fs::perms(0644));
    fs::permissions(s.dir.path() / "nodes/n2/lxc", fs::perms(0555));
    reply answer;
    {
        const as_somebody_else other;
        answer = s.ask(verb::park);
    }
    CHECK_FALSE(answer.ok);
    CHECK(answer.code == errc::no_quorum);
    CHECK(s.get(s.home) == original);
    fs::permissions(s.dir.path() / "nodes/n2/lxc", fs::perms(0755));
    fs::permissions(s.dir.path() / "priv/steward/parked/101.n2.g4.orig", fs::perms(0644));
    CHECK(s.ask(verb::park).ok);
    CHECK(s.get("priv/steward/parked/101.n2.g4.orig") == original);
}

TEST_CASE(
    "a write whose outcome is not known is looked at again, as long as the cluster takes writes, and not for ever") {
    site s;
    s.place.local_node = node_name("n1");
    const fs::path in_the_way = s.dir.path() / "nodes/n2/lxc/101.conf.tmp.steward.n1";
    SECTION("it takes writes, but does not keep them") {
        fs::create_directories(in_the_way);
        const reply answer = s.ask(verb::park);
        CHECK(answer.code == errc::outcome_unknown);
        CHECK(answer.detail.find("does not keep what is written") != std::string::npos);
    }
    SECTION("it takes none any more") {
        s.place.permit = [&](pve_files&, const request&) {
            fs::create_directories(in_the_way);
            fs::create_directories(s.dir.path() / "priv/steward/parked/write-check.n1/in the way");
            return std::optional<reply>();
        };
        const reply answer = s.ask(verb::park);
        CHECK(answer.code == errc::outcome_unknown);
        CHECK(answer.detail.find("write nodes/n2/lxc/101.conf") != std::string::npos);
    }
    CHECK(s.get(s.home) == original);
}
