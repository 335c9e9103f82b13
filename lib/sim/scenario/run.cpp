#include "sim/scenario/run.hpp"

#include "config/sim_scenario.hpp"
#include "sim/scenario/expectation.hpp"
#include "sim/scenario/lab.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim::scenario {
using namespace std::chrono_literals;

namespace {

/// Without `until:` a scenario goes on for so long after its last command and the last time that it speaks of.
constexpr duration after_last_command = 600s;
constexpr duration after_last_expectation = 60s;
constexpr duration around = 30s;
constexpr std::size_t most_lines_around = 24;

class judged_line {
  public:
    config::sim_line source;
    expectation wanted;
};

duration end_of(const config::sim_scenario& scenario, const std::vector<judged_line>& lines) {
    if (scenario.until) return *scenario.until;
    duration end = after_last_command;
    if (!scenario.script.steps.empty()) end += scenario.script.steps.back().at;
    for (const judged_line& l : lines)
        end = std::max(end, std::chrono::duration_cast<duration>(std::chrono::duration<double>(last_moment(l.wanted))) +
                                after_last_expectation);
    return end;
}

/// What happened about the same guests and nodes, near the times that the line speaks of.
std::vector<std::string> lines_around(const expectation& wanted, const timeline& seen) {
    std::vector<std::string> lines;
    for (const happening& h : seen.all) {
        const bool is_about_it = wanted.what.guest.empty() && wanted.guest.empty();
        const bool is_same = h.guest == (wanted.guest.empty() ? wanted.what.guest : wanted.guest);
        if (!is_about_it && !is_same) continue;
        window wider = wanted.when;
        wider.from -= std::chrono::duration<double>(around).count();
        wider.to += std::chrono::duration<double>(around).count();
        if (!wider.holds(h.at) && h.kind != wanted.what.kind) continue;
        lines.push_back(to_string(h));
    }
    if (lines.size() > most_lines_around) {
        const std::size_t left = lines.size() - most_lines_around;
        lines.resize(most_lines_around);
        lines.push_back(fmt::format("… and {} more", left));
    }
    return lines;
}

std::vector<judged_line> read_lines(const config::sim_scenario& scenario, scenario_report& report) {
    std::vector<judged_line> lines;
    for (const config::sim_line& line : scenario.expect) {
        auto wanted = parse_expectation(line.text);
        if (wanted)
            lines.push_back({line, std::move(*wanted)});
        else
            report.problems.push_back(fmt::format("{}:{}: {}", report.file, line.line, wanted.error().detail));
    }
    return lines;
}

void play(lab& stage, const config::sim_scenario& scenario, duration end, scenario_report& report) {
    stage.settle();
    for (const config::sim_step& step : scenario.script.steps) {
        stage.run_until(std::min(step.at, end));
        for (const std::string& command : step.commands)
            if (const auto done = stage.command(command); !done)
                report.problems.push_back(
                    fmt::format("{}:{}: {}: {}", report.file, step.line, command, done.error().detail));
        if (!report.problems.empty()) return;
    }
    stage.run_until(end);
}

void judge(const std::vector<judged_line>& lines, const timeline& seen, scenario_report& report) {
    for (const judged_line& l : lines) {
        std::string why = disagreement(l.wanted, seen);
        if (why.empty()) continue;
        report.violations.emplace_back(l.source.line, l.source.text, std::move(why));
        report.violations.back().around = lines_around(l.wanted, seen);
    }
    for (const happening& h : seen.all)
        if (h.kind == sight::broken) report.violations.emplace_back(0, h.name, to_string(h));
    for (const happening& h : seen.all) report.timeline.push_back(to_string(h));
}

}  // namespace

scenario_report run_scenario(std::string_view text, const std::string& file, std::set<std::size_t> crashes) {
    scenario_report report;
    report.file = file;
    const config::sim_scenario scenario = config::read_sim_scenario(text, file);
    report.id = scenario.id;
    report.name = scenario.name;
    for (const config::diagnostic& d : scenario.problems) report.problems.push_back(config::to_string(d));
    if (!report.problems.empty()) return report;
    const std::vector<judged_line> lines = read_lines(scenario, report);
    auto setup = make_topology(scenario);
    if (!setup) report.problems.push_back(fmt::format("{}: {}", file, setup.error().detail));
    if (!report.problems.empty()) return report;

    report.virtual_time = end_of(scenario, lines);
    lab stage(std::move(*setup));
    stage.crash_at(std::move(crashes));
    play(stage, scenario, report.virtual_time, report);
    if (!report.problems.empty()) return report;
    report.points = stage.points_passed();
    judge(lines, stage.take(), report);
    stage.end_daemons();
    if (stage.left_behind() != 0)
        report.violations.emplace_back(0, "nothing is left behind",
                                       fmt::format("{} tasks of daemons did not end", stage.left_behind()));
    return report;
}

}  // namespace steward::sim::scenario
