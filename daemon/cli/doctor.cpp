#include "doctor.hpp"

#include "cluster/guard_client.hpp"
#include "cluster_options.hpp"
#include "control_client.hpp"
#include "daemon_commands.hpp"
#include "output.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <filesystem>
#include <fmt/core.h>

namespace steward::cli {
namespace asio = boost::asio;
namespace fs = std::filesystem;
namespace {

constexpr std::chrono::seconds local_patience{5};
constexpr const char* watchdog_socket = "/run/watchdog-mux.sock";

bool needs_guard(const config::settings& s) {
    const bool is_chosen = std::any_of(s.sections.begin(), s.sections.end(),
                                       [](const config::guest_section& g) { return g.rules.failover.enabled; });
    return is_chosen ||
           std::any_of(s.guests.begin(), s.guests.end(), [](const config::guest& g) { return g.failover.enabled; });
}

std::optional<config::settings> examine_config(const arguments& given, doctor_report& into) {
    const auto file = meant_config(given);
    if (!file) {
        into.unknown("configuration", fmt::format("none is named, and there is no {}", default_config),
                     "steward config init writes one with what is on the cluster");
        return std::nullopt;
    }
    const config::loaded read = config::load_file(*file);
    constexpr std::size_t most = 10;
    std::string problems;
    for (std::size_t i = 0; i < std::min(read.problems.size(), most); ++i)
        problems += to_string(read.problems[i]) + "\n";
    if (!problems.empty()) {
        into.add(severity::critical, "configuration", fmt::format("{} has {} problem(s)", *file, read.problems.size()),
                 problems);
        return std::nullopt;
    }
    auto settings = meant_cluster(*file, given);
    if (!settings) {
        into.unknown("configuration", settings.error().text(), "");
        return std::nullopt;
    }
    into.ok("configuration", fmt::format("{} is good, {} guest(s) and {} selector(s)", *file, settings->guests.size(),
                                         settings->sections.size()));
    if (settings->guests.empty() && settings->sections.empty())
        into.add(severity::warning, "configuration", "no guest is looked after", "name some in `guests` of " + *file);
    return std::move(*settings);
}

void examine_daemon(const std::string& socket, doctor_report& into) {
    const auto status = ask_daemon(socket, {{"do", "status"}}, local_patience);
    if (!status) {
        const bool is_closed = status.error().code == errc::forbidden;
        into.add(is_closed ? severity::unknown : severity::warning, "daemon", status.error().text(),
                 is_closed ? "" : "systemctl enable --now stewardd; journalctl -u stewardd tells why it does not run");
        return;
    }
    const auto* mode = status->if_contains("mode");
    const std::string word = mode != nullptr && mode->is_string() ? std::string(mode->get_string()) : "unknown";
    into.ok("daemon", fmt::format("answers at {}, mode {}", socket, word));
    if (word == "observe")
        into.add(severity::warning, "daemon", "it only looks and changes nothing", "steward arm lets it act");
}

void examine_guard(const std::string& socket, bool is_needed, doctor_report& into) {
    os_time time;
    asio::io_context io;
    guard_client guard(time, socket, local_patience);
    guard::request what;
    what.what = guard::verb::check;
    result<guard::reply> answer = fault(errc::unavailable, "steward-guard", "could not be asked");
    auto ended = [&answer](std::exception_ptr error, result<guard::reply> got) {
        if (!error) answer = std::move(got);
    };
    asio::co_spawn(io, guard.ask(std::move(what)), std::move(ended));
    io.run();
    if (answer) return into.ok("guard", fmt::format("answers at {} and sees the cluster's files", socket));
    const bool is_there = fs::exists(socket);
    if (!is_there && !is_needed)
        return into.unknown("guard", fmt::format("there is none at {}; no guest here is failed over", socket));
    into.add(severity::critical, "guard", answer.error().text(),
             is_there ? "run this as root or as the user steward; journalctl -u steward-guard tells more"
                      : "systemctl enable --now steward-guard on the node where stewardd runs: no guest can be handed "
                        "over without it");
}

void examine_watchdog(bool is_per_node, doctor_report& into) {
    std::error_code ec;
    const bool is_there = fs::is_socket(watchdog_socket, ec);
    if (is_there) return into.ok("watchdog", fmt::format("watchdog-mux listens at {}", watchdog_socket));
    if (!is_per_node)
        return into.unknown("watchdog",
                            fmt::format("there is no {}; only `daemons: per-node` uses it", watchdog_socket));
    into.add(severity::warning, "watchdog", fmt::format("there is no {}", watchdog_socket),
             "systemctl status watchdog-mux: without it this node cannot prove that its guests have stopped");
}

}  // namespace

void examine_here(const arguments& given, const std::optional<config::settings>& settings, doctor_report& into) {
    const config::settings s = settings.value_or(config::settings());
    examine_daemon(given.option("socket", s.control_socket), into);
    examine_guard(s.guard_socket, settings && needs_guard(s), into);
    examine_watchdog(s.who == config::daemons::per_node, into);
}

doctor_report examine(const arguments& given) {
    doctor_report report;
    const auto settings = examine_config(given, report);
    auto way = cluster_options(given);
    const bool is_bad_file = !settings && meant_config(given);
    if (!way && is_bad_file) {
        report.unknown("cluster", "not asked: its endpoints and credentials stand in the configuration");
    } else if (!way) {
        report.unknown("cluster", way.error().text());
    } else if (const auto who = pve::read_credentials(way->who); !who) {
        report.add(severity::critical, "credentials", who.error().text(),
                   "a token file holds USER@REALM!TOKENID=SECRET and has mode 0600");
    } else if (examine_endpoints(*way, report)) {
        examine_cluster(*way, settings, report);
    } else {
        report.unknown("cluster", "nobody let us in: quorum, clocks, privileges and backups were not looked at");
    }
    examine_here(given, settings, report);
    return report;
}

int doctor_main(const arguments& given) {
    const doctor_report report = examine(given);
    print_answer(given, as_json(report), as_text(report));
    return exit_code_of(report);
}

}  // namespace steward::cli
