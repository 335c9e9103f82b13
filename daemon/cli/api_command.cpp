#include "api_command.hpp"

#include "cluster_options.hpp"
#include "pve/api/cluster.hpp"
#include "pve/client.hpp"
#include "pve/encoding.hpp"
#include "pve/schema/all_facts.hpp"
#include "pve/shell/assignments.hpp"
#include "pve/shell/completion.hpp"
#include "pve/shell/describe.hpp"
#include "pve/shell/output.hpp"
#include "pve/task.hpp"
#include "runtime/time_source.hpp"

#include <boost/json/value.hpp>

#include <fmt/core.h>
#include <fstream>
#include <iostream>
#include <iterator>
#include <unistd.h>

namespace steward::cli {
namespace asio = boost::asio;
namespace shell = pve::shell;
namespace schema = pve::schema;
using namespace std::chrono_literals;

namespace {

int complain(const fault& why) {
    std::cerr << "steward: " << why.text() << '\n';
    switch (why.code) {
        case errc::invalid:
        case errc::unsupported: return 2;
        case errc::not_delivered:
        case errc::timed_out:
        case errc::untrusted:
        case errc::outcome_unknown:
        case errc::unavailable: return 3;
        default: return 1;
    }
}

int usage(const std::string& why) {
    std::cerr << "steward: " << why << "; see steward --help\n";
    return 2;
}

std::string verb_of(const std::string& command) {
    if (command == "get") return "GET";
    if (command == "create") return "POST";
    if (command == "set") return "PUT";
    return command == "delete" ? "DELETE" : "";
}

result<std::string> read_text(const std::string& name) {
    if (name == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
    std::ifstream in(name, std::ios::binary);
    if (!in) return fault(errc::io, name, "cannot be read");
    return std::string(std::istreambuf_iterator<char>(in), {});
}

std::string render(const boost::json::value& answer, const std::string& output) {
    if (output == "json") return shell::as_json(answer);
    if (output == "yaml") return shell::as_yaml(answer);
    constexpr std::size_t widest_on_terminal = 48;
    return shell::as_table(answer, ::isatty(STDOUT_FILENO) != 0 ? widest_on_terminal : 0);
}

std::string encoded_path(const std::string& path) {
    std::string out;
    for (std::size_t at = 1; at < path.size();) {
        const std::size_t end = std::min(path.find('/', at), path.size());
        out += "/" + pve::percent_encode(path.substr(at, end - at));
        at = end + 1;
    }
    return out;
}

/// One call as it was typed.
class typed_call {
  public:
    std::string verb;
    std::string path;
    std::vector<std::string> assignments;
    std::string output;
    bool is_checked = true;
    bool waits = false;
};

/// Follows the task that a write began, printing its log; 1 when it failed.
asio::awaitable<int> follow(pve::connection& cluster, std::string text) {
    const auto task = parse_upid(text);
    if (!task)
        co_return complain(fault(errc::garbage, "steward api", "the call began no task that could be waited for"));
    pve::client client(cluster.wire(), cluster.session().time(), 30s);
    pve::task_limits limits;
    limits.deadline = client.time().now() + 24h;
    limits.stall = 24h;
    const pve::task_progress show = [](const std::string& line) { std::cout << line << '\n'; };
    const auto end = co_await pve::follow_task(client, *task, limits, show);
    if (!end) co_return complain(end.error());
    std::cout << "task " << end->text << '\n';
    co_return end->ok ? 0 : 1;
}

asio::awaitable<int> make_call(pve::connection& cluster, typed_call typed) {
    pve::api::session& session = cluster.session();
    const auto version = co_await session.learn_version();
    if (!version) co_return complain(version.error());
    session.checks_parameters(typed.is_checked);
    const schema::catalogue& all = schema::catalogue_of_everything();
    const auto found = all.find(typed.verb, typed.path, *version);
    if (!found) {
        std::string verbs;
        for (const schema::method* m : all.verbs_at(typed.path)) verbs += " " + m->verb;
        if (!verbs.empty()) co_return usage(fmt::format("{} knows no {}; it has{}", typed.path, typed.verb, verbs));
        co_return complain(fault(errc::invalid, "api", shell::no_such_path(all, typed.path)));
    }
    const auto given = shell::read_assignments(typed.assignments, *found->what, read_text);
    if (!given) co_return complain(given.error());
    pve::api::prepared_call call(*found->what, encoded_path(typed.path));
    call.in_path = found->path;
    call.params = *given;
    const auto answer = co_await session.perform(std::move(call));
    if (!answer) co_return complain(answer.error());
    std::cout << render(answer->value(), typed.output) << std::flush;
    if (!typed.waits || !answer->value().is_string()) co_return 0;
    const int status = co_await follow(cluster, std::string(answer->value().get_string()));
    co_return status;
}

int list_children(const std::string& path) {
    const schema::catalogue& all = schema::catalogue_of_everything();
    const std::vector<std::string> children = all.children_of(path);
    if (children.empty() && all.verbs_at(path).empty())
        return complain(fault(errc::invalid, "api", shell::no_such_path(all, path)));
    const auto verbs_at = [&](const std::string& where) {
        std::string verbs;
        for (const schema::method* m : all.verbs_at(where)) verbs += " " + m->verb;
        return verbs;
    };
    std::cout << fmt::format("{:<32}{}\n", path.empty() ? "/" : path, verbs_at(path));
    for (const std::string& child : children) {
        const std::string below = path + "/" + child;
        const std::string shown = child + (all.children_of(below).empty() ? "" : "/");
        std::cout << fmt::format("  {:<30}{}\n", shown, verbs_at(below));
    }
    return 0;
}

int describe_calls(const arguments& given, const std::string& path) {
    const schema::catalogue& all = schema::catalogue_of_everything();
    const std::string wanted = given.words.size() > 3 ? given.words[3] : "";
    bool is_first = true;
    for (const schema::method* m : all.verbs_at(path)) {
        const bool is_wanted = wanted.empty() || wanted == m->verb || verb_of(wanted) == m->verb;
        if (!is_wanted) continue;
        std::cout << (is_first ? "" : "\n") << shell::describe(*m);
        is_first = false;
    }
    if (!is_first) return 0;
    if (all.verbs_at(path).empty()) return complain(fault(errc::invalid, "api", shell::no_such_path(all, path)));
    return usage(path + " knows no " + wanted);
}

/// One look at the cluster, a second long at most; nothing when that does not work.
std::vector<std::string> names_on_cluster(std::string_view kind) {
    auto options = cluster_options(read_arguments({}));
    if (!options) return {};
    options->request_limit = 1s;
    pve::connection cluster(std::move(*options));
    std::vector<std::string> names;
    const auto ask = [&]() -> asio::awaitable<int> {
        const auto rows = co_await cluster.api().cluster().resources().get();
        if (!rows) co_return 1;
        for (const auto& row : *rows) {
            const std::string_view type = row.type ? row.type->text() : std::string_view();
            const bool is_guest = type == "lxc" || type == "qemu";
            if (kind == "node" && type == "node" && row.node) names.push_back(row.node->str());
            if (kind == "storage" && type == "storage" && row.storage) names.push_back(row.storage->str());
            if (is_guest && (kind == type || kind == "guest") && row.vmid) names.push_back(to_string(*row.vmid));
        }
        co_return 0;
    };
    static_cast<void>(cluster.run(ask()));
    return names;
}

}  // namespace

int api_main(const arguments& given) {
    if (given.words.size() < 3 && !(given.words.size() == 2 && given.words[1] == "ls"))
        return usage("steward api takes get, create, set, delete, ls or describe, and a path");
    const std::string& command = given.words[1];
    const std::string path = given.words.size() > 2 ? shell::tidy_path(given.words[2]) : "";
    if (command == "ls") return list_children(path);
    if (command == "describe") return describe_calls(given, path);
    typed_call typed;
    typed.verb = verb_of(command);
    if (typed.verb.empty()) return usage("unknown api command \"" + command + "\"");
    typed.path = path;
    typed.assignments.assign(given.words.begin() + 3, given.words.end());
    typed.output = given.option("output", "table");
    typed.is_checked = !given.has("no-check");
    typed.waits = given.has("wait");
    if (typed.output != "table" && typed.output != "json" && typed.output != "yaml")
        return usage("-o takes table, json or yaml, not \"" + typed.output + "\"");
    auto options = cluster_options(given);
    if (!options) return complain(options.error());
    pve::connection cluster(std::move(*options));
    return cluster.run(make_call(cluster, std::move(typed)));
}

int complete_main(const std::vector<std::string>& words) {
    if (words.size() <= 1) {
        const std::string start = words.empty() ? "" : words[0];
        for (const char* command : {"api", "arm", "check-config", "completion", "failover", "observe", "plan", "retry",
                                    "simulate", "status", "why"})
            if (std::string_view(command).starts_with(start)) std::cout << command << '\n';
        return 0;
    }
    std::vector<std::string> found;
    if (words[0] == "api")
        found = shell::complete({words.begin() + 1, words.end()}, schema::catalogue_of_everything(), names_on_cluster);
    for (const std::string& word : found) std::cout << word << '\n';
    return 0;
}

}  // namespace steward::cli
