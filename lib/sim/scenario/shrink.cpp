#include "sim/scenario/shrink.hpp"

#include <algorithm>

namespace steward::sim::scenario {

std::uint64_t fingerprint(const scenario_report& report) {
    std::uint64_t hash = 14695981039346656037ULL;  // FNV-1a
    const auto add = [&hash](const std::string& text) {
        for (const char c : text + "\n") hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    };
    for (const std::string& line : report.timeline) add(line);
    for (const violation& v : report.violations) add(v.wanted + v.seen);
    return hash;
}

std::string first_violation(const scenario_report& report) {
    if (!report.problems.empty()) return report.problems.front();
    return report.violations.empty() ? std::string() : report.violations.front().wanted;
}

draft shrink(draft failing, const std::string& violation, const std::function<scenario_report(const draft&)>& run,
             int most_runs) {
    const auto still_fails = [&](const draft& d) {
        --most_runs;
        const scenario_report report = run(d);
        return std::any_of(report.violations.begin(), report.violations.end(),
                           [&](const auto& v) { return v.wanted == violation; });
    };
    // What mends things stays: without it everything is a failure.
    const auto faults = static_cast<std::size_t>(std::count_if(failing.script.begin(), failing.script.end(),
                                                               [&](const auto& s) { return s.at < failing.healed; }));
    std::size_t left = faults;
    for (std::size_t chunk = std::max<std::size_t>(1, left / 2); chunk >= 1 && most_runs > 0; chunk /= 2) {
        for (std::size_t begin = 0; begin < left && most_runs > 0;) {
            draft smaller = failing;
            const std::size_t count = std::min(chunk, left - begin);
            const auto first = smaller.script.begin() + static_cast<std::ptrdiff_t>(begin);
            smaller.script.erase(first, first + static_cast<std::ptrdiff_t>(count));
            if (still_fails(smaller)) {
                failing = std::move(smaller);
                left -= count;
            } else {
                begin += count;
            }
        }
    }
    return failing;
}

}  // namespace steward::sim::scenario
