#include "command_options.hpp"
#include "commands.hpp"
#include "daemon_commands.hpp"
#include "probe_command.hpp"

namespace steward::cli {
namespace {

constexpr std::string_view topic = "Guests";

const operand one_guest{.name = "GUEST", .kind = word_kind::guest};
const operand some_guests{.name = "GUESTS", .kind = word_kind::guests, .is_repeated = true};
const option to_node{.name = "to", .value = "NODE", .help = "there, and nowhere else", .kind = word_kind::node};
const option wait_for_it{
    .name = "wait", .value = "", .help = "print each step, and end when it has ended: 0 only when it is done"};

options daemon_and_output() { return joined({output_option(), daemon_option()}); }

command order(std::string_view name, std::string_view summary, options own, std::string_view more) {
    return {.name = name,
            .topic = topic,
            .summary = summary,
            .operands = {one_guest},
            .options = joined({std::move(own), daemon_and_output()}),
            .more = more,
            .exits = daemon_exits(),
            .run = run_guest_command};
}

std::vector<command> looks() {
    return {
        {.name = "status",
         .topic = topic,
         .summary = "all guests, the cluster, and what would happen if a node died now",
         .operands = {{.name = "GUESTS", .kind = word_kind::guests, .is_optional = true, .is_repeated = true}},
         .options = joined({output_option(), watch_option(), daemon_option()}),
         .more = "One line for each guest: where it is, how its checks are, what Steward does with it and why, and "
                 "what would become "
                 "of it if its node died now. The last line is the worst of all, as a monitoring system reads it.",
         .examples = {"steward status", "steward status @tag-web -ct/105", "steward status --watch",
                      "steward status -o json | jq .guests"},
         .exits = {"0 ok", "1 warning", "2 critical, or a mistake in the call", "3 unknown: no daemon answers"},
         .run = run_status},
        {.name = "why",
         .topic = topic,
         .summary = "a guest's checks, why it is where it is, its last story",
         .operands = {some_guests},
         .options = joined({output_option(), watch_option(), daemon_option()}),
         .examples = {"steward why ct/101", "steward why vm/200 -o json"},
         .exits = daemon_exits(),
         .run = run_guest_command},
        {.name = "plan",
         .topic = topic,
         .summary = "what a hand-over would do; changes nothing",
         .operands = {some_guests},
         .options =
             joined({{to_node, {.name = "force", .value = "", .help = "although it is healthy, or its backup is old"}},
                     daemon_and_output()}),
         .more = "The whole preflight of a real hand-over, with a reason for each node and archive that is not chosen.",
         .examples = {"steward plan ct/101", "steward plan ct/101 --to n2"},
         .exits = {"0 it would be handed over", "1 it would not, or the daemon refused", "2 a mistake in the call",
                   "3 no daemon answers"},
         .run = run_guest_command},
    };
}

std::vector<command> orders() {
    std::vector<command> all;
    all.push_back(order(
        "failover", "hand it over to another node now",
        {to_node,
         {.name = "force", .value = "", .help = "although it is healthy or its backup old; nothing about safety"},
         wait_for_it},
        "The same machine as a failover that Steward begins itself: the same preflight, the same proofs, the same "
        "way back. `steward plan` shows beforehand what it would do."));
    all.back().examples = {"steward failover ct/101 --wait", "steward failover vm/200 --to n3 --force"};
    all.back().exits.emplace_back("2 with --wait: it ended otherwise than done");
    all.push_back(order("failback", "migrate it to the node that a hand-over took it from", {}, ""));
    all.push_back(
        order("retry", "look again at a held or failed_parked guest", {}, "Also ends what `steward disable` began."));
    all.push_back(order("approve", "do what it waits for",
                        {{.name = "issue", .value = "", .help = "print a token for whoever decides elsewhere"},
                         {.name = "token", .value = "TOKEN", .help = "the token that such a call printed"},
                         {.name = "force", .value = "", .help = "from the old backup of hold \"backup_stale\""}},
                        "A guest with `failover.approval` waits with hold \"approval\" until somebody says yes."));
    all.back().examples = {"steward approve ct/101", "steward approve ct/101 --issue",
                           "steward approve ct/101 --token TOKEN"};
    all.push_back(order("abort", "give up its hand-over, as long as nothing was moved", {}, ""));
    all.push_back(order("disable", "leave it alone until steward retry", {}, ""));
    return all;
}

command probe() {
    return {
        .name = "probe",
        .topic = topic,
        .summary = "run a check once, from here and without the daemon",
        .operands = {{.name = "TARGET", .kind = word_kind::guest}, {.name = "CHECK", .is_optional = true}},
        .options = joined({output_option(),
                           watch_option(),
                           {{.name = "debug", .value = "", .help = "its phases, address, certificate and first bytes"},
                            {.name = "config",
                             .value = "FILE",
                             .help = "where a guest's checks stand (/etc/steward/steward.yaml)",
                             .kind = word_kind::file},
                            {.name = "cluster", .value = "NAME", .help = "of several in the configuration"}}}),
        .more =
            "TARGET is a URL, HOST:PORT (TCP), HOST (ICMP), or a guest: then its checks in the configuration "
            "file, or the one named CHECK. docs/probes.md.",
        .examples = {"steward probe https://www.example.org/health --debug", "steward probe 192.0.2.31:22",
                     "steward probe ct/101"},
        .exits = {"0 healthy", "2 unhealthy", "3 unknown: it could not look; or a mistake in the call"},
        .run = probe_main,
        .mistake = 3};
}

}  // namespace

std::vector<command> guest_commands() {
    std::vector<command> all = looks();
    all.push_back(probe());
    for (command& c : orders()) all.push_back(std::move(c));
    return all;
}

}  // namespace steward::cli
