#include "probe_command.hpp"

#include "cluster_options.hpp"
#include "config/load.hpp"
#include "config/text_values.hpp"
#include "output.hpp"
#include "services/health/probers.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <filesystem>
#include <fmt/core.h>
#include <iostream>

namespace steward::cli {
namespace asio = boost::asio;
namespace json = boost::json;
namespace {

constexpr int healthy_exit = 0;
constexpr int unhealthy_exit = 2;
constexpr int unknown_exit = 3;

class probe_call {
  public:
    std::vector<config::check> checks;
    target_rules rules;
    bool is_explained = false;
};

class answered_check {
  public:
    std::string name;
    probe_result answer;
};

int refuse_probe(const std::string& why) {
    std::cerr << "steward: " << why << '\n';
    return unknown_exit;
}

/// The kind of check that this target speaks of: what has a scheme is a URL, what has a port is TCP.
result<config::check> check_of(const std::string& target) {
    if (target.find("://") != std::string::npos) return config::parse_check_target(config::check_kind::http, target);
    if (auto address = config::parse_check_target(config::check_kind::icmp, target)) return address;
    return config::parse_check_target(config::check_kind::tcp, target);
}

result<void> take_target(const arguments& given, probe_call& into) {
    if (given.words.size() > 2)
        return fault(errc::invalid, "", "a CHECK is named beside a guest, not beside an address");
    auto check = check_of(given.words[1]);
    if (!check) return check.error();
    check->name = given.words[1];
    check->interval = check->timeout = std::chrono::seconds(10);
    into.checks.push_back(std::move(*check));
    return {};
}

result<void> take_guest(const arguments& given, guest_id id, const config::settings& from, probe_call& into) {
    const auto guest =
        std::find_if(from.guests.begin(), from.guests.end(), [&](const config::guest& g) { return g.id == id; });
    if (guest == from.guests.end())
        return fault(errc::not_found, "", fmt::format("{} is not in the configuration file", to_string(id)));
    for (const config::check& c : guest->checks)
        if (given.words.size() == 2 || c.name == given.words[2]) into.checks.push_back(c);
    if (!into.checks.empty()) return {};
    std::string names;
    for (const config::check& c : guest->checks) names += (names.empty() ? "" : ", ") + c.name;
    return fault(errc::not_found, "",
                 fmt::format("{} has no check \"{}\"; it has: {}", to_string(id), given.words[2], names));
}

/// The file is needed for a guest; else it only says where probes may go: of several clusters the first does.
result<std::optional<config::settings>> read_config(const arguments& given, bool is_needed) {
    const std::string file = given.option("config", default_config);
    std::error_code ec;
    const bool may_lack = !is_needed && !given.has("config") && !given.has("cluster");
    if (may_lack && !std::filesystem::exists(file, ec)) return std::optional<config::settings>();
    if (is_needed || given.has("cluster")) {
        auto meant = meant_cluster(file, given);
        if (!meant) return meant.error();
        return std::optional<config::settings>(std::move(*meant));
    }
    auto loaded = config::load_file(file);
    if (!loaded.problems.empty()) return fault(errc::invalid, "", to_string(loaded.problems.front()));
    return std::optional<config::settings>(std::move(loaded.values));
}

asio::awaitable<std::vector<answered_check>> run_checks(probe_call& call, time_source& time, net::resolver& names) {
    std::vector<answered_check> out;
    net::probe_manners manners;
    manners.rules = &call.rules;
    manners.is_explained = call.is_explained;
    for (const config::check& c : call.checks) {
        const auto prober = prober_of(c, manners, time, names);
        answered_check one;
        one.name = c.name;
        one.answer = co_await prober->run();
        out.push_back(std::move(one));
    }
    co_return out;
}

std::string milliseconds(duration d) {
    return fmt::format("{:.1f} ms", std::chrono::duration<double, std::milli>(d).count());
}

std::string verdict_word(verdict v) {
    const std::string word = fmt::format("{:<9}", name_of(v));
    return painted(v == verdict::healthy     ? colour::green
                   : v == verdict::unhealthy ? colour::red
                                             : colour::yellow,
                   word);
}

std::string as_text(const std::vector<answered_check>& all, bool is_explained) {
    std::string out;
    for (const auto& [name, a] : all) {
        out += fmt::format("{}  {}  {}  ({})\n", verdict_word(a.answer), name, a.reason, milliseconds(a.took));
        if (!a.warning.empty()) out += fmt::format("  {:<12} {}\n", "warning", a.warning);
        if (!is_explained) continue;
        for (const probe_phase& p : a.phases) out += fmt::format("  {:<12} {}\n", p.name, milliseconds(p.took));
        for (const probe_detail& d : a.details) out += fmt::format("  {:<12} {}\n", d.name, d.text);
    }
    return out;
}

json::array as_json(const std::vector<answered_check>& all, bool is_explained) {
    json::array out;
    for (const auto& [name, a] : all) {
        json::object o{{"check", name},
                       {"verdict", name_of(a.answer)},
                       {"reason", a.reason},
                       {"warning", a.warning},
                       {"took_us", a.took.count() / 1000}};
        if (is_explained) {
            json::array phases;
            for (const probe_phase& p : a.phases)
                phases.push_back(json::object{{"name", p.name}, {"took_us", p.took.count() / 1000}});
            json::array details;
            for (const probe_detail& d : a.details) details.push_back(json::object{{"name", d.name}, {"text", d.text}});
            o["phases"] = std::move(phases);
            o["details"] = std::move(details);
        }
        out.push_back(std::move(o));
    }
    return out;
}

int exit_code_of(const std::vector<answered_check>& all) {
    int code = healthy_exit;
    for (const answered_check& one : all) {
        if (one.answer.answer == verdict::unhealthy) return unhealthy_exit;
        if (one.answer.answer == verdict::unknown) code = unknown_exit;
    }
    return code;
}

std::vector<answered_check> answers_of(probe_call& call) {
    asio::io_context io{1};
    os_time time;
    const auto names = net::make_cares_resolver(io.get_executor(), time);
    std::vector<answered_check> answers;
    std::exception_ptr failed;
    auto ended = [&](std::exception_ptr e, std::vector<answered_check> all) {
        failed = e;
        answers = std::move(all);
        io.stop();
    };
    asio::co_spawn(io, run_checks(call, time, *names), std::move(ended));
    io.run();
    if (failed) std::rethrow_exception(failed);
    return answers;
}

}  // namespace

int probe_main(const arguments& given) {
    probe_call call;
    call.is_explained = given.has("debug");
    const auto guest = parse_guest_id(given.words[1]);
    const auto file = read_config(given, guest.has_value());
    if (!file) return refuse_probe(file.error().text());
    if (*file) call.rules = (*file)->probe_targets;
    const auto taken = guest ? take_guest(given, *guest, **file, call) : take_target(given, call);
    if (!taken) return refuse_probe(taken.error().text());
    const auto answers = answers_of(call);
    print_answer(given, as_json(answers, call.is_explained), as_text(answers, call.is_explained));
    return exit_code_of(answers);
}

}  // namespace steward::cli
