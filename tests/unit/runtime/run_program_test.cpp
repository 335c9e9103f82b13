#include "runtime/run_program.hpp"

#include "support/run_awaitable.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <sys/stat.h>

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
    temporary_directory dir;
    const std::string mark = (dir.path() / "mark").string();
    const auto ended = sh.run("(sleep 1; touch " + mark + ") & sleep 30", 200ms);
    REQUIRE_FALSE(ended);
    CHECK(ended.error().code == errc::timed_out);
    const auto wait = sh.run("sleep 1.5");
    REQUIRE(wait);
    CHECK_FALSE(std::filesystem::exists(mark));
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
