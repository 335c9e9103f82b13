#include "dns_server.hpp"
#include "net/cares_resolver.hpp"
#include "net/steady_resolver.hpp"

#include <algorithm>

using namespace steward;
using namespace steward::net;
using namespace steward::net::loopback;
using namespace std::chrono_literals;

namespace {

/// A resolver that knows only the server in this process.
struct site {
    site() : server(io), names(make_cares_resolver(io.get_executor(), time, server.address())) {}
    ~site() {
        names.reset();
        server.stop();
        run_out(io, server.tasks());
    }

    result<std::vector<asio::ip::address>> ask(const std::string& name, address_family family = address_family::any,
                                               duration limit = 20s) {
        return await(io, names->resolve(name, family, time.now() + limit));
    }

    os_time time;
    asio::io_context io{1};
    dns_server server;
    std::unique_ptr<resolver> names;
};

std::vector<std::string> sorted(const std::vector<asio::ip::address>& found) {
    std::vector<std::string> out;
    for (const auto& a : found) out.push_back(a.to_string());
    std::sort(out.begin(), out.end());
    return out;
}

/// Knows one name, until it is lost.
class forgetful_resolver final : public resolver {
  public:
    asio::awaitable<result<std::vector<asio::ip::address>>> resolve(std::string name, address_family /*family*/,
                                                                    time_point /*deadline*/) override {
        if (is_lost || name != "pve1") co_return fault(errc::not_delivered, name, "no such name");
        std::vector<asio::ip::address> found{asio::ip::make_address(address)};
        co_return found;
    }
    bool is_lost = false;
    const char* address = "192.0.2.11";
};

asio::awaitable<void> note_answer(resolver& names, std::string name, time_point deadline,
                                  std::vector<std::string>& notes) {
    const auto found = co_await names.resolve(std::move(name), address_family::any, deadline);
    notes.push_back(found ? "found" : found.error().text());
}

}  // namespace

TEST_CASE("resolver: names become addresses of the families that were asked for") {
    struct row {
        const char* name;
        std::string asked;
        address_family family;
        std::vector<std::string> found;  // sorted; none: not_delivered
    };
    const row rows[] = {
        {"both families", "both.example", address_family::any, {"192.0.2.1", "2001:db8::1"}},
        {"v4 of both", "both.example", address_family::v4, {"192.0.2.1"}},
        {"v6 of both", "both.example", address_family::v6, {"2001:db8::1"}},
        {"several", "many.example", address_family::any, {"192.0.2.1", "192.0.2.2", "192.0.2.3"}},
        {"no v6 there", "many.example", address_family::v6, {}},
        {"no address at all", "empty.example", address_family::any, {}},
        {"no such name", "gone.example", address_family::any, {}},
        {"too long for a datagram", "truncated.example", address_family::v4, {"192.0.2.9"}},
        {"no name", "", address_family::any, {}},
        {"a label that is too long", std::string(64, 'a') + ".example", address_family::any, {}},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            site s;
            s.server.zone["both.example"].addresses = {"192.0.2.1", "2001:db8::1"};
            s.server.zone["many.example"].addresses = {"192.0.2.1", "192.0.2.2", "192.0.2.3"};
            s.server.zone["empty.example"].addresses = {};
            s.server.zone["truncated.example"].addresses = {"192.0.2.9"};
            s.server.zone["truncated.example"].is_truncated = true;
            const auto found = s.ask(r.asked, r.family);
            REQUIRE(found.has_value() == !r.found.empty());
            if (found) {
                CHECK(sorted(*found) == r.found);
            } else {
                CHECK(found.error().code == errc::not_delivered);
                CHECK(found.error().where == r.asked);
                CHECK(!found.error().detail.empty());
            }
            CHECK((s.server.streams > 0) == (r.asked == "truncated.example"));
        }
    }
}

TEST_CASE("resolver: a name that does not exist is named in the fault") {
    site s;
    const auto found = s.ask("web.example");
    REQUIRE(!found);
    CHECK(found.error().text() == "web.example: Domain name not found");
}

TEST_CASE("resolver: literals and the hosts file need no server") {
    struct row {
        const char* name;
        std::string asked;
        address_family family;
        std::string found;
    };
    const row rows[] = {
        {"v4 literal", "192.0.2.7", address_family::any, "192.0.2.7"},
        {"v6 literal", "2001:db8::7", address_family::any, "2001:db8::7"},
        {"v6 loopback", "::1", address_family::v6, "::1"},
        {"localhost", "localhost", address_family::v4, "127.0.0.1"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            site s;
            const auto found = s.ask(r.asked, r.family);
            REQUIRE(found);
            CHECK(found->front().to_string() == r.found);
            CHECK(s.server.datagrams == 0);
        }
    }
}

TEST_CASE("resolver: the system's own configuration gives no address for .invalid") {
    os_time time;
    asio::io_context io{1};
    const auto names = make_cares_resolver(io.get_executor(), time);
    const auto found = await(io, names->resolve("guest.invalid", address_family::any, time.now() + 300ms));
    REQUIRE(!found);
    CHECK(found.error().code == errc::not_delivered);
}

TEST_CASE("resolver: a question that got lost is asked again") {
    site s;
    s.server.zone["lossy.example"].addresses = {"192.0.2.4"};
    s.server.zone["lossy.example"].loses = 1;
    const auto found = s.ask("lossy.example", address_family::v4);
    REQUIRE(found);
    CHECK(s.server.datagrams == 2);
}

TEST_CASE("resolver: a silent server costs no more than the caller's deadline") {
    site s;
    s.server.zone["silent.example"].is_silent = true;
    s.server.zone["quick.example"].addresses = {"192.0.2.5"};
    const time_point began = s.time.now();
    const auto found = s.ask("silent.example", address_family::any, 100ms);
    REQUIRE(!found);
    CHECK(found.error().code == errc::not_delivered);
    CHECK(s.time.now() - began >= 100ms);
    CHECK(s.server.datagrams > 0);

    SECTION("an answer after the caller left harms nobody") {
        s.server.zone["silent.example"].addresses = {"192.0.2.6"};
        s.server.answer_late();
        CHECK(s.ask("quick.example"));
    }
    SECTION("other questions are answered meanwhile") {
        CHECK(s.ask("quick.example"));
        CHECK(!s.ask("gone.example"));
    }
    SECTION("a deadline that has passed is no reason to hang") {
        CHECK(!s.ask("silent.example", address_family::v4, -1s));
    }
}

TEST_CASE("resolver: a cancelled caller leaves at once, and the answer may still come") {
    site s;
    s.server.zone["silent.example"].is_silent = true;
    std::vector<std::string> notes;
    task_group tasks(s.io.get_executor());
    tasks.spawn("one", note_answer(*s.names, "silent.example", s.time.now() + 1h, notes));
    tasks.spawn("two", note_answer(*s.names, "silent.example", s.time.now() + 1h, notes));
    while (s.server.datagrams < 4) s.io.run_one();
    tasks.cancel();
    run_out(s.io, tasks);
    CHECK(notes.empty());
    s.server.answer_late();
    CHECK(!s.ask("gone.example"));
}

TEST_CASE("resolver: it may go while questions are open") {
    std::vector<std::string> notes;
    SECTION("and its callers hear of it") {
        site s;
        s.server.zone["silent.example"].is_silent = true;
        task_group tasks(s.io.get_executor());
        tasks.spawn("one", note_answer(*s.names, "silent.example", s.time.now() + 1h, notes));
        while (s.server.datagrams == 0) s.io.run_one();
        s.names.reset();
        run_out(s.io, tasks);
        REQUIRE(notes.size() == 1);
        CHECK(notes[0].starts_with("silent.example: "));
    }
    SECTION("over TCP as well") {
        site s;
        s.server.zone["truncated.example"].is_truncated = true;
        task_group tasks(s.io.get_executor());
        tasks.spawn("one", note_answer(*s.names, "truncated.example", s.time.now() + 1h, notes));
        while (s.server.streams == 0) s.io.run_one();
        s.names.reset();
        run_out(s.io, tasks);
        CHECK(notes.size() == 1);
    }
}

TEST_CASE("resolver: many questions at once are all answered") {
    site s;
    std::vector<std::string> notes;
    task_group tasks(s.io.get_executor());
    for (int i = 0; i < 50; ++i) {
        const std::string name = "n" + std::to_string(i) + ".example";
        s.server.zone[name].addresses = {"192.0.2.8"};
        tasks.spawn(name, note_answer(*s.names, name, s.time.now() + 60s, notes));
    }
    run_out(s.io, tasks);
    CHECK(std::count(notes.begin(), notes.end(), "found") == 50);
}

TEST_CASE("resolver: an endpoint keeps its addresses when its name cannot be resolved any more") {
    asio::io_context io{1};
    forgetful_resolver inner;
    steady_resolver names(inner);
    const auto ask = [&](const char* name) { return await(io, names.resolve(name, address_family::any, {})); };
    inner.is_lost = true;
    CHECK_FALSE(ask("pve1"));  // it was never known
    inner.is_lost = false;
    CHECK(sorted(*ask("pve1")) == std::vector<std::string>{"192.0.2.11"});
    inner.is_lost = true;
    CHECK(sorted(*ask("pve1")) == std::vector<std::string>{"192.0.2.11"});
    CHECK_FALSE(ask("pve2"));
    inner.is_lost = false;
    inner.address = "192.0.2.99";
    CHECK(sorted(*ask("pve1")) == std::vector<std::string>{"192.0.2.99"});
}
