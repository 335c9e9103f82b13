#include "base/host_name.hpp"
#include "base/log.hpp"
#include "guard/desk.hpp"
#include "guard/notify.hpp"
#include "guard/server.hpp"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fmt/core.h>
#include <fstream>
#include <functional>
#include <getopt.h>
#include <limits>
#include <malloc.h>
#include <optional>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <thread>
#include <time.h>
#include <unistd.h>
#include <utility>
#include <vector>

using namespace steward;

namespace {

constexpr const char* usage_text =
    "usage: steward-guard --allow-user USER [options]\n"
    "  --allow-user USER  name or number of the user who may ask, besides root\n"
    "  --pve-dir DIR      the cluster file system (/etc/pve)\n"
    "  --socket FILE      where to listen (/run/steward-guard/guard.sock)\n"
    "  --node NAME        this node's name (the host name up to its first dot)\n"
    "  --lock-dir DIR     PVE's lock files of this node (/run/lock with /etc/pve, otherwise not used)\n"
    "  --contract WHAT    what this node promises the others about its guests when it falls silent (none):\n"
    "                     none, selfstop (this program ends them), watchdog (the node is reset as well)\n"
    "  --watchdog FILE    watchdog-mux (/run/watchdog-mux.sock)\n"
    "  --cgroup-dir DIR   control groups, version 2 (/sys/fs/cgroup)\n"
    "  --corosync FILE    corosync's configuration (/etc/corosync/corosync.conf)\n"
    "  --state-dir DIR    remembers which guests are looked after (/var/lib/steward-guard with /etc/pve)\n"
    "  --boot-id ID       of this boot, when the kernel's own is not meant\n"
    "  --verbose          log each question as well\n"
    "  --version, --help\n";

class options {
  public:
    std::string allow_user;
    std::string pve_dir = "/etc/pve";
    std::string socket = "/run/steward-guard/guard.sock";
    std::string node;
    std::optional<std::string> lock_dir;
    std::optional<std::string> state_dir;
    std::string contract = "none";
    std::string watchdog = "/run/watchdog-mux.sock";
    std::string cgroup_dir = "/sys/fs/cgroup";
    std::string corosync = "/etc/corosync/corosync.conf";
    std::string boot_id;
    bool is_verbose = false;
};

std::optional<options> read_options(int argc, char** argv) {
    options o;
    const std::pair<const char*, std::string*> texts[] = {{"allow-user", &o.allow_user}, {"pve-dir", &o.pve_dir},
                                                          {"socket", &o.socket},         {"node", &o.node},
                                                          {"contract", &o.contract},     {"watchdog", &o.watchdog},
                                                          {"boot-id", &o.boot_id},       {"cgroup-dir", &o.cgroup_dir},
                                                          {"corosync", &o.corosync}};
    std::vector<option> known;
    for (const auto& t : texts) known.push_back({t.first, required_argument, nullptr, 't'});
    known.insert(known.end(), {{"lock-dir", required_argument, nullptr, 'l'},
                               {"state-dir", required_argument, nullptr, 'd'},
                               {"verbose", no_argument, nullptr, 'v'},
                               {"version", no_argument, nullptr, 'V'},
                               {"help", no_argument, nullptr, 'h'},
                               {nullptr, 0, nullptr, 0}});
    int which = 0;
    for (int c = 0; (c = ::getopt_long(argc, argv, "", known.data(), &which)) != -1;) {
        switch (c) {
            case 't': *texts[which].second = optarg; break;
            case 'l': o.lock_dir = optarg; break;
            case 'd': o.state_dir = optarg; break;
            case 'v': o.is_verbose = true; break;
            case 'V': std::puts("steward-guard " STEWARD_VERSION); std::exit(0);
            case 'h': std::fputs(usage_text, stdout); std::exit(0);
            default: return std::nullopt;
        }
    }
    if (optind < argc || o.allow_user.empty()) return std::nullopt;
    return o;
}

std::optional<uid_t> user_of(const std::string& text) {
    uid_t number = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (ec == std::errc{} && end == text.data() + text.size()) return number;
    const passwd* const entry = ::getpwnam(text.c_str());
    if (entry == nullptr) return std::nullopt;
    return entry->pw_uid;
}

/// One line per event on standard error; systemd reads the level off its front (sd-daemon(3)).
void log_to_standard_error(bool is_verbose) {
    const bool is_service = std::getenv("JOURNAL_STREAM") != nullptr;
    const auto write = [is_service](const log::event& e) {
        const int priority = e.severity == log::level::error     ? 3
                             : e.severity == log::level::warning ? 4
                             : e.severity == log::level::info    ? 6
                                                                 : 7;
        const std::string line =
            is_service ? fmt::format("<{}>{}\n", priority, log::to_line(e)) : log::to_line(e) + "\n";
        std::fputs(line.c_str(), stderr);
    };
    log::set_sink(write, is_verbose ? log::level::debug : log::level::info);
}

int complain(const fault& why) {
    log::error("guard.failed", {{"reason", why.text()}});
    return 1;
}

guard::clocks system_clocks() {
    guard::clocks c;
    c.boottime = [] {
        timespec now{};
        ::clock_gettime(CLOCK_BOOTTIME, &now);  // seams-lint: the guard links no event loop, and with it no lib/runtime
        return time_point(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
    };
    c.wall = [] { return wall_time(std::chrono::seconds(::time(nullptr))); };  // seams-lint: as above
    return c;
}

std::string kernel_boot_id() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string id;
    std::getline(file, id);
    return id;
}

/// Without CAP_IPC_LOCK what is locked may not grow beyond a limit, and beyond it allocations fail. Whether there is
/// none, after `mlockall`; nothing is allocated to find out.
bool may_grow_locked() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return true;
    const std::size_t more = limit.rlim_cur + static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    void* const tried = ::mmap(nullptr, more, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (tried == MAP_FAILED) return false;
    ::munmap(tried, more);
    return true;
}

/// No page of this process is ever waited for again, and none has to be found: after arming it must do its work on a
/// node that is short of memory (reliability §3.3).
void keep_memory() {
    constexpr std::size_t reserve = 4 * 1024 * 1024;
    ::mallopt(M_ARENA_MAX, 1);
    ::mallopt(M_MMAP_MAX, 0);
    ::mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
    ::mallopt(M_TOP_PAD, static_cast<int>(reserve));
    std::free(std::malloc(reserve));
    // A locked stack is all there from the beginning; two threads need no eight megabytes each.
    pthread_attr_t small;
    ::pthread_attr_init(&small);
    ::pthread_attr_setstacksize(&small, 512 * 1024);
    ::pthread_setattr_default_np(&small);
    ::pthread_attr_destroy(&small);
    if (::mlockall(MCL_CURRENT | MCL_FUTURE) != 0) {
        log::warning("guard.unlocked",
                     {{"reason", "memory cannot be locked: " + std::generic_category().message(errno)}});
    } else if (!may_grow_locked()) {
        ::munlockall();
        log::warning("guard.unlocked", {{"reason",
                                         "memory is not locked: its limit (RLIMIT_MEMLOCK) would soon be too "
                                         "small for what is allocated; systemd's LimitMEMLOCK raises it"}});
    }
}

guard::heart_setup setup_from(const options& o, const node_name& node, lease::contract wanted) {
    guard::heart_setup s;
    s.node = node;
    s.boot_id = o.boot_id.empty() ? kernel_boot_id() : o.boot_id;
    s.wanted = wanted;
    s.watchdog = o.watchdog;
    s.cgroup_root = o.cgroup_dir;
    const std::string state = o.state_dir.value_or(o.pve_dir == "/etc/pve" ? "/var/lib/steward-guard" : "");
    if (!state.empty()) s.managed_file = state + "/managed";
    return s;
}

/// Renews for ever. "Ready" is what pve-guests.service waits for: before the first lease was written nothing proves
/// that this node knows which guests are still its own (the embargo, reliability §1.3).
void renew_leases(guard::lease_writer& writer, guard::heart& heart) {
    bool is_told = false;
    for (;;) {
        const bool ok = writer.renew();
        if (!is_told && heart.has_left_embargo()) {
            is_told = true;
            guard::notify_service_manager("READY=1");
        }
        const duration pause = ok ? fencing::guard_timing::renewal : std::chrono::seconds(2);
        heart.wait_for_news(std::chrono::seconds(1), pause);
    }
}

void watch_age(guard::heart& heart) {
    for (;;) {
        ::poll(nullptr, 0, 1000);
        heart.tick();
    }
}

/// The promise is taken back before the watchdog is closed, and both before this process ends (reliability §3.3).
void wait_until_withdrawn(guard::heart& heart) {
    heart.withdraw();
    for (int tenths = 0; !heart.is_withdrawn(); ++tenths) {
        if (tenths % 100 == 50)
            log::warning("guard.stays", {{"reason",
                                          "others still rely on this node's promise, and the lease that takes "
                                          "it back could not be written yet"}});
        ::poll(nullptr, 0, 100);
    }
    // Without a promise there is nothing to wait for for ever: a cluster without a majority cannot be told.
    for (int tenths = 0; !heart.has_said_all() && tenths < 100; ++tenths) ::poll(nullptr, 0, 100);
}

int serve(const options& o, uid_t allowed, lease::contract wanted) {
    sigset_t ending;
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGINT);
    sigprocmask(SIG_BLOCK, &ending, nullptr);
    const guard::descriptor stop(::signalfd(-1, &ending, SFD_CLOEXEC));
    if (stop.get() < 0) return complain(fault(errc::io, "signalfd", std::error_code(errno, std::generic_category())));

    const guard::clocks time = system_clocks();
    guard::workplace where(o.pve_dir);
    where.local_node = node_name(o.node.empty() ? host_name() : o.node);
    where.lock_root = o.lock_dir.value_or(o.pve_dir == "/etc/pve" ? "/run/lock" : "");
    guard::heart heart(setup_from(o, where.local_node, wanted), time);
    guard::lease_ages others;
    guard::lease_writer writer(o.pve_dir, o.corosync, where.local_node, heart, others, time);
    guard::desk desk(where, heart, others, time);
    auto server = guard::server::listen(o.socket, allowed, [&desk](const guard::request& r) { return desk.answer(r); });
    if (!server) return complain(server.error());
    keep_memory();
    log::info("guard.ready",
              {{"path", o.socket}, {"node", where.local_node.str()}, {"allowed", std::to_string(allowed)}});
    // They end with the process: one of them may hang in a system call on pmxcfs for as long as that does.
    std::thread renewals(renew_leases, std::ref(writer), std::ref(heart));
    std::thread ticks(watch_age, std::ref(heart));
    const auto ended = server->run(stop.get());
    guard::notify_service_manager("STOPPING=1");
    wait_until_withdrawn(heart);
    if (!ended) complain(ended.error());
    log::info("guard.stopped");
    server->close();
    std::_Exit(ended ? 0 : 1);
}

}  // namespace

int main(int argc, char** argv) {
    const auto o = read_options(argc, argv);
    if (!o) {
        std::fputs(usage_text, stderr);
        return 2;
    }
    log_to_standard_error(o->is_verbose);
    const auto allowed = user_of(o->allow_user);
    if (!allowed) return complain(fault(errc::invalid, "--allow-user", "there is no user " + o->allow_user));
    const auto wanted = lease::parse_contract(o->contract);
    if (!wanted || *wanted == lease::contract::released || *wanted == lease::contract::frozen)
        return complain(fault(errc::invalid, "--contract", o->contract + " is none of none, selfstop, watchdog"));
    return serve(*o, *allowed, *wanted);
}
