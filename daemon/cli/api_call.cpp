#include "api_call.hpp"

#include "api_exit.hpp"
#include "cluster_options.hpp"
#include "output.hpp"
#include "pve/encoding.hpp"
#include "pve/schema/all_facts.hpp"
#include "pve/shell/assignments.hpp"
#include "pve/shell/describe.hpp"
#include "pve/shell/output.hpp"
#include "pve/task.hpp"
#include "runtime/time_source.hpp"

#include <boost/json/value.hpp>

#include <cctype>
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

/// One call as it was typed.
class typed_call {
  public:
    std::string verb;
    std::string path;
    std::vector<std::string> assignments;
    arguments given;
    bool is_checked = true;
    bool waits = false;
    schema::method unknown;  ///< stands for a call that the schema lacks
};

result<std::string> read_text(const std::string& name) {
    if (name == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
    std::ifstream in(name, std::ios::binary);
    if (!in) return fault(errc::io, name, "cannot be read");
    return std::string(std::istreambuf_iterator<char>(in), {});
}

std::string as_text(const boost::json::value& answer) {
    constexpr std::size_t widest_on_terminal = 48;
    return shell::as_table(answer, ::isatty(STDOUT_FILENO) != 0 ? widest_on_terminal : 0);
}

/// What is encoded already stays: "10.0.0.0%2F24" is one segment, as the catalogue reads it.
std::string encoded_path(std::string_view path) {
    const auto is_hex = [&](std::size_t at) {
        return at < path.size() && std::isxdigit(static_cast<unsigned char>(path[at])) != 0;
    };
    std::string out;
    for (std::size_t at = 0; at < path.size(); ++at) {
        const bool stays = path[at] == '/' || (path[at] == '%' && is_hex(at + 1) && is_hex(at + 2));
        out += stays ? std::string(1, path[at]) : pve::percent_encode(path.substr(at, 1));
    }
    return out;
}

void warn(const fault& why) { std::cerr << "steward: warning: " << why.text() << "; sent all the same\n"; }

/// Why the schema has no such call: another verb is there, or other paths.
fault no_such_call(const typed_call& typed) {
    const schema::catalogue& all = schema::catalogue_of_everything();
    std::string verbs;
    for (const schema::method* m : all.verbs_at(typed.path)) verbs += (verbs.empty() ? "" : ", ") + m->verb;
    if (verbs.empty()) return fault(errc::invalid, "api", shell::no_such_path(all, typed.path));
    return fault(errc::invalid, "api", fmt::format("{} knows no {}, only {}", typed.path, typed.verb, verbs));
}

result<pve::api::prepared_call> prepare(typed_call& typed, schema::version connected) {
    auto found = schema::catalogue_of_everything().find(typed.verb, typed.path, connected);
    if (!found) {
        if (typed.is_checked) return no_such_call(typed);
        warn(no_such_call(typed));
        typed.unknown.verb = typed.verb;
        typed.unknown.path = typed.path;
        typed.unknown.accepts_more = true;
        found.emplace();
        found->what = &typed.unknown;
    }
    auto given = shell::read_assignments(typed.assignments, *found->what, read_text);
    if (!given) return given.error();
    pve::api::prepared_call call(*found->what, encoded_path(typed.path));
    call.in_path = std::move(found->path);
    call.params = std::move(*given);
    return call;
}

/// Follows the task that a write began, printing its log; 1 when it failed. Standard output is left to the answer when
/// that is for programs.
asio::awaitable<int> follow(pve::connection& cluster, upid task, bool for_people) {
    pve::task_limits limits;
    limits.deadline = cluster.session().time().now() + 24h;
    std::ostream& log = for_people ? std::cout : std::cerr;
    const pve::task_progress show = [&log](const std::string& line) { log << line << std::endl; };
    const auto end = co_await pve::follow_task(cluster.session(), std::move(task), limits, show);
    if (!end) co_return complain(end.error());
    log << "task " << end->text << std::endl;
    co_return end->ok ? 0 : 1;
}

asio::awaitable<int> make_call(pve::connection& cluster, typed_call typed) {
    pve::api::session& session = cluster.session();
    const auto version = co_await session.learn_version();
    if (!version) co_return complain(version.error());
    auto call = prepare(typed, *version);
    if (!call) co_return refuse(call.error());
    if (!typed.is_checked) {
        const auto sound = session.check(*call);
        if (!sound && sound.error().code != errc::forbidden) warn(sound.error());
        session.checks_parameters(false);
    }
    const auto got = co_await session.perform(std::move(*call));
    if (!got) co_return complain(got.error());
    const boost::json::value& answer = got->value();
    const bool for_people = is_for_people(typed.given);
    if (for_people && typed.verb == "DELETE" && answer.is_null())
        std::cout << "deleted " << typed.path << std::endl;
    else
        print_answer(typed.given, answer, for_people ? as_text(answer) : "");
    // Most writes are done when they are answered.
    if (!typed.waits || typed.verb == "GET" || !answer.is_string()) co_return 0;
    auto task = parse_upid(std::string(answer.get_string()));
    if (!task) co_return 0;
    const int status = co_await follow(cluster, std::move(*task), for_people);
    co_return status;
}

}  // namespace

int make_api_call(const arguments& given, const std::string& verb, const std::string& path) {
    typed_call typed;
    typed.verb = verb;
    typed.path = path;
    typed.assignments.assign(given.words.begin() + 3, given.words.end());
    typed.given = given;
    typed.is_checked = !given.has("no-check");
    typed.waits = given.has("wait");
    auto options = usable_options(given);
    if (!options) return refuse(options.error());
    pve::connection cluster(std::move(*options));
    return cluster.run(make_call(cluster, std::move(typed)));
}

}  // namespace steward::cli
