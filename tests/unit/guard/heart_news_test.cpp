#include "runtime/time_source.hpp"
#include "support/guarded_node.hpp"

#include <catch2/catch.hpp>
#include <functional>
#include <future>
#include <thread>
#include <unistd.h>

using namespace steward;
using namespace std::chrono_literals;

namespace {

const guest_id ct101(guest_type::ct, vmid(101));

constexpr auto for_ever = 24h;

/// Whether the thread that writes leases, which waits, is woken by that. One that is not is waited for for ever.
bool is_woken_by(guarded_node& n, const std::function<void()>& what) {
    std::promise<pid_t> known;
    bool has_news = false;
    std::thread writer([&] {
        known.set_value(::gettid());
        has_news = n.heart.wait_for_news(0s, for_ever);
    });
    const std::string state = "/proc/self/task/" + std::to_string(known.get_future().get()) + "/stat";
    const auto is_busy = [&] { return read_text(state).find(") R ") != std::string::npos; };
    while (is_busy()) std::this_thread::yield();
    what();
    writer.join();
    return has_news;
}

bool has_no_news(guarded_node& n) { return !n.heart.wait_for_news(0s, 0s); }

void tell_all(guarded_node& n) {
    lease::contract promised = lease::contract::none;
    (void)n.heart.next_lease(promised);
}

daemon_words some_words() {
    daemon_words w;
    w.config_digest = "d";
    w.is_fit = true;
    w.leads = 7;
    w.managed = {ct101};
    return w;
}

}  // namespace

TEST_CASE("guard: whoever begins to lead, or sees something else, is told at once, and the same again is no news") {
    guarded_cluster all;
    guarded_node n1(all, "n1");
    daemon_words w = some_words();
    n1.heart.hear(w);
    tell_all(n1);
    CHECK(has_no_news(n1));
    n1.heart.hear(w);
    CHECK(has_no_news(n1));
    w.leads = 8;
    CHECK(is_woken_by(n1, [&] { n1.heart.hear(w); }));
    tell_all(n1);
    w.is_fit = false;
    CHECK(is_woken_by(n1, [&] { n1.heart.hear(w); }));
    tell_all(n1);
    CHECK(has_no_news(n1));
}

TEST_CASE("guard: that the system goes down is told at once, and once") {
    guarded_cluster all;
    guarded_node n1(all, "n1");
    CHECK(is_woken_by(n1, [&] { n1.heart.leave(lease::departure::reboot); }));
    tell_all(n1);
    n1.heart.leave(lease::departure::reboot);
    CHECK(has_no_news(n1));
    CHECK(is_woken_by(n1, [&] { n1.heart.leave(lease::departure::none); }));
    tell_all(n1);
    CHECK(is_woken_by(n1, [&] { n1.heart.withdraw(); }));
}

TEST_CASE("guard: a promise that has changed is told at once, and so is a clock that was set") {
    guarded_cluster all;
    guarded_node n1(all, "n1", lease::contract::selfstop);
    write_text(all.pve() / "nodes/n1/lxc/101.conf", "hostname: web\n");
    n1.heart.hear(some_words());
    tell_all(n1);
    n1.second();
    CHECK(has_no_news(n1));
    CHECK(is_woken_by(n1, [&] { CHECK(n1.writer.renew()); }));  // it was disarmed: now it promises
    REQUIRE(n1.writer.renew());
    n1.second();
    CHECK(has_no_news(n1));
    all.wall_step = 10s;
    CHECK(is_woken_by(n1, [&] { n1.heart.tick(); }));
}

TEST_CASE("guard: the next renewal waits for its shortest time, whatever there is to tell") {
    guarded_cluster all;
    guarded_node n1(all, "n1");
    n1.heart.withdraw();
    const os_time time;
    const time_point begun = time.now();
    CHECK(n1.heart.wait_for_news(30ms, for_ever));
    CHECK(time.now() - begun >= 30ms);
}
