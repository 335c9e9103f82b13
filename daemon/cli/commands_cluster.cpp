#include "command_options.hpp"
#include "commands.hpp"
#include "daemon_commands.hpp"
#include "leaving.hpp"

namespace steward::cli {
namespace {

constexpr std::string_view topic = "The cluster";

const operand objects{.name = "OBJECT", .kind = word_kind::object, .is_repeated = true};
const option for_time{.name = "for", .value = "TIME", .help = "it ends by itself after that: 30m, 2h"};
const option reason{.name = "reason", .value = "TEXT", .help = "shown by status and why"};
const option confirm{.name = "confirm", .value = "NAME", .help = "answers the question for the name beforehand"};

options daemon_and_output() { return joined({output_option(), daemon_option()}); }

command order(std::string_view name, std::string_view summary, std::vector<operand> takes, options own,
              int (*run)(const arguments&)) {
    return {.name = name,
            .topic = topic,
            .summary = summary,
            .operands = std::move(takes),
            .options = joined({std::move(own), daemon_and_output()}),
            .exits = daemon_exits(),
            .run = run};
}

std::vector<command> pauses() {
    std::vector<command> all;
    all.push_back(order("pause", "begin nothing for the cluster, a node or a guest; without one: what is paused",
                        {{.name = "OBJECT", .kind = word_kind::object, .is_optional = true, .is_repeated = true}},
                        {for_time, reason}, run_pause_command));
    all.back().more =
        "OBJECT is cluster, node/NAME, ct/101, vm/200, or words that choose several guests now (@tag-web 100-110 "
        "-ct/105). "
        "What is under way goes on.";
    all.back().examples = {"steward pause cluster --for 2h --reason 'switch is replaced'", "steward pause"};
    all.push_back(order("maintenance", "as pause, and keep others off that node",
                        {{.name = "node/NAME", .kind = word_kind::object}}, {for_time, reason}, run_pause_command));
    all.push_back(order("resume", "the end of a pause or of maintenance", {objects}, {}, run_pause_command));
    return all;
}

std::vector<command> parked() {
    const operand name{.name = "NAME"};
    std::vector<command> all;
    all.push_back(order("parked list", "configurations of guests that were handed over: they name the old disks", {},
                        {}, run_parked_command));
    all.back().is_default = true;
    all.push_back(order("parked restore", "bring one back to its node", {name}, {}, run_parked_command));
    all.push_back(
        order("parked remove", "remove one for ever; asks for the name again", {name}, {confirm}, run_parked_command));
    return all;
}

command leaving() {
    return {.name = "leaving",
            .topic = topic,
            .summary = "tell this node's guard that the system goes down",
            .operands = {{.name = "WHAT", .kind = word_kind::choice, .choices = "shutdown|reboot|none"}},
            .options = {{.name = "socket",
                         .value = "PATH",
                         .help = "the guard's (/run/steward-guard/guard.sock)",
                         .kind = word_kind::file},
                        {.name = "control",
                         .value = "PATH",
                         .help = "the daemon's (/run/steward/control.sock)",
                         .kind = word_kind::file}},
            .more =
                "steward-leaving.service runs it. It waits for guests that are moved away before (`failover.shutdown: "
                "evacuate`).",
            .exits = {"0 the guard took it", "1 it did not", "2 a mistake in the call"},
            .run = tell_leaving};
}

}  // namespace

std::vector<command> cluster_commands() {
    std::vector<command> all;
    all.push_back(order("arm", "let the daemon act", {}, {}, run_mode_command));
    all.push_back(order("observe", "let it only look, once what is under way has ended", {},
                        {{.name = "now", .value = "", .help = "what is under way stands still, too"}},
                        run_mode_command));
    for (command& c : pauses()) all.push_back(std::move(c));
    all.push_back(order("fence-confirm", "vouch that a silent node is off and stays off; asks for its name again",
                        {{.name = "NODE", .kind = word_kind::node}}, {confirm}, run_fence_confirm));
    all.back().more =
        "Its guests are brought back elsewhere. If the node still runs them, they run twice: docs/failover.md.";
    for (command& c : parked()) all.push_back(std::move(c));
    all.push_back(leaving());
    return all;
}

}  // namespace steward::cli
