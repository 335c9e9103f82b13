#include "command_options.hpp"
#include "commands.hpp"
#include "setup_commands.hpp"

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
    all.push_back(check_config_command());
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
