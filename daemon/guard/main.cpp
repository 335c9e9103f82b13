#include "base/log.hpp"
#include "guard/carry_out.hpp"
#include "guard/notify.hpp"
#include "guard/server.hpp"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fmt/core.h>
#include <getopt.h>
#include <optional>
#include <pwd.h>
#include <string>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <unistd.h>

using namespace steward;

namespace {

constexpr const char* usage_text =
    "usage: steward-guard --allow-user USER [options]\n"
    "  --allow-user USER  name or number of the user who may ask, besides root\n"
    "  --pve-dir DIR      the cluster file system (/etc/pve)\n"
    "  --socket FILE      where to listen (/run/steward-guard/guard.sock)\n"
    "  --node NAME        this node's name (the host name up to its first dot)\n"
    "  --lock-dir DIR     PVE's lock files of this node (/run/lock with /etc/pve, otherwise not used)\n"
    "  --verbose          log each question as well\n"
    "  --version, --help\n";

class options {
  public:
    std::string allow_user;
    std::string pve_dir = "/etc/pve";
    std::string socket = "/run/steward-guard/guard.sock";
    std::string node;
    std::optional<std::string> lock_dir;
    bool is_verbose = false;
};

std::optional<options> read_options(int argc, char** argv) {
    const option known[] = {{"allow-user", required_argument, nullptr, 'u'},
                            {"pve-dir", required_argument, nullptr, 'p'},
                            {"socket", required_argument, nullptr, 's'},
                            {"node", required_argument, nullptr, 'n'},
                            {"lock-dir", required_argument, nullptr, 'l'},
                            {"verbose", no_argument, nullptr, 'v'},
                            {"version", no_argument, nullptr, 'V'},
                            {"help", no_argument, nullptr, 'h'},
                            {nullptr, 0, nullptr, 0}};
    options o;
    for (int c = 0; (c = ::getopt_long(argc, argv, "", known, nullptr)) != -1;) {
        switch (c) {
            case 'u': o.allow_user = optarg; break;
            case 'p': o.pve_dir = optarg; break;
            case 's': o.socket = optarg; break;
            case 'n': o.node = optarg; break;
            case 'l': o.lock_dir = optarg; break;
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

std::string host_name() {
    char name[256] = {};
    if (::gethostname(name, sizeof name - 1) != 0) return {};
    const std::string whole(name);
    return whole.substr(0, whole.find('.'));
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

int serve(const options& o, uid_t allowed) {
    sigset_t ending;
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGINT);
    sigprocmask(SIG_BLOCK, &ending, nullptr);
    const guard::descriptor stop(::signalfd(-1, &ending, SFD_CLOEXEC));
    if (stop.get() < 0) return complain(fault(errc::io, "signalfd", std::error_code(errno, std::generic_category())));

    guard::workplace where(o.pve_dir);
    where.local_node = node_name(o.node.empty() ? host_name() : o.node);
    where.lock_root = o.lock_dir.value_or(o.pve_dir == "/etc/pve" ? "/run/lock" : "");
    const auto handle = [&where](const guard::request& r) { return guard::carry_out(r, where); };
    auto server = guard::server::listen(o.socket, allowed, handle);
    if (!server) return complain(server.error());
    // Being swapped out just when the node is short of memory would make every hand-over wait for the disk.
    if (::mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
        log::warning("guard.unlocked",
                     {{"reason", "memory cannot be locked: " + std::generic_category().message(errno)}});
    log::info("guard.ready",
              {{"path", o.socket}, {"node", where.local_node.str()}, {"allowed", std::to_string(allowed)}});
    guard::notify_service_manager("READY=1");
    const auto ended = server->run(stop.get());
    guard::notify_service_manager("STOPPING=1");
    if (!ended) return complain(ended.error());
    log::info("guard.stopped");
    return 0;
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
    return serve(*o, *allowed);
}
