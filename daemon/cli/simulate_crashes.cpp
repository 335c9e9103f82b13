#include "simulate_crashes.hpp"

#include "base/key_lines.hpp"
#include "runtime/atomic_file.hpp"
#include "runtime/time_source.hpp"
#include "sim/scenario/run.hpp"

#include <fmt/core.h>
#include <iostream>
#include <optional>
#include <set>

namespace steward::cli {
namespace {

using sim::scenario::scenario_report;
using points = std::set<std::size_t>;

constexpr std::size_t largest_file = 1U << 20U;

class wish {
  public:
    std::vector<std::string> files;
    std::size_t every = 1;
    points only;
    std::string problem;
};

std::string text_of(const points& all) {
    std::string out;
    for (const std::size_t p : all) out += (out.empty() ? "" : ",") + std::to_string(p);
    return out;
}

std::optional<points> points_of(const std::string& text) {
    points all;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find(',', begin), text.size());
        const auto one = parse_number(text.substr(begin, end - begin));
        if (!one || *one == 0) return std::nullopt;
        all.insert(static_cast<std::size_t>(*one));
        begin = end + 1;
    }
    return all;
}

wish read_arguments(const std::vector<std::string>& args) {
    wish w;
    for (std::size_t i = 0; i < args.size(); ++i) {
        const bool has_value = i + 1 < args.size();
        if (args[i] == "--every" && has_value) {
            const auto n = parse_number(args[++i]);
            if (!n || *n == 0) w.problem = "--every takes a whole number, 1 or more";
            w.every = static_cast<std::size_t>(n.value_or(1));
        } else if (args[i] == "--at" && has_value) {
            const auto p = points_of(args[++i]);
            if (!p || p->empty()) w.problem = "--at takes numbers of points: 17 or 17,18";
            w.only = p.value_or(points());
        } else if (args[i].starts_with("-")) {
            w.problem = "unknown option " + args[i] + " (--every N, --at N,…)";
        } else {
            w.files.push_back(args[i]);
        }
    }
    if (w.files.empty() && w.problem.empty()) w.problem = "crashes needs scenario files";
    return w;
}

bool holds(const scenario_report& r, const std::string& file, const points& crashes, bool with_timeline) {
    if (r.holds()) return true;
    std::cout << fmt::format("FAIL {} with a crash at {}\n", file, crashes.empty() ? "no point" : text_of(crashes));
    for (const std::string& problem : r.problems) std::cout << "      " << problem << "\n";
    for (const auto& v : r.violations) std::cout << fmt::format("      {}: {}\n", v.wanted, v.seen);
    if (with_timeline)
        for (const std::string& line : r.timeline) std::cout << "      | " << line << "\n";
    if (!crashes.empty() && !with_timeline)
        std::cout << fmt::format("      again: steward simulate crashes --at {} {}\n", text_of(crashes), file);
    return false;
}

/// Failures of one file; `runs` counts how often it was played.
std::size_t play(const wish& asked, const std::string& text, const std::string& file, std::size_t& runs) {
    const auto run = [&](const points& crashes) {
        ++runs;
        return sim::scenario::run_scenario(text, file, crashes);
    };
    if (!asked.only.empty()) return holds(run(asked.only), file, asked.only, true) ? 0 : 1;
    const scenario_report undisturbed = run({});
    if (!holds(undisturbed, file, {}, false)) return 1;
    std::size_t failed = 0;
    for (std::size_t p = 1; p <= undisturbed.points; p += asked.every)
        // Twice: right at the first point of the next life, before it has done anything.
        for (const points& crashes : {points{p}, points{p, p + 1}})
            if (!holds(run(crashes), file, crashes, false)) ++failed;
    std::cout << fmt::format("{:5} {}: {} points\n", failed == 0 ? "ok" : "FAIL", file, undisturbed.points)
              << std::flush;
    return failed;
}

}  // namespace

int simulate_crashes(const std::vector<std::string>& args) {
    const wish asked = read_arguments(args);
    if (!asked.problem.empty()) {
        std::cerr << "steward simulate: " << asked.problem << "\n";
        return 2;
    }
    std::size_t failed = 0;
    std::size_t runs = 0;
    const os_time clock;
    const time_point began = clock.now();
    for (const std::string& file : asked.files) {
        const auto text = read_file(file, largest_file);
        if (text) {
            failed += play(asked, *text, file, runs);
            continue;
        }
        std::cout << text.error().text() << "\n";
        ++failed;
    }
    std::cout << fmt::format("{} runs, {} failed, in {:.1f} s\n", runs, failed,
                             std::chrono::duration<double>(clock.now() - began).count());
    return failed == 0 ? 0 : 1;
}

}  // namespace steward::cli
