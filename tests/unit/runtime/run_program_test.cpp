#include "runtime/run_program.hpp"

#include "support/run_awaitable.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <poll.h>
#include <unistd.h>

using namespace steward;
using namespace std::chrono_literals;

namespace {

class shell {
  public:
    result<program_end> run(const std::string& script, duration limit = 10s) {
        return run_awaitable(io, run_program(time, {"/bin/sh", "-c", script}, limit));
    }
    boost::asio::io_context io;
    os_time time;
};

}  // namespace

TEST_CASE("run_program: exit status and both streams come back") {
    shell sh;
    const auto ended = sh.run("echo out; echo err >&2; exit 3");
    REQUIRE(ended);
    CHECK(ended->status == 3);
    CHECK(ended->output == "out\nerr\n");
    const auto killed = sh.run("kill -9 $$");
    REQUIRE(killed);
    CHECK(killed->status == 128 + 9);
}

TEST_CASE("run_program: words stay words, the environment is bare, standard input is empty") {
    boost::asio::io_context io;
    os_time time;
    const auto hostile = run_awaitable(io, run_program(time, {"/bin/echo", "$(touch /tmp/x);--", "a b"}, 10s));
    REQUIRE(hostile);
    CHECK(hostile->output == "$(touch /tmp/x);-- a b\n");
    shell sh;
    const auto bare = sh.run("cat; env | grep -cv -e ^PATH= -e ^PWD= -e ^SHLVL= -e ^_=");
    REQUIRE(bare);
    CHECK(bare->output == "0\n");
}

TEST_CASE("run_program: too slow is killed with everything that it started") {
    shell sh;
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);  // held by all of them, for as long as they live
    const auto ended = sh.run("tail -f /dev/null & tail -f /dev/null", 200ms);
    REQUIRE_FALSE(ended);
    CHECK(ended.error().code == errc::timed_out);
    ::close(ends[1]);
    pollfd nobody_left{ends[0], POLLIN, 0};
    CHECK(::poll(&nobody_left, 1, 10'000) == 1);
    CHECK((nobody_left.revents & POLLHUP) != 0);
    ::close(ends[0]);
}

TEST_CASE("run_program: output without end is cut, not kept") {
    shell sh;
    const auto ended = sh.run("head -c 1000000 /dev/zero | tr '\\0' x");
    REQUIRE(ended);
    CHECK(ended->output.size() == 65536);
}

TEST_CASE("run_program: what cannot be started says so") {
    boost::asio::io_context io;
    os_time time;
    const auto relative = run_awaitable(io, run_program(time, {"true"}, 1s));
    REQUIRE_FALSE(relative);
    CHECK(relative.error().code == errc::invalid);
    const auto missing = run_awaitable(io, run_program(time, {"/no/such/program"}, 1s));
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code == errc::not_delivered);
}
