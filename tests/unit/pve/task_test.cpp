#include "pve/task.hpp"

#include "pve/client.hpp"
#include "runtime/sim_time.hpp"
#include "runtime/task_group.hpp"
#include "scripted_transport.hpp"

#include <catch2/catch.hpp>

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
        const char* log;
        duration stall;
        const char* outcome;
    };
    const char* nothing = R"({"n":1,"t":"no content"})";
    const row rows[] = {
        {"success", {"running", "running", "OK"}, nothing, 0s, "ok: OK"},
        {"warnings are success", {"running", "WARNINGS: 1"}, nothing, 0s, "ok: WARNINGS: 1"},
        {"an error text is failure",
         {"running", "CT is locked (backup)"},
         nothing,
         0s,
         "failed: CT is locked (backup)"},
        {"an unexpected status is settled by the log", {"unexpected status"}, R"({"n":1,"t":"TASK OK"})", 0s, "ok: OK"},
        {"also to a failure", {"unexpected status"}, R"({"n":1,"t":"TASK ERROR: no space"})", 0s, "failed: no space"},
        {"a killed worker stays unexpected",
         {"unexpected status"},
         R"({"n":1,"t":"extracting"})",
         0s,
         "failed: unexpected status"},
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
