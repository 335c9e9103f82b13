#include "pve/reconcile.hpp"

#include "pve/client.hpp"
#include "runtime/sim_time.hpp"
#include "runtime/task_group.hpp"
#include "sim/direct_transport.hpp"
#include "sim/drive.hpp"
#include "sim/model/cluster.hpp"
#include "sim/model/faults.hpp"

#include <catch2/catch.hpp>
#include <optional>

using namespace steward;
using namespace steward::pve;
using namespace std::chrono_literals;

namespace {

const guest_id ct101{guest_type::ct, vmid(101)};

/// A simulated cluster of three nodes in virtual time, with ct/101 stopped on n1.
class world {
  public:
    world()
        : model(timed()),
          wire(model, time, sim::failover_token()),
          pve(wire, time, 20s),
          tasks(time.io().get_executor()),
          model_task(time.io().get_executor()) {
        model_task.spawn("drive", sim::drive(time, model));
    }
    ~world() {
        tasks.cancel();
        model_task.cancel();
        time.run_for(0s);
        CHECK(tasks.size() == 0);
        CHECK(time.sleepers() == 0);
    }
    world(const world&) = delete;
    world& operator=(const world&) = delete;

    sim::options timed() {
        sim::guest_options stopped(ct101, node_name("n1"));
        stopped.running = false;
        sim::options o = sim::make_options(3, {stopped});
        o.start = time.now();
        o.wall_start = time.wall_now();
        return o;
    }

    void fault(const std::string& command) {
        INFO(command);
        REQUIRE(sim::apply_fault(model, command));
    }

    result<upid> start(duration limit) {
        const time_point began = time.now();
        tasks.spawn("start", keep(began + limit));
        REQUIRE(time.run_until([&] { return answer.has_value(); }, 1h));
        took = time.now() - began;
        return std::move(*answer);
    }

    sim_time time;
    sim::cluster model;
    sim::direct_transport wire;
    client pve;
    task_group tasks;
    task_group model_task;
    std::optional<result<upid>> answer;
    duration took{};

  private:
    boost::asio::awaitable<void> keep(time_point deadline) {
        look_for_task look_up(pve.session(), node_name("n1"), "vzstart", ct101.id, sim::failover_token_id);
        auto send = [this] { return pve.start(node_name("n1"), ct101); };
        auto got = co_await write_once(std::move(send), std::move(look_up), time, deadline);
        answer.emplace(std::move(got));
    }
};

}  // namespace

TEST_CASE("a write whose answer was lost is sent once and looked for") {
    struct row {
        const char* name;
        std::vector<const char*> faults;
        const char* outcome;  // "" is a UPID
        std::size_t executed;
        duration at_least;
        duration at_most;
    };
    const row rows[] = {
        {"answered", {}, "", 1, 0s, 1s},
        {"done, and the answer lost", {"api any drop-reply 3"}, "", 1, 3s, 5s},
        {"not done: it never reached the model", {"api any hang 10"}, "not_delivered", 0, 35s, 60s},
        {"not done: 596", {"api any 596 10"}, "not_delivered", 0, 35s, 60s},
        {"nobody tells any more", {"api any drop-reply"}, "outcome_unknown", 1, 120s, 120s},
        {"never arrived", {"power n1 off", "power n2 off", "power n3 off"}, "not_delivered", 0, 0s, 10s},
        {"refused", {"api any 500 10"}, "refused", 0, 0s, 1s},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            world w;
            for (const char* f : r.faults) w.fault(f);
            const auto got = w.start(120s);
            CHECK((got ? "" : std::string(name_of(got.error().code))) == r.outcome);
            CHECK(w.model.calls().writes.size() == r.executed);
            CHECK(w.model.calls().by_verb["POST"] <= 1);
            CHECK(w.took >= r.at_least);
            CHECK(w.took <= r.at_most);
            if (got) CHECK(got->text == w.model.task_order().back());
        }
    }
}

TEST_CASE("what was before, or is somebody else's, is not the write that was lost") {
    world w;
    REQUIRE(w.start(20s));
    w.time.run_for(30s);
    w.answer.reset();
    SECTION("an older start of our own") { w.fault("api any hang 10"); }
    SECTION("somebody else's start") {
        w.fault("api any hang 10");
        w.model.begin_start(node_name("n1"), ct101, "root@pam");
    }
    const auto got = w.start(120s);
    CHECK(got.error().code == errc::not_delivered);
    CHECK(got.error().detail.find("did not happen") != std::string::npos);
}

namespace {

/// Says what its script says, the last for ever, and counts.
class told {
  public:
    std::vector<result<finding<void>>> script;
    std::size_t looks = 0;
    boost::asio::awaitable<result<finding<void>>> look() {
        const std::size_t at = std::min(looks++, script.size() - 1);
        co_return script[at];
    }
};

boost::asio::awaitable<result<void>> lost() {
    fault f(errc::outcome_unknown, "pve PUT /x", "connection closed");
    f.http_status = 596;
    co_return f;
}

boost::asio::awaitable<void> put(sim_time& time, told& by, std::optional<result<void>>& into) {
    auto look_up = [&by] { return by.look(); };
    const time_point deadline = time.now() + 60s;
    auto got = co_await write_once(lost, std::move(look_up), time, deadline);
    into.emplace(std::move(got));
}

}  // namespace

TEST_CASE("any look-up may settle a write, also one that returns nothing") {
    using found = finding<void>;
    struct row {
        const char* name;
        std::vector<result<finding<void>>> script;
        const char* outcome;
        std::size_t looks;
    };
    const fault dead(errc::not_delivered, "connect n1", "no route to host");
    const row rows[] = {
        {"it happened", {found::happened()}, "", 1},
        {"it happened, seen later", {found::cannot_tell("not yet"), dead, found::happened()}, "", 3},
        {"it did not",
         {found::did_not_happen()},
         "pve PUT /x: connection closed; a look afterwards says that it did not happen",
         1},
        {"a look-up that fails says nothing about the write",
         {dead},
         "pve PUT /x: connection closed; whether it happened: connect n1: no route to host",
         16},
        {"it cannot be told",
         {found::cannot_tell("two of them")},
         "pve PUT /x: connection closed; whether it happened: two of them",
         16},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            sim_time time;
            told by;
            by.script = r.script;
            std::optional<result<void>> got;
            task_group tasks(time.io().get_executor());
            tasks.spawn("put", put(time, by, got));
            time.run_for(60s);
            REQUIRE(got);
            CHECK((*got ? "" : got->error().text()) == r.outcome);
            if (!*got) CHECK(got->error().http_status == 596);
            CHECK(by.looks == r.looks);
            CHECK(tasks.size() == 0);
            CHECK(time.sleepers() == 0);
        }
    }
}
