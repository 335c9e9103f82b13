#include "runtime/mailbox.hpp"
#include "runtime/sim_time.hpp"
#include "runtime/task_group.hpp"
#include "runtime/with_timeout.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

using namespace steward;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

asio::awaitable<void> note_after(time_source& time, duration wait, std::string what, std::vector<std::string>& into) {
    co_await time.sleep_for(wait);
    into.push_back(std::move(what));
}

asio::awaitable<result<int>> answer_after(time_source& time, duration wait, int value) {
    co_await time.sleep_for(wait);
    co_return value;
}

asio::awaitable<void> ask(time_source& time, duration limit, duration wait, std::string& into) {
    auto got = co_await with_timeout(time, limit, answer_after(time, wait, 7));
    into = got ? std::to_string(*got) : name_of(got.error().code);
}

asio::awaitable<void> fail_after(time_source& time, duration wait) {
    co_await time.sleep_for(wait);
    throw std::runtime_error("bug");
}

asio::awaitable<void> join_into(task_group& group, std::string& into) {
    try {
        co_await group.join();
        into = "clean";
    } catch (const std::exception& e) {
        into = e.what();
    }
}

asio::awaitable<void> collect(mailbox<int>& box, std::vector<int>& into) {
    for (;;) {
        const int item = co_await box.receive();
        into.push_back(item);
    }
}

}  // namespace

TEST_CASE("virtual time wakes sleepers by deadline, equal deadlines in order of asking") {
    sim_time time;
    std::vector<std::string> seen;
    task_group tasks(time.io().get_executor());
    tasks.spawn("c", note_after(time, 3s, "c", seen));
    tasks.spawn("a", note_after(time, 1s, "a1", seen));
    tasks.spawn("a", note_after(time, 1s, "a2", seen));
    time.run_for(2s);
    CHECK(seen == std::vector<std::string>{"a1", "a2"});
    CHECK(time.now().time_since_epoch() == 2s);
    time.run_for(1h);
    CHECK(seen.back() == "c");
    CHECK(time.sleepers() == 0);
}

TEST_CASE("with_timeout returns the answer, or timed_out, and leaves nothing behind") {
    struct row {
        const char* name;
        duration limit, wait;
        const char* outcome;
    };
    const row rows[] = {{"in time", 2s, 1s, "7"}, {"too late", 1s, 5s, "timed_out"}};
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            sim_time time;
            std::string outcome;
            task_group tasks(time.io().get_executor());
            tasks.spawn("ask", ask(time, r.limit, r.wait, outcome));
            time.run_for(std::min(r.limit, r.wait));
            CHECK(outcome == r.outcome);
            CHECK(tasks.size() == 0);
            CHECK(time.sleepers() == 0);
        }
    }
}

TEST_CASE("cancelling a task with a timeout inside is cancellation, not a timeout") {
    sim_time time;
    std::string outcome = "untouched";
    task_group tasks(time.io().get_executor());
    tasks.spawn("ask", ask(time, 1h, 2h, outcome));
    time.run_for(1s);
    tasks.cancel();
    time.run_for(0s);
    CHECK(outcome == "untouched");
    CHECK(tasks.size() == 0);
    CHECK(time.sleepers() == 0);
}

TEST_CASE("the first failure in a group cancels the siblings and join rethrows it") {
    sim_time time;
    std::vector<std::string> seen;
    std::string joined;
    task_group tasks(time.io().get_executor());
    task_group watcher(time.io().get_executor());
    tasks.spawn("slow", note_after(time, 1h, "slow", seen));
    tasks.spawn("bad", fail_after(time, 1s));
    watcher.spawn("join", join_into(tasks, joined));
    time.run_for(2s);
    CHECK(joined == "bug");
    CHECK(seen.empty());
    CHECK(tasks.size() == 0);
}

TEST_CASE("a mailbox keeps what was sent while nobody received") {
    sim_time time;
    mailbox<int> box;
    std::vector<int> got;
    box.post(1);
    box.post(2);
    task_group tasks(time.io().get_executor());
    tasks.spawn("collect", collect(box, got));
    time.run_for(1s);
    box.post(3);
    time.run_for(1s);
    CHECK(got == std::vector<int>{1, 2, 3});
    tasks.cancel();
    time.run_for(0s);
    CHECK(tasks.size() == 0);
    box.post(4);
    CHECK_FALSE(box.empty());
}
