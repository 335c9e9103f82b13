#include "api_command.hpp"
#include "api_completion.hpp"
#include "arguments.hpp"
#include "backup_command.hpp"
#include "base/ids.hpp"
#include "cluster_options.hpp"
#include "config/load.hpp"
#include "control_client.hpp"
#include "forecast_command.hpp"
#include "leaving.hpp"
#include "pve/shell/completion.hpp"
#include "render.hpp"
#include "runtime/time_source.hpp"
#include "simulate.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/serialize.hpp>

#include <chrono>
#include <functional>
#include <iostream>
#include <string>

namespace {

using steward::cli::arguments;
namespace json = boost::json;

using steward::cli::default_config;
constexpr const char* default_socket = "/run/steward/control.sock";

constexpr const char* help_text = R"(steward: looks after the guests of a Proxmox VE cluster

  steward status [-o json]           all guests; exit 0 ok, 1 warning, 2 critical, 3 unknown
  steward why GUEST [-o json]        one guest: its checks, why it is where it is, its last story
  steward plan GUEST [--to NODE] [--force] [-o json]
                                     what a hand-over would do; changes nothing
  steward failover GUEST [--to NODE] [--force] [--wait]
                                     hand it over now; --force: although it is healthy or its backup old
  steward failback GUEST             migrate it to the node that a hand-over took it from
  steward retry GUEST                look again at a held or failed_parked guest
  steward approve GUEST --issue      a token for whoever decides elsewhere; steward approve GUEST --token TOKEN uses it
  steward approve GUEST [--force]    do what it waits for (hold "approval"; --force: from the old backup of "backup_stale")
  steward abort GUEST                give up its hand-over, as long as nothing was moved
  steward disable GUEST              leave it alone until `steward retry GUEST`
  steward pause|maintenance OBJECT [--for TIME] [--reason TEXT]
                                     begin nothing for cluster, node/NAME or GUEST; maintenance also keeps others off a node
  steward resume OBJECT              the end of that
  steward fence-confirm NODE         vouch that a silent node is off and stays off: its guests are brought back elsewhere
  steward parked list [-o json]      configurations of guests that were handed over: they name the old disks
  steward parked restore|remove NAME bring one back to its node, or remove it for ever
  steward leaving shutdown|reboot|none
                                     tell this node's guard that the system goes down (steward-leaving.service does),
                                     and wait for guests that are moved away before (--control PATH: the daemon's socket)
  steward arm                        let the daemon act
  steward observe [--now]            let it only look, once what is under way has ended (--now: that stands still, too)
  steward forecast [GUEST] [--node-down NODE] [-o table|json|yaml]
                                     whether each guest would come back if its node died, where, when and with which
                                     data; asks PVE itself, without a daemon and with a token that may only look
  steward backup list [GUESTS]       archives on all storages, and guests without any
  steward backup create GUESTS --storage S [--mode snapshot|suspend|stop] [--notes TEXT] [--protected]
  steward backup restore ARCHIVE [--vmid N|new] [--node N] [--storage S] [--start]
                                     never over a guest that is there
  steward backup verify GUESTS [--storage S] [--node N] [--timeout TIME]
                                     restore the newest to a free number with its links down, start it, ask it, destroy it
  steward backup verify --cleanup    destroy copies that were left behind
  steward backup delete ARCHIVE      asks again when it is the last good one
  steward backup prune GUESTS --keep N --keep-within TIME
                                     never the last good one; create, restore and prune take --dry-run
  steward check-config [FILE]        all errors of a configuration file at once; exit 0 or 1
  steward api get|create|set|delete PATH [NAME=VALUE …] [-o table|json|yaml] [--wait] [--no-check] [--trace]
                                     PVE's API, checked against its schema, without a daemon (docs/api-cli.md)
  steward api ls [PATH]              what is below a path
  steward api describe PATH [VERB]   what a call takes and gives, who may make it, since when
  steward completion bash|zsh        a completion script for that shell
  steward simulate serve|fault|run … a simulated Proxmox VE cluster (steward simulate --help)

  fence-confirm and parked remove ask for the name again; --confirm NAME answers beforehand.
  GUEST is ct/101 or vm/200. GUESTS are several: ct/101 100-110 @tag-web @pool-prod @node-n2 @all web-* -ct/105 (a dash takes
  away). Options: --socket PATH (default /run/steward/control.sock), --version, --help
  api, backup and forecast find their cluster with --endpoint HOST[:PORT] (more: repeat it), --token-file FILE (or --user and --password-file,
  --totp-file), --fingerprint AB:CD:…[,…] or --ca-file FILE; else in --config FILE (default /etc/steward/steward.yaml).
)";

int usage(const std::string& why) {
    std::cerr << "steward: " << why << "; see steward --help\n";
    return 2;
}

int check_config(const arguments& given) {
    const std::string file = given.words.size() > 1 ? given.words[1] : default_config;
    const auto loaded = steward::config::load_file(file);
    for (const auto& p : loaded.problems) std::cerr << to_string(p) << '\n';
    if (!loaded.problems.empty()) return 1;
    std::cout << file << ": good, " << loaded.values.guests.size() << " guest(s)\n";
    return 0;
}

int print_completion(const arguments& given) {
    const auto script = steward::pve::shell::completion_script(given.words.size() > 1 ? given.words[1] : "");
    if (!script) return usage(script.error().text());
    std::cout << *script;
    return 0;
}

/// One question to the daemon, rendered as text or as it is.
int ask(const arguments& given, const json::object& question,
        const std::function<std::string(const json::object&)>& render,
        const std::function<int(const json::object&)>& status_of) {
    const std::string output = given.option("output", "text");
    if (output != "text" && output != "json") return usage("-o takes text or json, not \"" + output + "\"");
    const auto answer = steward::cli::ask_daemon(given.option("socket", default_socket), question);
    if (!answer) {
        std::cerr << "steward: " << answer.error().text() << '\n';
        return answer.error().code == steward::errc::unavailable ? 3 : 1;
    }
    std::cout << (output == "json" ? json::serialize(*answer) + "\n" : render(*answer));
    return status_of(*answer);
}

int always_zero(const json::object&) { return 0; }
std::string render_mode(const json::object& status) {
    return "mode " + std::string(status.at("mode").as_string()) + "\n";
}
std::string render_ordered(const json::object&) { return "ordered; steward why GUEST tells how it goes\n"; }

bool is_resting(const std::string& state) {
    for (const char* s : {"done", "held", "rolled_back", "aborted_safe", "failed_parked", "watching", "operator_moved",
                          "disabled", "frozen"})
        if (state == s) return true;
    return false;
}

/// A fifth of a second between two looks.
void pause() {
    boost::asio::io_context io;
    steward::os_time time;
    boost::asio::co_spawn(io, time.sleep_for(std::chrono::milliseconds(200)), [](std::exception_ptr) {});
    io.run();
}

/// Prints each phase as it begins, until the guest rests; 0 only for `done`.
int wait_for_end(const arguments& given) {
    const json::object question{{"do", "why"}, {"guest", given.words[1]}};
    std::string last;
    for (bool has_begun = false;;) {
        const auto answer = steward::cli::ask_daemon(given.option("socket", default_socket), question);
        if (!answer) {
            std::cerr << "steward: " << answer.error().text() << '\n';
            return 3;
        }
        const std::string state(answer->at("state").as_string());
        if (state != last) std::cout << state << ": " << std::string(answer->at("reason").as_string()) << std::endl;
        last = state;
        has_begun = has_begun || !is_resting(state);
        if (has_begun && is_resting(state)) return state == "done" ? 0 : 2;
        if (!has_begun && state == "held") return 2;
        pause();
    }
}

int run_guest_command(const arguments& given) {
    const std::string& command = given.words[0];
    if (given.words.size() != 2) return usage(command + " takes one guest, ct/101 or vm/200");
    const auto guest = steward::parse_guest_id(given.words[1]);
    if (!guest) return usage(guest.error().text());
    json::object question{{"do", command}, {"guest", to_string(*guest)}};
    if (given.has("to")) question["to"] = given.option("to", "");
    if (given.has("force")) question["force"] = true;
    if (given.has("token")) question["token"] = given.option("token", "");
    if (command == "approve" && given.has("issue")) {
        question["do"] = "approval-token";
        const auto print = [](const json::object& o) { return std::string(o.at("token").as_string()) + "\n"; };
        return ask(given, question, print, always_zero);
    }
    if (command == "why") return ask(given, question, steward::cli::render_guest, always_zero);
    if (command == "plan")
        return ask(given, question, steward::cli::render_plan,
                   [](const json::object& plan) { return plan.at("possible").as_bool() ? 0 : 1; });
    const int asked = ask(given, question, render_ordered, always_zero);
    if (asked != 0 || command != "failover" || !given.has("wait")) return asked;
    return wait_for_end(given);
}

/// pause, maintenance, resume; without an object: what is paused.
int run_pause_command(const arguments& given) {
    const std::string& command = given.words[0];
    if (given.words.size() == 1 && command == "pause")
        return ask(given, {{"do", "status"}}, steward::cli::render_pauses, always_zero);
    if (given.words.size() != 2) return usage(command + " takes one of cluster, node/NAME, ct/101, vm/200");
    json::object question{{"do", command == "resume" ? "resume" : "pause"}, {"object", given.words[1]}};
    if (command == "maintenance" && !given.words[1].starts_with("node/"))
        return usage("maintenance is of a node: node/NAME");
    if (command == "maintenance") question["kind"] = "maintenance";
    if (given.has("for")) question["for"] = given.option("for", "");
    if (given.has("reason")) question["reason"] = given.option("reason", "");
    return ask(given, question, steward::cli::render_pauses, always_zero);
}

/// The name once more, by hand: a slip of the tongue must not cost a guest.
std::string typed_again(const arguments& given, const std::string& question) {
    if (given.has("confirm")) return given.option("confirm", "");
    std::cerr << question << " Type it again: " << std::flush;
    std::string line;
    std::getline(std::cin, line);
    return line;
}

int run_fence_confirm(const arguments& given) {
    if (given.words.size() != 2) return usage("fence-confirm takes one node");
    const std::string& node = given.words[1];
    const std::string again = typed_again(
        given,
        node + " must be off, and stay off until somebody has looked at it; if it is not, guests will run twice.");
    return ask(
        given, {{"do", "fence-confirm"}, {"object", node}, {"confirm", again}},
        [](const json::object&) { return std::string("noted; its guests are brought back where that is possible\n"); },
        always_zero);
}

int run_parked_command(const arguments& given) {
    const std::string verb = given.words.size() > 1 ? given.words[1] : "list";
    if (verb == "list" && given.words.size() <= 2)
        return ask(given, {{"do", "parked-list"}}, steward::cli::render_parked, always_zero);
    if ((verb != "restore" && verb != "remove") || given.words.size() != 3)
        return usage("parked takes list, restore NAME or remove NAME; NAME is one of the list's");
    json::object question{{"do", "parked-" + verb}, {"object", given.words[2]}};
    if (verb == "remove")
        question["confirm"] = typed_again(
            given, given.words[2] + " is removed for ever; its disks stay, but nothing tells whose they are.");
    return ask(
        given, question,
        [&](const json::object&) { return given.words[2] + (verb == "remove" ? " removed\n" : " restored\n"); },
        always_zero);
}

int run(const std::vector<std::string>& raw) {
    if (!raw.empty() && raw.front() == "simulate") return steward::cli::simulate_main({raw.begin() + 1, raw.end()});
    if (!raw.empty() && raw.front() == "__complete") return steward::cli::complete_main({raw.begin() + 1, raw.end()});
    const arguments given = steward::cli::read_arguments(raw);
    if (given.has("help") || raw.empty()) return std::cout << help_text, raw.empty() ? 2 : 0;
    if (given.has("version")) return std::cout << "steward " STEWARD_VERSION "\n", 0;
    if (!given.problem.empty()) return usage(given.problem);
    if (given.words.empty()) return usage("a command is missing");
    const std::string& command = given.words[0];
    if (command == "api") return steward::cli::api_main(given);
    if (command == "backup") return steward::cli::backup_main(given);
    if (command == "forecast") return steward::cli::forecast_main(given);
    if (command == "completion") return print_completion(given);
    if (command == "check-config") return check_config(given);
    if (command == "status")
        return ask(given, {{"do", "status"}}, steward::cli::render_status, steward::cli::exit_code_of);
    if (command == "arm" || command == "observe")
        return ask(given, {{"do", command}, {"now", given.has("now")}}, render_mode, always_zero);
    for (const char* name : {"why", "plan", "failover", "failback", "retry", "approve", "abort", "disable"})
        if (command == name) return run_guest_command(given);
    if (command == "fence-confirm") return run_fence_confirm(given);
    if (command == "parked") return run_parked_command(given);
    if (command == "leaving") return steward::cli::tell_leaving(given);
    for (const char* name : {"pause", "maintenance", "resume"})
        if (command == name) return run_pause_command(given);
    return usage("unknown command \"" + command + "\"");
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run({argv + 1, argv + argc});
    } catch (const std::exception& e) {
        std::cerr << "steward: unexpected failure: " << e.what() << '\n';
        return 1;
    }
}
