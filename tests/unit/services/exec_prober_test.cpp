#include "services/health/exec_prober.hpp"

#include "runtime/time_source.hpp"
#include "support/run_awaitable.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <unistd.h>

using namespace steward;
using namespace std::chrono_literals;

namespace {

/// A plugin as a shell script; the prober itself knows no shell.
std::vector<std::string> plugin(const std::string& text, std::vector<std::string> more = {}) {
    std::vector<std::string> argv{"/bin/sh", "-c", text, "plugin"};
    argv.insert(argv.end(), more.begin(), more.end());
    return argv;
}

probe_result run(exec_check check) {
    boost::asio::io_context io{1};
    os_time time;
    return run_awaitable(io, make_prober(std::move(check), time)->run());
}

probe_result run(std::vector<std::string> argv, duration limit = 20s) {
    exec_check check;
    check.argv = std::move(argv);
    check.timeout = limit;
    check.is_explained = true;
    return run(std::move(check));
}

}  // namespace

TEST_CASE("exec: exit statuses mean what they mean to Nagios") {
    struct row {
        const char* name;
        std::vector<std::string> argv;
        verdict answer;
        std::string reason;
        std::string warning;
    };
    const std::string hostile = "$(touch /tmp/x);`id`;--'\" \xc3\xa4";
    const row rows[] = {
        {"0 is healthy", plugin("echo 'PING OK - 1 ms|rta=1ms'; echo more"), verdict::healthy, "PING OK - 1 ms", ""},
        {"1 is healthy with a warning", plugin("echo slow; exit 1"), verdict::healthy, "slow", "slow"},
        {"a warning without words", plugin("exit 1"), verdict::healthy, "exit status 1", "exit status 1"},
        {"2 is unhealthy", plugin("echo down >&2; exit 2"), verdict::unhealthy, "down", ""},
        {"3 is unknown", plugin("echo what; exit 3"), verdict::unknown, "exit status 3: what", ""},
        {"so is anything else", plugin("exit 77"), verdict::unknown, "exit status 77", ""},
        {"so is a signal", plugin("kill -SEGV $$"), verdict::unknown, "exit status 139", ""},
        {"so is a program that is not there",
         {"/nonexistent/plugin"},
         verdict::unknown,
         "cannot start /nonexistent/plugin: No such file or directory",
         ""},
        {"and one that is not executable",
         {"/etc/passwd"},
         verdict::unknown,
         "cannot start /etc/passwd: Permission denied",
         ""},
        {"arguments are passed as they are", plugin("printf %s \"$1\"", {hostile}), verdict::healthy, hostile, ""},
        {"control characters are not shown", plugin("printf 'a\\033[2Jb\\nc'"), verdict::healthy, "a?[2Jb", ""},
        {"a flood is cut", plugin("head -c 1000000 /dev/zero | tr '\\0' x"), verdict::healthy, std::string(200, 'x'),
         ""},
        {"nothing comes from standard input", plugin("cat; env | grep -c ="), verdict::healthy, "2", ""},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            const probe_result got = run(r.argv);
            CHECK(got.answer == r.answer);
            CHECK(got.reason == r.reason);
            CHECK(got.warning == r.warning);
        }
    }
}

TEST_CASE("exec: whoever does not end in time is killed with all that it started, and says nothing") {
    const temporary_directory disk;
    const std::string file = (disk.path() / "pid").string();
    const probe_result got = run(plugin("sleep 600 & echo $! > \"$1\"; wait", {file}), 300ms);
    CHECK(got.answer == verdict::unknown);
    CHECK(got.reason == "/bin/sh did not end within 300ms");
    int pid = 0;
    std::ifstream(file) >> pid;
    REQUIRE(pid > 1);
    // Killed, whether or not somebody has taken note of it yet; the kernel takes a moment for it.
    const auto is_alive = [&] {
        std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
        std::string number, name, state;
        stat >> number >> name >> state;
        return !state.empty() && state != "Z" && state != "X";
    };
    for (int look = 0; look < 100'000 && is_alive(); ++look) {
    }
    CHECK_FALSE(is_alive());
}

TEST_CASE("exec: another user runs it where that is possible, else it is unknown") {
    exec_check check;
    check.argv = {"/usr/bin/id", "-u"};
    check.timeout = 20s;
    check.user = "nobody";
    const probe_result got = run(check);
    if (::geteuid() == 0) {
        CHECK(got.answer == verdict::healthy);
        CHECK(got.reason == "65534");
        check.argv = {"/usr/bin/id", "-G"};
        check.user = "65534";
        check.group = "0";
        CHECK(run(check).reason == "0");
    } else {
        CHECK(got.answer == verdict::unknown);
        CHECK_THAT(got.reason, Catch::StartsWith("exit status 127: setpriv: "));
    }
    check.user = "nobody-by-that-name";
    CHECK(run(check).reason == "there is no user nobody-by-that-name");
    check.user = "nobody";
    check.group = "no-such-group";
    CHECK(run(check).answer == verdict::unknown);
}
