#include "pve/api/session.hpp"
#include "pve/task.hpp"
#include "pve/transport.hpp"
#include "runtime/sim_time.hpp"
#include "runtime/task_group.hpp"

#include <catch2/catch.hpp>
#include <optional>
#include <string>
#include <vector>

using namespace steward;
using namespace steward::pve;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t requested = 0x6B00A5C6;

std::string upid_of(const std::string& node, const std::string& type, std::int64_t after) {
    char start[9];
    std::snprintf(start, sizeof start, "%08llX", static_cast<unsigned long long>(requested + after));
    return "UPID:" + node + ":000007A0:0003EEAE:" + start + ":" + type + ":101:root@pam:";
}

/// A task of the guest that shows up in its node's list some time after the request.
class planned {
  public:
    planned(std::string n, std::string t, std::int64_t start, duration from, std::string exit)
        : node(std::move(n)), type(std::move(t)), after(start), shows(from), exit_text(std::move(exit)) {}
    std::string node;
    std::string type;
    std::int64_t after;  ///< seconds after the request by its UPID
    duration shows;      ///< in the list and running from then on, for 3 s
    std::string exit_text;
};

/// A cluster whose HA manager takes its time. The request itself ends at once with OK.
class ha_cluster final : public transport {
  public:
    explicit ha_cluster(time_source& t) : time(t), began(t.now()) {}

    boost::asio::awaitable<result<reply>> send(request call, time_point) override {
        co_await time.sleep_for(4ms);
        co_return answer(call.path);
    }

    result<reply> answer(const std::string& path) {
        const duration now = time.now() - began;
        const std::string node = now < moves_after ? "n1" : "n2";
        if (path == "/cluster/resources") {
            if (!shows_guest) return ok("[]");
            return ok(R"([{"type":"lxc","vmid":101,"id":"lxc/101","status":"unknown","node":")" + node + "\"}]");
        }
        if (path.ends_with("/lxc/101/status/current"))
            return ok(R"({"status":")" + (now < changes_after ? before : after) + R"(","vmid":101})");
        if (path.ends_with("/tasks")) return ok("[" + tasks_on(path.substr(7, 2), now) + "]");
        if (path.ends_with("/status")) return ok(status_of(path, now));
        if (path.ends_with("/log")) return ok(R"([{"n":1,"t":"no content"}])");
        return fault(errc::not_delivered, path, "unexpected");
    }

    result<reply> ok(const std::string& data) const {
        reply r;
        r.status = 200;
        r.body = R"({"data":)" + data + "}";
        return r;
    }

    std::string tasks_on(const std::string& node, duration now) {
        asked.push_back(node);
        std::string rows;
        for (const planned& p : tasks) {
            if (p.node != node || now < p.shows) continue;
            rows += (rows.empty() ? "" : ",") + (R"({"upid":")" + upid_of(p.node, p.type, p.after) + R"("})");
        }
        return rows;
    }

    std::string status_of(const std::string& path, duration now) const {
        for (const planned& p : tasks)
            if (path.find("%3A" + p.type + "%3A") != std::string::npos && now < p.shows + 3s)
                return R"({"status":"running"})";
        for (const planned& p : tasks)
            if (path.find("%3A" + p.type + "%3A") != std::string::npos)
                return R"({"status":"stopped","exitstatus":")" + p.exit_text + R"("})";
        return R"({"status":"stopped","exitstatus":"OK"})";
    }

    time_source& time;
    time_point began;
    std::vector<planned> tasks;
    std::string before = "stopped";
    std::string after = "stopped";
    duration changes_after = 24h;  ///< of `before` to `after`
    duration moves_after = 24h;    ///< from n1 to n2
    bool shows_guest = true;
    std::vector<std::string> asked;
};

boost::asio::awaitable<void> follow(api::session& pve, std::string type, time_point deadline, std::string& into) {
    task_limits limits;
    limits.deadline = deadline;
    upid task = *parse_upid(upid_of("n1", type, 0));
    const auto end = co_await follow_task(pve, std::move(task), limits);
    if (end)
        into = end->task.node.str() + " " + end->task.type + ": " + end->text;
    else
        into = name_of(end.error().code);
}

}  // namespace

TEST_CASE("a request to the HA manager is followed to what carries it out") {
    struct row {
        const char* name;
        const char* request;
        std::vector<planned> tasks;
        std::vector<std::string> states;  // of the guest before and after 20 s
        duration moves;
        const char* outcome;
    };
    const row rows[] = {
        {"a start", "hastart", {{"n1", "vzstart", 8, 8s, "OK"}}, {"stopped", "running"}, 24h, "n1 vzstart: OK"},
        {"a start that fails",
         "hastart",
         {{"n1", "vzstart", 8, 8s, "no space"}},
         {"stopped", "stopped"},
         24h,
         "n1 vzstart: no space"},
        {"a start in the same second",
         "hastart",
         {{"n1", "vzstart", 0, 0s, "OK"}},
         {"stopped", "running"},
         24h,
         "n1 vzstart: OK"},
        {"an older start is not it",
         "hastart",
         {{"n1", "vzstart", -1, 0s, "no space"}, {"n1", "qmstart", 9, 9s, "OK"}},
         {"stopped", "stopped"},
         24h,
         "n1 qmstart: OK"},
        {"a start after recovery on another node",
         "hastart",
         {{"n2", "vzstart", 9, 9s, "OK"}},
         {"stopped", "stopped"},
         5s,
         "n2 vzstart: OK"},
        {"clocks of nodes differ a little",
         "hastart",
         {{"n2", "vzstart", -4, 9s, "OK"}},
         {"stopped", "stopped"},
         5s,
         "n2 vzstart: OK"},
        {"it runs already", "hastart", {}, {"running", "running"}, 24h, "n1 hastart: OK"},
        {"it runs in the end, but we may not see the task",
         "hastart",
         {},
         {"stopped", "running"},
         24h,
         "n1 hastart: OK"},
        {"nothing is done about it", "hastart", {}, {"stopped", "stopped"}, 24h, "timed_out"},
        {"a stop", "hastop", {{"n1", "vzshutdown", 8, 8s, "OK"}}, {"running", "stopped"}, 24h, "n1 vzshutdown: OK"},
        {"a hard stop", "hastop", {{"n1", "vzstop", 8, 8s, "OK"}}, {"running", "stopped"}, 24h, "n1 vzstop: OK"},
        {"a start is not a stop", "hastop", {{"n1", "vzstart", 8, 8s, "OK"}}, {"running", "running"}, 24h, "timed_out"},
        {"it is stopped already", "hastop", {}, {"stopped", "stopped"}, 24h, "n1 hastop: OK"},
        {"a migration that is over when we look",
         "hamigrate",
         {{"n1", "vzmigrate", 1, 0s, "OK"}},
         {"running", "running"},
         0s,
         "n1 vzmigrate: OK"},
        {"a migration",
         "hamigrate",
         {{"n1", "vzmigrate", 9, 9s, "OK"}},
         {"running", "running"},
         11s,
         "n1 vzmigrate: OK"},
        {"a migration whose task we may not see", "hamigrate", {}, {"running", "running"}, 12s, "n1 hamigrate: OK"},
        {"another task is what it is", "vzstart", {}, {"stopped", "stopped"}, 24h, "n1 vzstart: OK"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            sim_time time;
            ha_cluster wire(time);
            wire.tasks = r.tasks;
            wire.before = r.states[0];
            wire.after = r.states[1];
            wire.changes_after = 20s;
            wire.moves_after = r.moves;
            api::session pve(wire, time, 20s);
            std::string outcome;
            task_group tasks(time.io().get_executor());
            tasks.spawn("follow", follow(pve, r.request, time.now() + 60s, outcome));
            time.run_for(61s);
            CHECK(outcome == r.outcome);
            CHECK(tasks.size() == 0);
            CHECK(time.sleepers() == 0);
        }
    }
}

TEST_CASE("a guest that nobody shows us leaves the outcome of a request unknown") {
    sim_time time;
    ha_cluster wire(time);
    wire.shows_guest = false;
    api::session pve(wire, time, 20s);
    std::string outcome;
    task_group tasks(time.io().get_executor());
    tasks.spawn("follow", follow(pve, "hastart", time.now() + 60s, outcome));
    time.run_for(61s);
    CHECK(outcome == "outcome_unknown");
    CHECK(wire.asked.size() >= 30);
    CHECK(tasks.size() == 0);
}
