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

TEST_CASE("run_program: input and environment are what was given, and nothing else") {
    boost::asio::io_context io;
    os_time time;
    program_start what({"/bin/sh", "-c", "cat; echo; echo \"$STEWARD_NAME\"; env | cut -d= -f1 | sort | tr '\\n' ' '"});
    what.environment = {"STEWARD_NAME=$(touch x);--"};
    what.input = "{\"name\": \"$(touch x)\"}";
    const auto ended = run_awaitable(io, run_program(time, std::move(what), 10s));
    REQUIRE(ended);
    CHECK(ended->output.starts_with("{\"name\": \"$(touch x)\"}\n$(touch x);--\n"));
    CHECK(ended->output.find("HOME") == std::string::npos);
    CHECK(ended->output.find("STEWARD_NAME") != std::string::npos);
    CHECK_FALSE(ended->is_cut);
}

TEST_CASE("run_program: a long input that nobody reads holds nobody up") {
    boost::asio::io_context io;
    os_time time;
    program_start what({"/bin/true"});
    what.input = std::string(4U << 20U, 'x');
    const auto ended = run_awaitable(io, run_program(time, std::move(what), 10s));
    REQUIRE(ended);
    CHECK(ended->status == 0);
}

TEST_CASE("run_program: the beginning of the output is kept, and what a program said before it was too slow") {
    boost::asio::io_context io;
    os_time time;
    program_start much({"/bin/sh", "-c", "echo first; head -c 3000000 /dev/zero | tr '\\0' x"});
    much.most_output = 100;
    const auto ended = run_awaitable(io, run_program(time, std::move(much), 10s));
    REQUIRE(ended);
    CHECK(ended->status == 0);
    CHECK(ended->output.size() == 100);
    CHECK(ended->output.starts_with("first\nxxx"));
    CHECK(ended->is_cut);
    program_start slow({"/bin/sh", "-c", "echo so far; exec tail -f /dev/null"});
    std::string said;
    const auto killed = run_awaitable(io, run_program(time, std::move(slow), 300ms, &said));
    REQUIRE_FALSE(killed);
    CHECK(killed.error().code == errc::timed_out);
    CHECK(said == "so far\n");
}

TEST_CASE("run_program: what is left running in the background holds nobody up, and is killed") {
    shell sh;
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    const auto ended = sh.run("tail -f /dev/null & echo begun");
    REQUIRE(ended);
    CHECK(ended->output == "begun\n");
    ::close(ends[1]);
    pollfd nobody_left{ends[0], POLLIN, 0};
    CHECK(::poll(&nobody_left, 1, 10'000) == 1);
    CHECK((nobody_left.revents & POLLHUP) != 0);
    ::close(ends[0]);
}
