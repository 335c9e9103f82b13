#include "runtime/labelled_executor.hpp"

#include "base/log.hpp"
#include "runtime/sim_time.hpp"
#include "runtime/task_group.hpp"
#include "runtime/with_timeout.hpp"
#include "support/heard_log.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace steward;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

asio::awaitable<result<void>> wait_and_tell(time_source& time, duration wait, std::string what) {
    co_await time.sleep_for(wait);
    log::info("inner", {{"who", what}});
    co_return result<void>();
}

asio::awaitable<void> tell(time_source& time, std::string who) {
    for (int i = 0; i < 3; ++i) {
        log::info("outer", {{"who", who}});
        co_await time.sleep_for(1s);
        const auto done = co_await with_timeout(time, 5s, wait_and_tell(time, 1s, who));
        CHECK(done);
    }
}

}  // namespace

TEST_CASE("everything that goes on in a cluster's tasks is logged with its name, and nothing else is") {
    heard_log log;
    sim_time time;
    task_group one(labelled(time.io().get_executor(), "one"));
    task_group two(labelled(time.io().get_executor(), "two"));
    task_group none(time.io().get_executor());
    one.spawn("one", tell(time, "a"));
    two.spawn("two", tell(time, "b"));
    none.spawn("none", tell(time, "c"));
    log::info("outside");
    time.run_for(20s);
    for (const char* line :
         {"outer who=a cluster=one", "inner who=a cluster=one", "outer who=b cluster=two", "inner who=b cluster=two"})
        CHECK(log.count(line) == 3);
    CHECK(log.count("who=c cluster") == 0);
    CHECK(log.count("who=c") == 6);
    CHECK(log.count("outside cluster") == 0);
    CHECK(one.size() + two.size() + none.size() == 0);
}

TEST_CASE("a labelled task is cancelled like any other") {
    sim_time time;
    task_group one(labelled(time.io().get_executor(), "one"));
    one.spawn("one", tell(time, "a"));
    time.run_for(1s);
    one.cancel();
    time.run_for(0s);
    CHECK(one.size() == 0);
    CHECK(time.sleepers() == 0);
}
