#include "guard/cgroups.hpp"
#include "guard/watchdog_client.hpp"
#include "support/guarded_node.hpp"
#include "support/without_input.hpp"
#include "unit/guard/kernel_fault.hpp"

#include <catch2/catch.hpp>
#include <cerrno>

using namespace steward;

namespace {

const guest_id ct101(guest_type::ct, vmid(101));

/// Below a directory of its own: what the kernel shows of ct/101.
class shown_group {
  public:
    void shows(const std::string& file, const std::string& text) const { write_text(path(file), text); }
    [[nodiscard]] std::filesystem::path path(const std::string& file) const { return dir.path() / "lxc/101" / file; }
    temporary_directory dir;
};

}  // namespace

TEST_CASE("guard: a control group that is not there runs nothing, and there is nothing to end in it") {
    const shown_group group;
    const guard::cgroups all(group.dir.path());
    CHECK_FALSE(all.is_running(ct101));
    CHECK(all.kill(ct101));
}

TEST_CASE("guard: only what the kernel says to be empty is taken for empty") {
    const shown_group group;
    const guard::cgroups all(group.dir.path());
    group.shows("cgroup.events", "populated 0\nfrozen 0\n");
    CHECK_FALSE(all.is_running(ct101));
    errno = ENODEV;  // of some call before
    group.shows("cgroup.events", "");
    errno = ENODEV;
    CHECK(all.is_running(ct101));
    group.shows("cgroup.events", "populated 1\nfrozen 0\n");
    CHECK(all.is_running(ct101));
    CHECK_FALSE(all.kill(ct101));  // this kernel has no cgroup.kill
    group.shows("cgroup.kill", "");
    CHECK(all.kill(ct101));
    CHECK(read_text(group.path("cgroup.kill")) == "1");
}

TEST_CASE("guard: a control group that goes while it is read runs nothing; what cannot be read is taken for running") {
    const shown_group group;
    const guard::cgroups all(group.dir.path());
    group.shows("cgroup.events", "populated 1\nfrozen 0\n");
    const auto is_running = [&](int said) {
        const kernel_fault fault(kernel_fault::call::read, said);
        return all.is_running(ct101);
    };
    CHECK_FALSE(is_running(ENODEV));
    CHECK(is_running(EIO));
}

TEST_CASE("guard: file number 0 is a file like any other") {
    const shown_group group;
    const guard::cgroups all(group.dir.path());
    group.shows("cgroup.events", "populated 1\nfrozen 0\n");
    group.shows("cgroup.kill", "");
    listening_mux mux(group.dir.path() / "mux");
    bool is_running = false;
    bool is_ended = false;
    bool is_connected = false;
    {
        const without_input closed;
        errno = ENOENT;
        is_running = all.is_running(ct101);
        is_ended = all.kill(ct101);
        is_connected = guard::watchdog_client::connect(group.dir.path() / "mux").has_value();
    }
    CHECK(is_running);
    CHECK(is_ended);
    CHECK(read_text(group.path("cgroup.kill")) == "1");
    CHECK(is_connected);
}

TEST_CASE("guard: a watchdog is closed with its letter, and at once") {
    const temporary_directory dir;
    listening_mux mux(dir.path() / "mux");
    auto client = guard::watchdog_client::connect(dir.path() / "mux");
    REQUIRE(client);
    CHECK(client->feed());
    CHECK(client->is_alive());
    client->close_cleanly();
    CHECK(mux.heard() == ".Vclosed");
}

TEST_CASE("guard: a path that is too long for a socket is said, and nothing is written past its room") {
    constexpr std::size_t room = sizeof(sockaddr_un::sun_path);
    const auto code_of = [](std::size_t length) {
        const auto client = guard::watchdog_client::connect("/" + std::string(length - 1, 'x'));
        REQUIRE_FALSE(client);
        return client.error().code;
    };
    CHECK(code_of(room) == errc::invalid);
    CHECK(code_of(room + 100) == errc::invalid);
    CHECK(code_of(room - 1) == errc::unavailable);
}
