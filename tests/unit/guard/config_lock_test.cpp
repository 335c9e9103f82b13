#include "guard/config_lock.hpp"

#include "support/as_somebody_else.hpp"
#include "support/temporary_directory.hpp"
#include "support/without_input.hpp"
#include "unit/guard/kernel_fault.hpp"

#include <catch2/catch.hpp>
#include <cerrno>

using namespace steward;
using guard::config_lock;
namespace fs = std::filesystem;

namespace {

const guest_id ct101(guest_type::ct, vmid(101));
const guest_id vm200(guest_type::vm, vmid(200));

/// "taken", or what it failed with.
std::string take(const fs::path& root, guest_id guest) {
    const auto lock = config_lock::take(root, guest);
    return lock ? "taken" : name_of(lock.error().code);
}

}  // namespace

TEST_CASE("the lock of a guest's configuration is the file that PVE locks") {
    CHECK(guard::config_lock_name(ct101) == "lxc/pve-config-101.lock");
    CHECK(guard::config_lock_name(vm200) == "qemu-server/lock-200.conf");
}

TEST_CASE("a configuration is locked by one at a time, and free again behind it") {
    const temporary_directory run;
    for (const guest_id guest : {ct101, vm200}) {
        errno = ENOENT;  // of some call before
        const auto first = config_lock::take(run.path(), guest);
        REQUIRE(first);
        const kernel_fault nobody_waits(kernel_fault::call::flock, 0, 100);
        const auto second = config_lock::take(run.path(), guest);
        REQUIRE_FALSE(second);
        CHECK(second.error().code == errc::locked);
        CHECK(second.error().detail.find((run.path() / guard::config_lock_name(guest)).string()) != std::string::npos);
        CHECK(second.error().detail.find(to_string(guest)) != std::string::npos);
        CHECK(kernel_fault::slept_ms() == 2000);
    }
    CHECK(take(run.path(), ct101) == "taken");
    CHECK(take(run.path(), vm200) == "taken");
}

TEST_CASE("whoever holds a lock is waited for, two seconds in all; what cannot be locked is said at once") {
    struct row {
        const char* name;
        int error;
        int times;
        std::string said;
        int slept_ms;
    };
    const row rows[] = {
        {"it is free", EWOULDBLOCK, 0, "taken", 0},
        {"held for a moment", EWOULDBLOCK, 1, "taken", 100},
        {"held for almost all of it", EWOULDBLOCK, 19, "taken", 1900},
        {"held too long", EWOULDBLOCK, 20, "locked", 2000},
        {"a signal came", EINTR, 1, "taken", 100},
        {"the kernel has no room for locks", ENOLCK, 1, "io", 0},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            const temporary_directory run;
            const kernel_fault fault(kernel_fault::call::flock, r.error, 0, r.times);
            CHECK(take(run.path(), ct101) == r.said);
            CHECK(kernel_fault::slept_ms() == r.slept_ms);
        }
    }
}

TEST_CASE("a lock file that is none is not followed nor opened") {
    const temporary_directory run;
    fs::create_directories(run.path() / "lxc");
    SECTION("there is no directory for them") { CHECK(take(run.path() / "missing", ct101) == "io"); }
    SECTION("one cannot be made") {
        fs::permissions(run.path(), fs::perms(0555));
        fs::remove(run.path() / "lxc");
        std::string why;
        {
            const as_somebody_else other;
            why = config_lock::take(run.path(), ct101).error().detail;
        }
        CHECK(why == "Permission denied");
    }
    SECTION("a link") {
        fs::create_symlink(run.path() / "elsewhere", run.path() / "lxc/pve-config-101.lock");
        CHECK(config_lock::take(run.path(), ct101).error().detail == "Too many levels of symbolic links");
        CHECK_FALSE(fs::exists(run.path() / "elsewhere"));
    }
    SECTION("a directory") {
        fs::create_directories(run.path() / "lxc/pve-config-101.lock");
        CHECK(take(run.path(), ct101) == "io");
    }
}

TEST_CASE("a lock file may be file number 0") {
    const temporary_directory run;
    std::string said;
    {
        const without_input closed;
        said = take(run.path(), ct101);
    }
    CHECK(said == "taken");
}
