#include "base/clean_text.hpp"
#include "services/hooks/hook_runner.hpp"
#include "services/hooks/hook_words.hpp"
#include "support/run_awaitable.hpp"
#include "support/simulated_site.hpp"
#include "support/temporary_directory.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

using namespace steward;
using namespace std::chrono_literals;
using failover::hook_event;
using failover::hook_moment;
using failover::hook_point;
using failover::phase;
namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

/// What could be typed into PVE as a guest's name, or get there over its API.
std::vector<std::string> hostile_names() {
    std::vector<std::string> names{"$(touch x);--",
                                   "`touch x`",
                                   "; touch x",
                                   "&& touch x",
                                   "| touch x",
                                   "> x",
                                   "\ntouch x\n",
                                   "'; touch x; '",
                                   "\"; touch x; \"",
                                   "$(touch x)",
                                   "${IFS}touch${IFS}x",
                                   "-rf",
                                   "--help",
                                   "-",
                                   "--",
                                   "- -",
                                   "../../x",
                                   "/etc/passwd",
                                   "~root",
                                   "*",
                                   "?",
                                   "[a-z]*",
                                   "{a,b}",
                                   "!!",
                                   "!x",
                                   "#x",
                                   "%s%n%x",
                                   "%00",
                                   "\\0",
                                   "\\x00",
                                   "\\u0000",
                                   "\\",
                                   "\\\\",
                                   "a\\\nb",
                                   "\r\n",
                                   "\t",
                                   " ",
                                   "  lead and trail  ",
                                   "",
                                   "\"",
                                   "'",
                                   "\"}],\"event\":\"restart",
                                   "</script>",
                                   "\x1b[2J\x1b[31mred",
                                   "\x1b]0;title\x07",
                                   "\xc2\x9b"
                                   "31m",
                                   "\x7f\x08\x08",
                                   "\xff\xfe\xfd",
                                   "\xc0\xaf",
                                   "\xed\xa0\x80",
                                   "\xf5\x80\x80\x80",
                                   "\xe2\x80\xae"
                                   "gnirts",
                                   "a=b",
                                   "LD_PRELOAD=/x.so",
                                   "PATH=/tmp",
                                   "STEWARD_GENERATION=9",
                                   "\nSTEWARD_GENERATION=9",
                                   "\xc3\xa4\xc3\xb6",
                                   "Robert'); DROP TABLE guests;--"};
    names.emplace_back("a\0b", 3);
    names.emplace_back("\0LD_PRELOAD=/x.so", 17);
    names.emplace_back(100'000, 'x');
    names.emplace_back(5'000, '\n');
    return names;
}

failover::record some_record() {
    failover::record r;
    r.guest = ct102;
    r.at = phase::claimed;
    r.generation = 1;
    r.claim = 2;
    r.target = node_name("n1");
    r.chosen.emplace();
    r.chosen->source = node_name("n2");
    r.chosen->targets = {node_name("n1")};
    return r;
}

std::string contents(const fs::path& path) {
    std::ostringstream all;
    all << std::ifstream(path, std::ios::binary).rdbuf();
    return all.str();
}

/// A program that writes down all that it is given: words, environment and input.
fs::path recording_program(const temporary_directory& dir) {
    const fs::path program = dir.path() / "hook";
    std::ofstream(program) << "#!/bin/sh\ncd \"${0%/*}\" || exit 1\nprintf '%s\\n' \"$#\" \"$@\" > words\n"
                              "printf '%s' \"$STEWARD_NAME\" > name\nprintf '%s' \"$STEWARD_GENERATION\" > generation\n"
                              "tr '\\0' '\\n' < /proc/$$/environ > environment\ncat > input\n";
    fs::permissions(program, fs::perms::owner_all);
    return program;
}

/// Hooks in virtual time, and what they were told.
class recorded_hooks final : public hook_runner {
  public:
    explicit recorded_hooks(time_source& time) : time_(time) {}
    boost::asio::awaitable<hook_end> run(hook_call what) override {
        calls.push_back(what);
        hook_end end = answer;
        const duration takes = lasts;
        co_await time_.sleep_for(takes);
        co_return end;
    }
    [[nodiscard]] std::vector<std::string> told(const std::string& name) const {
        std::vector<std::string> all;
        const std::string beginning = "STEWARD_" + name + "=";
        for (const hook_call& c : calls)
            for (const std::string& line : c.environment)
                if (line.starts_with(beginning)) all.push_back(line.substr(beginning.size()));
        return all;
    }
    std::vector<hook_call> calls;
    hook_end answer;
    duration lasts = 1s;

  private:
    time_source& time_;
};

config::hook program(const std::string& path, bool is_required = false) {
    config::hook h;
    h.command = {path};
    h.is_required = is_required;
    return h;
}

/// A site whose ct/102 has hooks and crashes for good.
class hooked_site {
  public:
    explicit hooked_site(bool is_required, int restarts = 0) : hooks(site.time) {
        for (auto& g : site.settings.guests) {
            g.restart.attempts = restarts;
            for (config::hook_set* set : {&g.own_hooks.restart, &g.own_hooks.handover}) {
                set->pre = {program("/h/pre", is_required)};
                set->post = {program("/h/post")};
                set->failed = {program("/h/failed")};
            }
        }
        site.hooks = &hooks;
        site.restart();
        site.time.run_for(60s);
    }
    ~hooked_site() { site.shut_down(); }  // while what it was given is still there
    void crash() { site.fault("guest ct102 crash"); }

    simulated_site site;
    recorded_hooks hooks;
};

using strings = std::vector<std::string>;

}  // namespace

TEST_CASE("a guest's name, whatever it is, goes through every hook as text and does nothing") {
    const temporary_directory dir;
    const fs::path hook = recording_program(dir);
    boost::asio::io_context io;
    os_time time;
    exec_hook_runner runner(time);
    REQUIRE(hostile_names().size() >= 51);
    int i = 0;
    for (const std::string& name : hostile_names()) {
        // Each name through one kind of hook in turn; the words are made by the same code for all of them.
        const auto event = i % 2 == 0 ? hook_event::handover : hook_event::restart;
        const auto point = static_cast<hook_point>(i % 3);
        ++i;
        hook_facts about(hook_moment(event, point, ""), some_record());
        about.name = name;
        about.home = node_name("n2");
        hook_call call;
        call.command = {hook.string(), "--fixed"};
        call.environment = hook_environment(about);
        call.input = hook_input(about);
        call.limit = 10s;
        for (const std::string& line : call.environment) {
            CHECK(line.starts_with("STEWARD_"));
            CHECK(line.find('\n') == std::string::npos);
            CHECK(line.find('\0') == std::string::npos);
        }
        const hook_end end = run_awaitable(io, runner.run(std::move(call)));
        INFO(one_line(name, 100));
        CHECK(end.problem.empty());
        CHECK(end.output.empty());
        CHECK(contents(dir.path() / "words") == "1\n--fixed\n");
        CHECK(contents(dir.path() / "name") == one_line(name, 1024));
        CHECK(contents(dir.path() / "generation") == (event == hook_event::handover ? "2" : "1"));
        const json::value input = json::parse(contents(dir.path() / "input"));
        CHECK(input.at("name").as_string() == json::string(valid_utf8(name, 4096)));
        CHECK(input.at("event").as_string() == json::string(failover::name_of(event)));
        CHECK_FALSE(fs::exists(dir.path() / "x"));
    }
    std::istringstream environment(contents(dir.path() / "environment"));
    for (std::string line; std::getline(environment, line);) {
        INFO(line);
        CHECK((line.empty() || line.starts_with("STEWARD_") || line.starts_with("PATH=/usr/local/sbin:")));
    }
    std::size_t files = 0;
    for ([[maybe_unused]] const auto& f : fs::directory_iterator(dir.path())) ++files;
    CHECK(files == 6);  // the program and what it writes
}

TEST_CASE("what a program did is told: its exit, its signal, its time, its first 8 KiB") {
    struct row {
        const char* name;
        strings command;
        const char* problem;
        std::size_t output;
    };
    const row rows[] = {
        {"well", {"/bin/sh", "-c", "echo fine"}, "", 5},
        {"exit 3", {"/bin/sh", "-c", "echo no; exit 3"}, "exit 3", 3},
        {"a signal", {"/bin/sh", "-c", "kill -9 $$"}, "ended by signal 9", 0},
        {"too slow",
         {"/bin/sh", "-c", "echo wait; exec tail -f /dev/null"},
         "did not end within 300ms and was killed",
         5},
        {"too much to say", {"/bin/sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x"}, "", 8192},
        {"not there", {"/nonexistent/hook"}, "/nonexistent/hook: No such file or directory", 0},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            boost::asio::io_context io;
            os_time time;
            exec_hook_runner runner(time);
            hook_call call;
            call.command = r.command;
            call.limit = std::string(r.name) == "too slow" ? duration(300ms) : duration(10s);
            const hook_end end = run_awaitable(io, runner.run(std::move(call)));
            CHECK(end.problem == r.problem);
            CHECK(end.output.size() == r.output);
        }
    }
}

TEST_CASE("a required hook that says no stops a hand-over before anything is touched") {
    hooked_site s(true);
    s.hooks.answer.problem = "exit 1";
    s.hooks.answer.output = "the database has no other copy\n";
    s.crash();
    REQUIRE(s.site.is_held_for(ct102, "hook_failed", 120s));
    CHECK(s.site.writes() == 0);
    CHECK(s.site.record(ct102).held->text.find("/h/pre exit 1") != std::string::npos);
    s.site.time.run_for(5s);
    CHECK(s.hooks.told("HOOK") == strings{"pre", "failed"});
    CHECK(s.hooks.told("RESULT") == strings{"", "hook_failed"});
    const auto& all = s.site.book.all();
    const auto refusal = std::find_if(all.begin(), all.end(),
                                      [](const decision& d) { return d.kind == "hook" && d.verdict == "refused"; });
    REQUIRE(refusal != all.end());
    CHECK(refusal->observed.back().second == "the database has no other copy\n");
    // It agrees: the next attempt has another number.
    s.hooks.answer = {};
    CHECK(s.site.reaches(ct102, phase::done, 900s));
    CHECK(s.hooks.told("HOOK") == strings{"pre", "failed", "pre", "post"});
    CHECK(s.hooks.told("GENERATION") == strings{"2", "2", "3", "3"});
    CHECK(s.hooks.told("TARGET").back() == "n1");
    CHECK(s.hooks.told("SOURCE").back() == "n2");
    CHECK(s.hooks.told("NAME").back() == "ct102");
}

TEST_CASE("a hook that is not required only tells") {
    hooked_site s(false);
    s.hooks.answer.problem = "exit 1";
    s.crash();
    CHECK(s.site.reaches(ct102, phase::done, 600s));
    CHECK(s.site.record(ct102).claim == 2);
    s.site.time.run_for(5s);
    CHECK(s.hooks.told("HOOK") == strings{"pre", "post"});
}

TEST_CASE("a required hook can forbid a restart in place, and is told how one went") {
    hooked_site s(true, 1);
    s.hooks.answer.problem = "exit 1";
    s.crash();
    REQUIRE(s.site.is_held_for(ct102, "hook_failed", 120s));
    CHECK(s.site.writes() == 0);
    s.hooks.answer = {};
    REQUIRE(s.site.reaches(ct102, phase::watching, 900s));
    CHECK(s.site.writes("/status/start") == 1);
    s.site.time.run_for(5s);
    CHECK(s.hooks.told("HOOK") == strings{"pre", "failed", "pre", "post"});
    const strings ids = s.hooks.told("ID");
    CHECK(ids[0] == ids[1]);
    CHECK(ids[2] == ids[3]);
    CHECK(ids[0] != ids[2]);
    CHECK(s.hooks.told("EVENT") == strings{"restart", "restart", "restart", "restart"});
}

TEST_CASE("a daemon that dies in a pre hook runs it again with the same number") {
    hooked_site s(true);
    s.hooks.lasts = 20s;
    s.crash();
    REQUIRE(s.site.time.run_until([&] { return !s.hooks.calls.empty(); }, 120s));
    s.site.restart();
    CHECK(s.site.reaches(ct102, phase::done, 900s));
    s.site.time.run_for(60s);
    CHECK(s.hooks.told("HOOK") == strings{"pre", "pre", "post"});
    CHECK(s.hooks.told("ID") == strings(3, "handover.ct-102.g2"));
}

TEST_CASE("no hook runs while only observing") {
    hooked_site s(true, 1);
    s.site.settings.run_mode = config::mode::observe;
    s.site.restart();
    s.site.time.run_for(60s);
    s.crash();
    s.site.time.run_for(1800s);
    CHECK(s.site.held(ct102) == "observe_mode");
    CHECK(s.hooks.calls.empty());
}
