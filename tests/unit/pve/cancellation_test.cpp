#include "pve/api/session.hpp"
#include "pve/over_nodes.hpp"
#include "pve/reconcile.hpp"
#include "pve/retry.hpp"
#include "pve/task.hpp"
#include "runtime/sim_time.hpp"
#include "runtime/task_group.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

using namespace steward;
using namespace steward::pve;
using namespace std::chrono_literals;

namespace {

const char* start_upid = "UPID:n1:000007A0:0003EEAE:6B00A5C6:vzstart:101:root@pam:";
const char* request_upid = "UPID:n1:000007A0:0003EEAE:6B00A5C6:hastart:101:root@pam:";

/// Each answer takes 150 ms. Tasks run for ever but for "hastart"; nothing is in a list; the rest never arrives, or
/// gets lost when it is a write.
class slow_wire final : public transport {
  public:
    explicit slow_wire(time_source& t) : time(t) {}
    boost::asio::awaitable<result<reply>> send(request call, time_point) override {
        ++calls;
        ++under_way;
        const leave here(under_way);
        co_await time.sleep_for(150ms);
        reply r;
        r.status = 200;
        if (call.path.ends_with("/status") && call.path.find("hastart") != std::string::npos)
            r.body = R"({"data":{"status":"stopped","exitstatus":"OK"}})";
        else if (call.path.ends_with("/status"))
            r.body = R"({"data":{"status":"running"}})";
        else if (call.path.ends_with("/log"))
            r.body = R"({"data":[{"n":1,"t":"line"}]})";
        else if (call.path.ends_with("/tasks"))
            r.body = R"({"data":[]})";
        else
            co_return fault(call.what == verb::get ? errc::not_delivered : errc::outcome_unknown, "n1", "lost");
        co_return r;
    }

    class leave {
      public:
        explicit leave(int& c) : count(c) {}
        ~leave() { --count; }
        leave(const leave&) = delete;
        leave& operator=(const leave&) = delete;
        int& count;
    };

    time_source& time;
    std::size_t calls = 0;
    int under_way = 0;
};

class world {
  public:
    world()
        : wire(time),
          chance(1),
          retrying(wire, time, chance),
          pve(wire, time, 20s),
          deadline(time.now() + 30s),
          tasks(time.io().get_executor()) {}
    sim_time time;
    slow_wire wire;
    random_source chance;
    retrying_transport retrying;
    api::session pve;
    time_point deadline;
    task_group tasks;
    bool is_over = false;
};

boost::asio::awaitable<void> retry(world& w) {
    const auto got = co_await w.retrying.send(request(verb::get, "/x"), w.deadline);
    CHECK_FALSE(got);
    w.is_over = true;
}

boost::asio::awaitable<void> list(world& w) {
    std::vector<node_name> nodes;
    for (int i = 0; i < 60; ++i) nodes.emplace_back("n" + std::to_string(i));
    over_nodes_options options;
    options.in_flight = 5;
    auto ask = [&w](const node_name& node) {
        return w.retrying.send(request(verb::get, "/nodes/" + node.str() + "/lxc"), w.time.now() + 2s);
    };
    const auto got = co_await over_nodes(w.time, std::move(nodes), options, std::move(ask));
    CHECK(got.missing.size() == 60);
    w.is_over = true;
}

boost::asio::awaitable<void> follow(world& w, const char* text) {
    upid task = *parse_upid(text);
    task_limits limits;
    limits.deadline = w.deadline;
    task_progress progress = [](const std::string&) {};
    const auto end = co_await follow_task(w.pve, std::move(task), limits, std::move(progress));
    CHECK_FALSE(end);
    w.is_over = true;
}

boost::asio::awaitable<void> follow_plain(world& w) { return follow(w, start_upid); }
boost::asio::awaitable<void> follow_request(world& w) { return follow(w, request_upid); }

boost::asio::awaitable<void> write(world& w) {
    auto send = [&w]() -> boost::asio::awaitable<result<upid>> {
        const auto got = co_await w.wire.send(request(verb::create, "/nodes/n1/lxc/101/status/start"), w.deadline);
        co_return got.error();
    };
    look_for_task look_up(w.pve, node_name("n1"), "vzstart", vmid(101), "root@pam", 1h);
    const auto got = co_await write_once(std::move(send), std::move(look_up), w.time, w.deadline);
    CHECK(got.error().code == errc::outcome_unknown);
    w.is_over = true;
}

}  // namespace

TEST_CASE("whenever it is cancelled, nothing is left behind and nothing more is sent") {
    struct row {
        const char* name;
        boost::asio::awaitable<void> (*work)(world&);
        std::size_t least_calls;  // that the whole takes, so that the row is not empty
    };
    const row rows[] = {
        {"retries", retry, 5},
        {"many nodes", list, 60},
        {"a task", follow_plain, 30},
        {"a request to HA", follow_request, 20},
        {"a write that is looked for", write, 8},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            world whole;
            whole.tasks.spawn("whole", r.work(whole));
            whole.time.run_for(40s);
            CHECK(whole.is_over);
            CHECK(whole.wire.calls >= r.least_calls);
            CHECK(whole.tasks.size() == 0);
            CHECK(whole.time.sleepers() == 0);
            // 70 ms does not divide the 150 ms of a call: in calls, between them, and as they end.
            for (duration at = 0s; at < 30s; at += at < 4s ? 70ms : 510ms) {
                world w;
                w.tasks.spawn("work", r.work(w));
                w.time.run_for(at);
                if (w.is_over) break;
                w.tasks.cancel();
                w.time.run_for(0s);
                const std::size_t before = w.wire.calls;
                INFO("cancelled after " << at / 1ms << " ms");
                CHECK(w.tasks.size() == 0);
                CHECK(w.time.sleepers() == 0);
                CHECK(w.wire.under_way == 0);
                w.time.run_for(60s);
                CHECK(w.wire.calls == before);
                CHECK_FALSE(w.is_over);
            }
        }
    }
}
