#include "api_command.hpp"
#include "command_options.hpp"
#include "commands.hpp"

namespace steward::cli {
namespace {

constexpr std::string_view topic = "PVE's API";

const operand path{.name = "PATH", .kind = word_kind::api_word};
const operand parameters{.name = "NAME=VALUE", .kind = word_kind::api_word, .is_optional = true, .is_repeated = true};

command call(std::string_view name, std::string_view summary) {
    return {.name = name,
            .topic = topic,
            .summary = summary,
            .operands = {path, parameters},
            .options = joined({{{.name = "wait", .value = "", .help = "follow the task that it begins"},
                                {.name = "no-check", .value = "", .help = "only warn of what PVE's schema forbids"}},
                               output_option(),
                               cluster_way()}),
            .more =
                "Checked against PVE's schema before anything leaves, without a daemon. NAME=@FILE takes the value "
                "from a file, "
                "NAME=- from standard input. docs/api-cli.md",
            .exits = {"0 done", "1 PVE said no, or the task failed", "2 refused here: nothing was sent",
                      "3 nobody was reached, or the outcome is not known"},
            .run = api_main};
}

}  // namespace

std::vector<command> api_commands() {
    std::vector<command> all;
    all.push_back(call("api get", "read"));
    all.back().examples = {"steward api get /cluster/resources type=vm",
                           "steward api get /nodes/n1/lxc/101/config -o yaml"};
    all.push_back(call("api create", "POST"));
    all.back().examples = {"steward api create /nodes/n1/lxc/101/status/shutdown timeout=60 --wait"};
    all.push_back(call("api set", "PUT"));
    all.back().examples = {"steward api set /nodes/n1/lxc/101/config memory=1024 onboot=yes"};
    all.push_back(call("api delete", "DELETE"));
    all.push_back({.name = "api ls",
                   .topic = topic,
                   .summary = "what is below a path",
                   .operands = {{.name = "PATH", .kind = word_kind::api_word, .is_optional = true}},
                   .options = output_option(),
                   .exits = {"0 shown", "2 there is no such path"},
                   .run = api_main});
    all.push_back({.name = "api describe",
                   .topic = topic,
                   .summary = "what a call takes and gives, who may make it, since when",
                   .operands = {path, {.name = "VERB", .kind = word_kind::api_word, .is_optional = true}},
                   .examples = {"steward api describe '/nodes/{node}/lxc' POST"},
                   .exits = {"0 shown", "2 there is no such path or verb"},
                   .run = api_main});
    return all;
}

}  // namespace steward::cli
