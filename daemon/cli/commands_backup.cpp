#include "backup_command.hpp"
#include "backup_verify.hpp"
#include "command_options.hpp"
#include "commands.hpp"
#include "forecast_command.hpp"

namespace steward::cli {
namespace {

constexpr std::string_view topic = "Backups and forecast";

const operand some_guests{.name = "GUESTS", .kind = word_kind::guests, .is_repeated = true};
const operand archive{.name = "ARCHIVE"};
const option dry_run{.name = "dry-run", .value = "", .help = "only say what would be done"};

options to_storage(std::string_view help) {
    return {{.name = "storage", .value = "STORAGE", .help = help, .kind = word_kind::storage}};
}

std::vector<std::string_view> backup_exits() {
    return {"0 all of it is done", "1 some of it was not, or could not be read", "2 a mistake in the call",
            "3 nobody was reached, or the outcome is not known"};
}

command backup(std::string_view name, std::string_view summary, std::vector<operand> takes, options own) {
    return {.name = name,
            .topic = topic,
            .summary = summary,
            .operands = std::move(takes),
            .options = joined({std::move(own), output_option(), cluster_way()}),
            .exits = backup_exits(),
            .run = backup_main};
}

command forecast() {
    return {
        .name = "forecast",
        .topic = topic,
        .summary = "would each guest come back if its node died, where, when and with which data",
        .operands = {{.name = "GUEST", .kind = word_kind::guest, .is_optional = true}},
        .options = joined(
            {{{.name = "node-down", .value = "NODE", .help = "only the guests of that node", .kind = word_kind::node}},
             output_option(),
             watch_option(),
             cluster_way()}),
        .more =
            "Asks PVE itself, without a daemon and with a token that may only look. docs/forecast.md explains the "
            "columns.",
        .examples = {"steward forecast --endpoint n1 --token-file token --fingerprint AB:CD:…",
                     "steward forecast --node-down n2"},
        .exits = {"0 every guest that runs would come back", "1 one of them would not", "2 a mistake in the call",
                  "3 the cluster could not be read"},
        .run = forecast_main};
}

}  // namespace

std::vector<command> backup_commands() {
    std::vector<command> all{forecast()};
    all.push_back(backup("backup list", "archives on all storages, and guests without any",
                         {{.name = "GUESTS", .kind = word_kind::guests, .is_optional = true, .is_repeated = true}},
                         watch_option()));
    all.back().examples = {"steward backup list", "steward backup list @tag-web -ct/105 -o json"};
    all.push_back(backup("backup create", "back guests up now, one after the other", {some_guests},
                         joined({to_storage("where to"),
                                 {{.name = "mode",
                                   .value = "snapshot|suspend|stop",
                                   .help = "as vzdump has it (snapshot)",
                                   .kind = word_kind::choice,
                                   .choices = "snapshot|suspend|stop"},
                                  {.name = "notes", .value = "TEXT", .help = "kept with the archive"},
                                  {.name = "protected", .value = "", .help = "no retention removes it"},
                                  dry_run}})));
    all.back().examples = {"steward backup create ct/101 --storage nas",
                           "steward backup create @pool-prod --storage pbs --dry-run"};
    all.push_back(backup("backup restore", "bring an archive back; never over a guest that is there", {archive},
                         joined({{{.name = "vmid", .value = "N|new", .help = "under another number, or any free one"},
                                  {.name = "node", .value = "NODE", .help = "there", .kind = word_kind::node}},
                                 to_storage("for its disks"),
                                 {{.name = "start", .value = "", .help = "start it afterwards"}, dry_run}})));
    all.push_back(backup("backup verify", "try the newest archive beside its guest, with its network links down",
                         {{.name = "GUESTS", .kind = word_kind::guests, .is_optional = true, .is_repeated = true}},
                         joined({to_storage("for the copy's disks"),
                                 {{.name = "node", .value = "NODE", .help = "there", .kind = word_kind::node},
                                  {.name = "timeout", .value = "TIME", .help = "so long it has to answer (5m)"},
                                  {.name = "keep-copy", .value = "", .help = "leave the copy, for a look"},
                                  {.name = "cleanup", .value = "", .help = "destroy copies that were left behind"}}})));
    all.back().more =
        "Restored to a free number, started, asked, and destroyed again, whatever happens; the guest itself is never "
        "touched. The forecast takes the time of that restore from then on.";
    all.back().examples = {"steward backup verify ct/101", "steward backup verify --cleanup"};
    all.back().exits = {
        "0 all of them work, and nothing is left", "1 one does not, was interrupted, or its copy is left",
        "2 nothing was tried: a mistake in the call, or what it takes is missing", "3 nobody was reached"};
    all.back().run = verify_main;
    all.push_back(backup("backup delete", "remove an archive; asks again when it is the last good one", {archive},
                         {{.name = "confirm", .value = "ARCHIVE", .help = "answers that question beforehand"}}));
    all.push_back(backup("backup prune", "remove what is older than the rules keep; never the last good one",
                         {some_guests},
                         {{.name = "keep", .value = "N", .help = "the newest so many of each guest stay"},
                          {.name = "keep-within", .value = "TIME", .help = "what is younger stays: 14d"},
                          dry_run}));
    all.back().examples = {"steward backup prune @all --keep 3 --keep-within 14d --dry-run"};
    return all;
}

}  // namespace steward::cli
