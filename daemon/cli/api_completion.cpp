#include "api_completion.hpp"

#include "arguments.hpp"
#include "cluster_options.hpp"
#include "pve/api/cluster.hpp"
#include "pve/schema/all_facts.hpp"
#include "pve/shell/completion.hpp"

#include <array>
#include <iostream>
#include <string_view>

namespace steward::cli {
namespace asio = boost::asio;
namespace shell = pve::shell;
using namespace std::chrono_literals;

namespace {

using words = std::vector<std::string>;

constexpr std::array commands{"abort",    "api",      "approve",  "arm",           "check-config", "completion",
                              "disable",  "failback", "failover", "fence-confirm", "leaving",      "maintenance",
                              "observe",  "parked",   "pause",    "plan",          "resume",       "retry",
                              "simulate", "status",   "why"};
constexpr std::array options_of_api{"--ca-file",   "--config", "--endpoint",      "--fingerprint",
                                    "--no-check",  "--output", "--password-file", "--token-file",
                                    "--totp-file", "--trace",  "--user",          "--wait"};

template <class List>
void print_beginning_with(std::string_view start, const List& list, std::string_view before = "") {
    for (const std::string_view word : list)
        if (word.starts_with(start)) std::cout << before << word << '\n';
}

std::string_view to_view(const std::optional<node_name>& node) {
    return node ? std::string_view(node->str()) : std::string_view();
}

/// One look at the cluster, a second long at most; nothing when that does not work.
words names_on_cluster(const arguments& given, std::string_view kind, std::string_view node) {
    auto options = cluster_options(given);
    if (!options) return {};
    options->request_limit = 1s;
    pve::connection cluster(std::move(*options));
    words names;
    const auto ask = [&]() -> asio::awaitable<int> {
        const auto rows = co_await cluster.api().cluster().resources().get();
        if (!rows) co_return 1;
        for (const auto& row : *rows) {
            const std::string_view type = row.type ? row.type->text() : std::string_view();
            const bool is_guest = type == "lxc" || type == "qemu";
            if (!node.empty() && node != to_view(row.node)) continue;
            if (kind == "node" && type == "node" && row.node) names.push_back(row.node->str());
            if (kind == "storage" && type == "storage" && row.storage) names.push_back(row.storage->str());
            if (is_guest && (kind == type || kind == "guest") && row.vmid) names.push_back(to_string(*row.vmid));
        }
        co_return 0;
    };
    static_cast<void>(cluster.run(ask()));
    return names;
}

void complete_option_value(std::string_view option, std::string_view partial, bool is_api, std::string_view before) {
    if (option != "output") return;  // the scripts offer files where those are wanted
    if (is_api)
        print_beginning_with(partial, std::array{"json", "table", "yaml"}, before);
    else
        print_beginning_with(partial, std::array{"json", "text"}, before);
}

}  // namespace

int complete_main(const std::vector<std::string>& typed) {
    const unfinished_arguments line = read_unfinished(typed);
    const words& before = line.before.words;
    const bool is_api = !before.empty() && before[0] == "api";
    if (!line.option.empty()) {
        complete_option_value(line.option, line.partial, is_api, "");
    } else if (line.partial.starts_with("--") && line.partial.find('=') != std::string::npos) {
        const std::size_t equals = line.partial.find('=');
        complete_option_value(line.partial.substr(2, equals - 2), line.partial.substr(equals + 1), is_api,
                              line.partial.substr(0, equals + 1));
    } else if (is_api && line.partial.starts_with('-')) {
        print_beginning_with(line.partial, options_of_api);
    } else if (is_api) {
        words call(before.begin() + 1, before.end());
        call.push_back(line.partial);
        const shell::live_names live = [&](std::string_view kind, std::string_view node) {
            return names_on_cluster(line.before, kind, node);
        };
        print_beginning_with("", shell::complete(call, pve::schema::catalogue_of_everything(), live));
    } else if (before.empty()) {
        print_beginning_with(line.partial, commands);
    } else if (before.size() == 1 && before[0] == "completion") {
        print_beginning_with(line.partial, std::array{"bash", "zsh"});
    }
    return 0;
}

}  // namespace steward::cli
