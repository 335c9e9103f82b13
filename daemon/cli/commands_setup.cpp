#include "command_options.hpp"
#include "commands.hpp"
#include "config_command.hpp"
#include "doctor.hpp"
#include "setup_commands.hpp"
#include "support_bundle.hpp"

namespace steward::cli {
namespace {

constexpr std::string_view topic = "Setting up";

command check_config_command() {
    return {.name = "check-config",
            .topic = topic,
            .summary = "all errors of a configuration file at once",
            .operands = {{.name = "FILE", .kind = word_kind::file, .is_optional = true}},
            .options = output_option(),
            .more = "Reads /etc/steward/steward.yaml when no file is named, exactly as stewardd would.",
            .exits = {"0 it is good", "1 it is not", "2 a mistake in the call"},
            .run = check_config};
}

command config_entry(std::string_view name, std::string_view summary, options own, int (*run)(const arguments&)) {
    return {.name = name, .topic = topic, .summary = summary, .options = std::move(own), .exits = {}, .run = run};
}

options config_file() {
    return {
        {.name = "config", .value = "FILE", .help = "the file (/etc/steward/steward.yaml)", .kind = word_kind::file}};
}

std::vector<command> config_commands() {
    std::vector<command> all;
    all.push_back(config_entry("config init", "write an example with what is on this cluster; never over a file",
                               cluster_way(), config_init));
    all.back().operands = {{.name = "FILE", .kind = word_kind::file, .is_optional = true}};
    all.back().more =
        "Nodes, storages and guests stand in it as comments, with checks to choose from; nothing is looked after "
        "before somebody takes "
        "the # away. FILE is /etc/steward/steward.yaml, or - for standard output.";
    all.back().examples = {
        "steward config init --endpoint n1 --token-file /etc/steward/token --ca-file /etc/pve/pve-root-ca.pem"};
    all.back().exits = {"0 written", "1 the file is there already, or the cluster refused", "2 a mistake in the call",
                        "3 nobody was reached"};
    all.push_back(
        config_entry("config show", "the configuration, with what it includes",
                     joined({{{.name = "effective", .value = "", .help = "every key with what holds, defaults too"}},
                             config_file(),
                             output_option()}),
                     config_show));
    all.back().more = "Secrets stand in files, of which only the names are shown.";
    all.back().exits = {"0 shown", "1 the file is bad", "2 a mistake in the call"};
    all.push_back(config_entry("config diff", "what a reload would change: the file against what stewardd runs with",
                               joined({config_file(), output_option(), daemon_option()}), config_diff));
    all.back().exits = {"0 the same", "1 not the same, or the file is bad", "2 a mistake in the call",
                        "3 no daemon answers"};
    all.push_back(config_entry("config schema", "a JSON schema of the file, for editors", {}, config_schema));
    all.back().examples = {"steward config schema >/usr/local/share/steward.schema.json"};
    return all;
}

command doctor_command() {
    return {
        .name = "doctor",
        .topic = topic,
        .summary = "look at everything that is needed, and say what to do; changes nothing",
        .options = joined({output_option(), daemon_option(), cluster_way()}),
        .more =
            "The configuration, each endpoint with its name and certificate, the credentials, quorum, clocks, "
            "privileges with the "
            "pveum lines that grant what lacks, backups, daemon, guard and watchdog. What it could not look at it says "
            "so. "
            "docs/doctor.md explains each line.",
        .examples = {"steward doctor", "steward doctor --endpoint n1 --token-file token --fingerprint AB:CD:…"},
        .exits = {"0 ok", "1 warning", "2 critical, or a mistake in the call", "3 something could not be looked at"},
        .run = doctor_main};
}

command bundle_command() {
    return {.name = "support-bundle",
            .topic = topic,
            .summary = "what somebody who helps wants to see, in one archive without secrets",
            .options = joined({{{.name = "out",
                                 .value = "FILE.tar.gz",
                                 .help = "there (steward-TIME.tar.gz); never over a file",
                                 .kind = word_kind::file},
                                {.name = "log",
                                 .value = "FILE",
                                 .help = "the daemon's log, where there is no journal",
                                 .kind = word_kind::file}},
                               daemon_option(),
                               cluster_way()}),
            .more =
                "Version, configuration, status, why of guests that are not well, the last lines of journal and "
                "ledger, and what "
                "steward doctor says. Secrets are taken out of all of it.",
            .exits = {"0 written", "1 it could not be", "2 a mistake in the call"},
            .run = support_bundle};
}

command simulate_command() {
    return {
        .name = "simulate",
        .topic = topic,
        .summary = "a simulated Proxmox VE cluster; steward simulate --help",
        .operands = {{.name = "serve|fault|run|random|crashes", .is_optional = true, .is_repeated = true}},
        .more = "docs/simulator.md and docs/scenarios.md.",
        .examples = {"steward simulate serve --nodes 3 --listen 127.0.0.1:0", "steward simulate run tests/scenarios"},
        .reads_itself = true};
}

}  // namespace

std::vector<command> setup_commands() {
    std::vector<command> all;
    for (command& c : config_commands()) all.push_back(std::move(c));
    all.push_back(check_config_command());
    all.push_back(doctor_command());
    all.push_back(bundle_command());
    all.push_back({.name = "completion",
                   .topic = topic,
                   .summary = "a completion script for that shell",
                   .operands = {{.name = "SHELL", .kind = word_kind::choice, .choices = "bash|zsh|fish"}},
                   .examples = {"steward completion bash >/etc/bash_completion.d/steward",
                                "steward completion fish >~/.config/fish/completions/steward.fish"},
                   .run = print_completion});
    all.push_back(
        {.name = "man",
         .topic = topic,
         .summary = "the manual page of steward, or of one command, as roff",
         .operands = {{.name = "COMMAND", .kind = word_kind::command, .is_optional = true, .is_repeated = true}},
         .options = {{.name = "into",
                      .value = "DIRECTORY",
                      .help = "write all pages there: steward.1, steward-status.1 …",
                      .kind = word_kind::file}},
         .examples = {"steward man | man -l -", "steward man backup create | man -l -"},
         .run = print_man});
    all.push_back(simulate_command());
    return all;
}

}  // namespace steward::cli
