#include "simulate_random.hpp"

#include "base/time.hpp"
#include "runtime/time_source.hpp"
#include "sim/scenario/random_scenario.hpp"
#include "sim/scenario/run.hpp"
#include "sim/scenario/shrink.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fmt/core.h>
#include <fstream>
#include <iostream>
#include <optional>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace steward::cli {

namespace {

using sim::scenario::draft;
using sim::scenario::scenario_report;

constexpr const char* usage_text =
    "steward simulate random [options]: seeds of random clusters and faults, played in virtual time and judged\n"
    "  --seeds N       how many (100)\n"
    "  --seeds A..B    these; --seed N: only this one; --first N: begin there (1)\n"
    "  --hours H       virtual hours of each run: faults until the last hour begins, then it must recover (2)\n"
    "  --nodes N|A..B  the cluster's size (1..16, small ones more often)\n"
    "  --for TIME      begin no further one after that\n"
    "  --jobs N        processes (one per core)\n"
    "  --out DIR       where the shrunk scenario of a failing seed is written (.)\n"
    "  --print         only print the scenario of each seed\n";

constexpr double seconds_a_year = 365.25 * 86400;
/// Every so many seeds one is played twice: both times the same must be seen.
constexpr std::uint64_t twice_every = 50;
constexpr int most_shrink_runs = 120;

class wish {
  public:
    std::uint64_t first = 1;
    std::uint64_t seeds = 100;
    sim::scenario::random_shape shape;
    std::optional<duration> limit;
    unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
    std::string out = ".";
    bool only_print = false;
    std::string problem;
};

bool read_count(const std::string& text, std::uint64_t& into) {
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), into);
    return ec == std::errc() && end == text.data() + text.size();
}

/// "7" or "3..9"
std::optional<std::pair<std::uint64_t, std::uint64_t>> read_range(const std::string& text) {
    const std::size_t dots = text.find("..");
    std::pair<std::uint64_t, std::uint64_t> range;
    if (!read_count(text.substr(0, dots), range.first)) return std::nullopt;
    range.second = range.first;
    if (dots != std::string::npos && !read_count(text.substr(dots + 2), range.second)) return std::nullopt;
    if (range.second < range.first) return std::nullopt;
    return range;
}

bool take_nodes(const std::string& value, sim::scenario::random_shape& into) {
    const auto range = read_range(value);
    if (!range || range->first == 0 || range->second > sim::scenario::random_shape::most_nodes) return false;
    into.least_nodes = static_cast<int>(range->first);
    into.largest = static_cast<int>(range->second);
    return true;
}

bool take_seeds(const std::string& value, wish& into) {
    const auto range = read_range(value);
    if (!range) return false;
    const bool is_range = value.find("..") != std::string::npos;
    if (is_range) into.first = range->first;
    into.seeds = is_range ? range->second - range->first + 1 : range->first;
    return into.seeds > 0;
}

wish read_arguments(const std::vector<std::string>& args) {
    wish w;
    for (std::size_t i = 0; i < args.size() && w.problem.empty(); ++i) {
        const std::string& name = args[i];
        if (name == "--print") {
            w.only_print = true;
            continue;
        }
        const bool has_value = i + 1 < args.size();
        const std::string value = has_value ? args[++i] : "";
        std::uint64_t count = 0;
        const bool is_count = read_count(value, count);
        const auto time = parse_duration(value);
        if (!has_value)
            w.problem = name + " is not known, or needs a value";
        else if (name == "--seeds" && take_seeds(value, w))
            continue;
        else if (name == "--nodes" && take_nodes(value, w.shape))
            continue;
        else if (name == "--hours" && is_count && count > 0 && count <= sim::scenario::random_shape::most_hours)
            w.shape.hours = static_cast<int>(count);
        else if (name == "--first" && is_count)
            w.first = count;
        else if (name == "--seed" && is_count)
            w.first = count, w.seeds = 1;
        else if (name == "--jobs" && is_count && count > 0 && count <= 256)
            w.jobs = static_cast<unsigned>(count);
        else if (name == "--for" && time)
            w.limit = *time;
        else if (name == "--out")
            w.out = value;
        else
            w.problem = fmt::format("{} {} is not understood", name, value);
    }
    return w;
}

/// What one process has done, as it is handed to its parent.
class tally {
  public:
    std::uint64_t seeds = 0;
    std::uint64_t failed = 0;
    std::uint64_t twice = 0;
    double virtual_seconds = 0;
    std::uint64_t hash = 0;  ///< of all runs, whatever their order
    std::uint64_t rss_early = 0;
    std::uint64_t rss_late = 0;
};

std::uint64_t resident_kilobytes() {
    std::ifstream in("/proc/self/statm");
    std::uint64_t total = 0;
    std::uint64_t pages = 0;
    in >> total >> pages;
    return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) / 1024;
}

scenario_report play(const draft& d) {
    const std::string file = fmt::format("seed-{}.yaml", d.seed);
    try {
        return sim::scenario::run_scenario(to_text(d), file);
    } catch (const std::exception& e) {
        scenario_report broken;
        broken.file = file;
        broken.violations.emplace_back(0, "never crash any", e.what());
        return broken;
    }
}

void tell_failure(const wish& asked, const draft& d, const scenario_report& report) {
    const std::string what = sim::scenario::first_violation(report);
    draft small = d;
    if (report.problems.empty()) small = sim::scenario::shrink(d, what, play, most_shrink_runs);
    const std::string file = fmt::format("{}/seed-{}.yaml", asked.out, d.seed);
    std::ofstream out(file);
    out << to_text(small) << std::flush;
    if (!out) std::cerr << "steward simulate: " << file << " cannot be written\n";
    const std::string seen = report.violations.empty() ? std::string() : report.violations.front().seen;
    std::cout << fmt::format("FAIL  seed {}: {}: {}\n      again: steward simulate run --timeline {}\n", d.seed, what,
                             seen, file)
              << std::flush;
}

void play_seed(const wish& asked, std::uint64_t seed, tally& into) {
    const draft d = sim::scenario::random_draft(seed, asked.shape);
    const scenario_report report = play(d);
    ++into.seeds;
    into.virtual_seconds += std::chrono::duration<double>(report.virtual_time).count();
    const std::uint64_t hash = sim::scenario::fingerprint(report);
    into.hash ^= hash * (2 * seed + 1);
    bool is_failed = !report.holds();
    if (is_failed) tell_failure(asked, d, report);
    if (seed % twice_every == 0 || asked.seeds == 1) {
        ++into.twice;
        if (sim::scenario::fingerprint(play(d)) != hash) {
            is_failed = true;
            std::cout << fmt::format("FAIL  seed {}: two runs of it differ\n", seed) << std::flush;
        }
    }
    if (is_failed) ++into.failed;
    if (into.seeds == 20 || into.rss_early == 0) into.rss_early = resident_kilobytes();
    into.rss_late = resident_kilobytes();
}

/// Every `jobs`th seed from the `number`th on.
tally work(const wish& asked, unsigned number, const os_time& clock, time_point began) {
    tally mine;
    for (std::uint64_t i = number; i < asked.seeds; i += asked.jobs) {
        if (asked.limit && clock.now() - began > *asked.limit) break;
        play_seed(asked, asked.first + i, mine);
    }
    return mine;
}

/// In processes of their own: a simulation is one thread, and a crash in one is seen.
std::vector<tally> work_in_parallel(const wish& asked, const os_time& clock, time_point began, bool& has_crashed) {
    std::vector<std::pair<pid_t, int>> children;
    std::cout << std::flush;
    for (unsigned number = 0; number < asked.jobs; ++number) {
        int pipe[2];
        if (::pipe(pipe) != 0) break;
        const pid_t child = ::fork();
        if (child == 0) {
            ::close(pipe[0]);
            const tally mine = work(asked, number, clock, began);
            const bool is_told = ::write(pipe[1], &mine, sizeof mine) == static_cast<ssize_t>(sizeof mine);
            std::cout << std::flush;
            ::_exit(is_told ? 0 : 1);
        }
        ::close(pipe[1]);
        children.emplace_back(child, pipe[0]);
    }
    std::vector<tally> all;
    for (const auto& [child, end] : children) {
        tally one;
        has_crashed = ::read(end, &one, sizeof one) != static_cast<ssize_t>(sizeof one) || has_crashed;
        ::close(end);
        int status = 0;
        ::waitpid(child, &status, 0);
        all.push_back(one);
    }
    return all;
}

}  // namespace

int simulate_random(const std::vector<std::string>& args) {
    const wish asked = read_arguments(args);
    if (!asked.problem.empty()) {
        std::cerr << "steward simulate: " << asked.problem << "\n" << usage_text;
        return 2;
    }
    if (asked.only_print) {
        for (std::uint64_t i = 0; i < asked.seeds; ++i)
            std::cout << to_text(sim::scenario::random_draft(asked.first + i, asked.shape)) << "---\n";
        return 0;
    }
    const os_time clock;
    const time_point began = clock.now();
    bool has_crashed = false;
    const std::vector<tally> all = work_in_parallel(asked, clock, began, has_crashed);
    tally sum;
    for (const tally& t : all) {
        sum.seeds += t.seeds;
        sum.failed += t.failed;
        sum.twice += t.twice;
        sum.virtual_seconds += t.virtual_seconds;
        sum.hash ^= t.hash;
        sum.rss_early = std::max(sum.rss_early, t.rss_early);
        sum.rss_late = std::max(sum.rss_late, t.rss_late);
    }
    const double wall = std::chrono::duration<double>(clock.now() - began).count();
    const double years = sum.virtual_seconds / seconds_a_year;
    std::cout << fmt::format(
        "{} seeds, {} failed, {} played twice; {:.1f} seeds/s, {:.3f} cluster-years in {:.1f} s, {:.3f} a minute; "
        "memory {} KiB early, {} KiB late; hash {:016x}\n",
        sum.seeds, sum.failed, sum.twice, static_cast<double>(sum.seeds) / wall, years, wall, years / wall * 60,
        sum.rss_early, sum.rss_late, sum.hash);
    if (has_crashed) std::cerr << "steward simulate: one of the processes died\n";
    return sum.failed == 0 && !has_crashed ? 0 : 1;
}

}  // namespace steward::cli
