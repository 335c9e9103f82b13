#include "simulate_run.hpp"

#include "runtime/time_source.hpp"
#include "sim/scenario/run.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <filesystem>
#include <fmt/core.h>
#include <fstream>
#include <iostream>
#include <sstream>

namespace steward::cli {

namespace {

namespace json = boost::json;
using sim::scenario::scenario_report;

class wish {
  public:
    std::vector<std::string> files;
    bool as_json = false;
    bool with_timeline = false;
    std::string problem;
};

/// The scenario files below a directory, in the order of their names; a file stands for itself.
void add_files(const std::string& path, wish& into) {
    std::error_code ec;
    if (!std::filesystem::is_directory(path, ec)) {
        into.files.push_back(path);
        return;
    }
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path, ec))
        if (entry.path().extension() == ".yaml") found.push_back(entry.path().string());
    std::sort(found.begin(), found.end());
    if (ec || found.empty()) into.problem = path + ": no *.yaml in it";
    into.files.insert(into.files.end(), found.begin(), found.end());
}

wish read_arguments(const std::vector<std::string>& args) {
    wish w;
    for (std::size_t i = 0; i < args.size(); ++i) {
        if (args[i] == "-o" && i + 1 < args.size()) {
            const std::string& format = args[++i];
            w.as_json = format == "json";
            if (format != "json" && format != "text") w.problem = "-o takes text or json";
        } else if (args[i] == "--timeline") {
            w.with_timeline = true;
        } else if (args[i].starts_with("-")) {
            w.problem = "unknown option " + args[i] + " (-o json, --timeline)";
        } else {
            add_files(args[i], w);
        }
    }
    if (w.files.empty() && w.problem.empty()) w.problem = "run needs scenario files or a directory of them";
    return w;
}

scenario_report run_file(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    if (in) text << in.rdbuf();
    if (in && !in.bad()) return sim::scenario::run_scenario(text.str(), file);
    scenario_report report;
    report.file = file;
    report.problems.push_back(file + ": cannot be read");
    return report;
}

double seconds(duration d) { return std::chrono::duration<double>(d).count(); }

void print_text(const scenario_report& r, duration took, bool with_timeline) {
    std::cout << fmt::format("{:5} {} {} ({:.0f} s in {:.0f} ms)\n", r.holds() ? "ok" : "FAIL", r.id, r.name,
                             seconds(r.virtual_time), seconds(took) * 1000);
    for (const std::string& problem : r.problems) std::cout << "      " << problem << "\n";
    for (const sim::scenario::violation& v : r.violations) {
        std::cout << fmt::format("      {}:{}: {}\n        {}\n", r.file, v.line, v.wanted, v.seen);
        for (const std::string& line : v.around) std::cout << "        | " << line << "\n";
    }
    if (!r.holds() && r.problems.empty())
        std::cout << "      again: steward simulate run --timeline " << r.file << "\n";
    if (!with_timeline) return;
    for (const std::string& line : r.timeline) std::cout << "      " << line << "\n";
}

json::object to_json(const scenario_report& r, bool with_timeline) {
    json::array violations;
    for (const sim::scenario::violation& v : r.violations)
        violations.push_back(json::object{{"line", v.line},
                                          {"expected", v.wanted},
                                          {"seen", v.seen},
                                          {"around", json::array(v.around.begin(), v.around.end())}});
    json::object row{{"id", r.id},
                     {"name", r.name},
                     {"file", r.file},
                     {"holds", r.holds()},
                     {"virtual_seconds", seconds(r.virtual_time)},
                     {"problems", json::array(r.problems.begin(), r.problems.end())},
                     {"violations", std::move(violations)}};
    if (with_timeline) row["timeline"] = json::array(r.timeline.begin(), r.timeline.end());
    return row;
}

}  // namespace

int simulate_run(const std::vector<std::string>& args) {
    const wish asked = read_arguments(args);
    if (!asked.problem.empty()) {
        std::cerr << "steward simulate: " << asked.problem << "\n";
        return 2;
    }
    std::size_t failed = 0;
    duration virtual_time{};
    json::array rows;
    const os_time clock;
    const time_point began = clock.now();
    for (const std::string& file : asked.files) {
        const time_point start = clock.now();
        const scenario_report report = run_file(file);
        virtual_time += report.virtual_time;
        if (!report.holds()) ++failed;
        if (asked.as_json)
            rows.push_back(to_json(report, asked.with_timeline));
        else
            print_text(report, clock.now() - start, asked.with_timeline);
    }
    if (asked.as_json)
        std::cout << json::serialize(rows) << "\n";
    else
        std::cout << fmt::format("{} scenarios, {} failed; {:.0f} s of virtual time in {:.1f} s\n", asked.files.size(),
                                 failed, seconds(virtual_time), seconds(clock.now() - began));
    return failed == 0 ? 0 : 1;
}

}  // namespace steward::cli
