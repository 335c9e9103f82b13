#include "pve/task.hpp"

#include "pve/client.hpp"
#include "runtime/sim_time.hpp"
#include "runtime/task_group.hpp"
#include "scripted_transport.hpp"

#include <catch2/catch.hpp>
#include <optional>

using namespace steward;
using namespace steward::pve;
using namespace std::chrono_literals;

namespace {

const char* restore_upid = "UPID:n1:000007A0:0003EEAE:6B00A5C6:vzrestore:101:root@pam:";

boost::asio::awaitable<void> follow(client& pve, task_limits limits, std::string& into) {
    upid task = *parse_upid(restore_upid);
    task_progress progress;
    const auto end = co_await follow_task(pve, std::move(task), limits, std::move(progress));
    if (!end)
        into = name_of(end.error().code);
    else
        into = (end->ok ? "ok: " : "failed: ") + end->text;
}

}  // namespace

TEST_CASE("a task is followed to its end, and only its end is believed") {
    struct row {
        const char* name;
        std::deque<std::string> script;
        std::vector<std::string> log;
        duration stall;
        const char* outcome;
    };
    const std::vector<std::string> nothing;
    const row rows[] = {
        {"success", {"running", "running", "OK"}, nothing, 0s, "ok: OK"},
        {"warnings are success", {"running", "WARNINGS: 1"}, nothing, 0s, "ok: WARNINGS: 1"},
        {"an error text is failure",
         {"running", "CT is locked (backup)"},
         nothing,
         0s,
         "failed: CT is locked (backup)"},
        {"an unexpected status is settled by the log", {"unexpected status"}, {"TASK OK"}, 0s, "ok: OK"},
        {"also to a failure", {"unexpected status"}, {"TASK ERROR: no space"}, 0s, "failed: no space"},
        {"a killed worker stays unexpected", {"unexpected status"}, {"extracting"}, 0s, "failed: unexpected status"},
        {"silence of its node is not failure", {"running", "lost", "lost", "OK"}, nothing, 0s, "ok: OK"},
        {"silence until the limit is unknown", {"lost"}, nothing, 0s, "outcome_unknown"},
        {"still running at the limit", {"running"}, nothing, 0s, "timed_out"},
        {"no new log line for too long", {"running"}, nothing, 20s, "timed_out"},
        {"its log is gone", {"running", "gone"}, nothing, 0s, "not_found"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            sim_time time;
            scripted_transport wire(r.script);
            wire.log = r.log;
            client pve(wire, time, 20s);
            task_limits limits;
            limits.deadline = time.now() + 60s;
            limits.stall = r.stall;
            std::string outcome;
            task_group tasks(time.io().get_executor());
            tasks.spawn("follow", follow(pve, limits, outcome));
            time.run_for(61s);
            CHECK(outcome == r.outcome);
            CHECK(tasks.size() == 0);
            CHECK(time.sleepers() == 0);
        }
    }
}

TEST_CASE("a silent task is believed to stand still only when it moves nothing either") {
    struct row {
        const char* name;
        std::vector<std::optional<std::uint64_t>> moved;  ///< one answer after the other, then the last again
        duration given_up;                                ///< after so long, with 20 s without progress and 60 s in all
    };
    const row rows[] = {
        {"it moves something all the time", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 60s},
        {"nothing moves", {1}, 21s},
        {"nobody can tell", {std::nullopt}, 21s},
        {"it moved once", {1, 2}, 42s},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            sim_time time;
            scripted_transport wire({"running"});
            client pve(wire, time, 20s);
            task_limits limits;
            const time_point began = time.now();
            limits.deadline = began + 60s;
            limits.stall = 20s;
            std::size_t asked = 0;
            const auto next = [&]() -> boost::asio::awaitable<std::optional<std::uint64_t>> {
                co_return r.moved[std::min(asked++, r.moved.size() - 1)];
            };
            limits.moved = next;
            std::string outcome;
            task_group tasks(time.io().get_executor());
            tasks.spawn("follow", follow(pve, limits, outcome));
            REQUIRE(time.run_until([&] { return !outcome.empty(); }, 61s));
            CHECK(outcome == "timed_out");
            CHECK(time.now() - began >= r.given_up - 2s);
            CHECK(time.now() - began <= r.given_up + 4s);
        }
    }
}

TEST_CASE("short tasks are asked often, long ones once a second") {
    sim_time time;
    scripted_transport wire({"running"});
    client pve(wire, time, 20s);
    task_limits limits;
    limits.deadline = time.now() + 300s;
    std::string outcome;
    task_group tasks(time.io().get_executor());
    tasks.spawn("follow", follow(pve, limits, outcome));
    time.run_for(2s);
    const std::size_t early = wire.calls.size();
    CHECK(early >= 15);
    time.run_for(198s);
    const std::size_t before = wire.calls.size();
    time.run_for(60s);
    CHECK(wire.calls.size() - before <= 61);
    tasks.cancel();
    time.run_for(0s);
}

namespace {

class ended {
  public:
    std::optional<result<task_end>> end;
    std::vector<std::string> seen;  ///< by progress
};

boost::asio::awaitable<void> follow_to_end(client& pve, task_limits limits, bool with_progress, ended& into) {
    upid task = *parse_upid(restore_upid);
    task_progress progress;
    if (with_progress) progress = [&into](const std::string& line) { into.seen.push_back(line); };
    auto end = co_await follow_task(pve.session(), std::move(task), limits, std::move(progress));
    into.end.emplace(std::move(end));
}

std::vector<std::string> numbered(std::size_t count, const char* last) {
    std::vector<std::string> lines;
    for (std::size_t i = 1; i < count; ++i) lines.push_back("line " + std::to_string(i));
    lines.emplace_back(last);
    return lines;
}

}  // namespace

TEST_CASE("how a task ended: its warnings, and the last words of one that failed") {
    struct row {
        const char* name;
        std::deque<std::string> script;
        std::vector<std::string> log;
        bool with_progress;
        const char* text;
        bool has_warnings;
        std::size_t tail;
        const char* first_of_tail;
        std::size_t seen;
    };
    const row rows[] = {
        {"success needs no tail", {"running", "OK"}, numbered(30, "TASK OK"), false, "OK", false, 0, "", 0},
        {"progress gets each line once", {"running", "OK"}, numbered(30, "TASK OK"), true, "OK", false, 0, "", 30},
        {"warnings", {"WARNINGS: 2"}, numbered(3, "TASK WARNINGS: 2"), false, "WARNINGS: 2", true, 0, "", 0},
        {"the last ten lines",
         {"no space"},
         numbered(30, "TASK ERROR: no space"),
         false,
         "no space",
         false,
         10,
         "line 21",
         0},
        {"of a log in several pieces",
         {"no space"},
         numbered(1203, "TASK ERROR: no space"),
         true,
         "no space",
         false,
         10,
         "line 1194",
         1203},
        {"of a short log", {"no space"}, numbered(2, "TASK ERROR: no space"), false, "no space", false, 2, "line 1", 0},
        {"without a log", {"no space"}, {}, false, "no space", false, 0, "", 0},
        {"an unexpected status is settled by the end of a long log",
         {"unexpected status"},
         numbered(1203, "TASK WARNINGS: 1"),
         false,
         "WARNINGS: 1",
         true,
         0,
         "",
         0},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            sim_time time;
            scripted_transport wire(r.script);
            wire.log = r.log;
            client pve(wire, time, 20s);
            task_limits limits;
            limits.deadline = time.now() + 60s;
            ended got;
            task_group tasks(time.io().get_executor());
            tasks.spawn("follow", follow_to_end(pve, limits, r.with_progress, got));
            time.run_for(61s);
            REQUIRE(got.end);
            REQUIRE(*got.end);
            const task_end& end = **got.end;
            CHECK(end.text == r.text);
            CHECK(end.task.text == restore_upid);
            CHECK(end.ok == (end.text == "OK" || r.has_warnings));
            CHECK(end.has_warnings == r.has_warnings);
            REQUIRE(end.tail.size() == r.tail);
            if (r.tail != 0) CHECK(end.tail.front() == r.first_of_tail);
            if (r.tail != 0) CHECK(end.tail.back() == "TASK ERROR: no space");
            CHECK(got.seen.size() == r.seen);
        }
    }
}
