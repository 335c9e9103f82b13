#include "cluster/directory_store.hpp"

#include "base/sha1.hpp"
#include "guard/carry_out.hpp"
#include "guard/server.hpp"
#include "runtime/atomic_file.hpp"
#include "support/run_awaitable.hpp"
#include "support/temporary_directory.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <filesystem>
#include <thread>
#include <unistd.h>

using namespace steward;
namespace fs = std::filesystem;

namespace {

/// The guard's own server and hand-over code, in a thread of this process.
class guard_thread {
  public:
    explicit guard_thread(const fs::path& directory) : place_(directory / "pve") {
        REQUIRE(::pipe(stop_.data()) == 0);
        auto listening = guard::server::listen(directory / "guard.sock", ::geteuid(),
                                               [this](const guard::request& r) { return guard::carry_out(r, place_); });
        REQUIRE(listening);
        server_ = std::make_unique<guard::server>(std::move(*listening));
        thread_ = std::thread([this] { static_cast<void>(server_->run(stop_[0])); });
    }
    ~guard_thread() {
        ::close(stop_[1]);
        thread_.join();
        ::close(stop_[0]);
    }
    guard_thread(const guard_thread&) = delete;
    guard_thread& operator=(const guard_thread&) = delete;

  private:
    guard::workplace place_;
    std::array<int, 2> stop_{};
    std::unique_ptr<guard::server> server_;
    std::thread thread_;
};

class site {
  public:
    site() : store(time, dir.path() / "state", (dir.path() / "guard.sock").string()) {
        for (const char* n : {"n1", "n2"}) fs::create_directories(dir.path() / "pve/nodes" / n / "lxc");
        REQUIRE(write_file_atomically(dir.path() / "pve/nodes/n2/lxc/101.conf", config));
    }
    template <class T>
    T run(boost::asio::awaitable<T> work) {
        return run_awaitable(io, std::move(work));
    }
    [[nodiscard]] guard::request request() const {
        guard::request r;
        r.guest = guest_id(guest_type::ct, vmid(101));
        r.source = node_name("n2");
        r.target = node_name("n1");
        r.generation = 2;
        r.digest = sha1_hex(config);
        return r;
    }
    const std::string config = "hostname: web\nonboot: 1\n";
    temporary_directory dir;
    boost::asio::io_context io;
    os_time time;
    directory_store store;
};

}  // namespace

TEST_CASE("records are there again after a new start, the last version of each") {
    site s;
    CHECK(s.run(s.store.load_records())->empty());
    REQUIRE(s.run(s.store.save_record("guest.101", "one")));
    REQUIRE(s.run(s.store.save_record("guest.101", "two")));
    REQUIRE(s.run(s.store.save_record("mode", "armed")));
    directory_store later(s.time, s.dir.path() / "state", "");
    const auto all = s.run(later.load_records());
    REQUIRE(all);
    REQUIRE(all->size() == 2);
    for (const stored_record& r : *all) CHECK(r.text == (r.name == "mode" ? "armed" : "two"));
}

TEST_CASE("bad names and texts are refused, bad files are put aside") {
    site s;
    CHECK_FALSE(s.run(s.store.save_record("../x", "one")));
    CHECK_FALSE(s.run(s.store.save_record("a/b", "one")));
    CHECK_FALSE(s.run(s.store.save_record("big", std::string(5000, 'x'))));
    REQUIRE(s.run(s.store.save_record("guest.101", "one")));
    for (const auto& f : fs::directory_iterator(s.dir.path() / "state/records"))
        REQUIRE(write_file_atomically(f.path(), std::string(100'000, 'x')));
    const auto all = s.run(s.store.load_records());
    REQUIRE(all);
    CHECK(all->empty());
    bool was_kept = false;
    for (const auto& f : fs::directory_iterator(s.dir.path() / "state/records"))
        was_kept = was_kept || f.path().extension() == ".bad";
    CHECK(was_kept);
}

TEST_CASE("a claim is given once, for ever") {
    site s;
    CHECK(*s.run(s.store.claim("fo.101.2")));
    CHECK_FALSE(*s.run(s.store.claim("fo.101.2")));
    CHECK(*s.run(s.store.claim("fo.101.3")));
    directory_store later(s.time, s.dir.path() / "state", "");
    CHECK_FALSE(*s.run(later.claim("fo.101.2")));
}

TEST_CASE("configurations change hands through the guard") {
    site s;
    SECTION("nobody listens") {
        const auto checked = s.run(s.store.check_parking());
        REQUIRE_FALSE(checked);
        CHECK(checked.error().code == errc::unavailable);
        CHECK(checked.error().text().find("steward-guard") != std::string::npos);
        CHECK(s.run(s.store.park(s.request())).error().code == errc::unavailable);
    }
    SECTION("park, unpark, relocate") {
        const guard_thread guard(s.dir.path());
        REQUIRE(s.run(s.store.check_parking()));
        const auto parked = s.run(s.store.park(s.request()));
        REQUIRE(parked);
        CHECK(*parked == "priv/steward/parked/101.n2.g2.conf");
        CHECK_FALSE(fs::exists(s.dir.path() / "pve/nodes/n2/lxc/101.conf"));
        REQUIRE(s.run(s.store.unpark(s.request())));
        CHECK(*read_file(s.dir.path() / "pve/nodes/n2/lxc/101.conf", 4096) == s.config);
        guard::request stale = s.request();
        stale.digest = std::string(40, '0');
        CHECK(s.run(s.store.relocate(stale)).error().code == errc::changed);
        REQUIRE(s.run(s.store.relocate(s.request())));
        CHECK(fs::exists(s.dir.path() / "pve/nodes/n1/lxc/101.conf"));
    }
}
