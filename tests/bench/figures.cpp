#include "bench/figures.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/core.h>
#include <fstream>
#include <sys/resource.h>
#include <unistd.h>

namespace steward::bench {
namespace {

double seconds_of(const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; }

double number_for_people(double value) { return std::round(value * 1000) / 1000; }

}  // namespace

void lateness::add(duration late) {
    late = std::max(late, duration::zero());
    max_ = std::max(max_, late);
    const auto at = static_cast<std::size_t>(late / step);
    ++steps_[std::min(at, steps_.size() - 1)];
    ++count_;
}

std::uint64_t lateness::later_than(duration limit) const {
    std::uint64_t sum = 0;
    for (auto at = static_cast<std::size_t>(limit / step); at < steps_.size(); ++at) sum += steps_[at];
    return sum;
}

double lateness::quantile(double share) const {
    const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
    std::uint64_t sum = 0;
    for (std::size_t at = 0; at < steps_.size(); ++at) {
        sum += steps_[at];
        if (sum >= wanted && sum != 0)
            return std::chrono::duration<double, std::milli>(step * static_cast<std::int64_t>(at + 1)).count();
    }
    return 0;
}

usage usage::now() {
    rusage raw{};
    ::getrusage(RUSAGE_SELF, &raw);
    usage u;
    u.user_seconds = seconds_of(raw.ru_utime);
    u.system_seconds = seconds_of(raw.ru_stime);
    u.peak_resident_mib = static_cast<double>(raw.ru_maxrss) / 1024;  // KiB on Linux
    std::ifstream statm("/proc/self/statm");
    double total_pages = 0;
    double resident_pages = 0;
    statm >> total_pages >> resident_pages;
    u.resident_mib = resident_pages * static_cast<double>(::sysconf(_SC_PAGESIZE)) / (1024 * 1024);
    return u;
}

void report::add(std::string key, double value, std::string unit, std::string note) {
    row r;
    r.key = std::move(key);
    r.value = number_for_people(value);
    r.unit = std::move(unit);
    r.note = std::move(note);
    rows_.push_back(std::move(r));
}

std::string report::table() const {
    std::string out;
    for (const row& r : rows_) out += fmt::format("{:<24} {:>12} {:<8} {}\n", r.key, r.value, r.unit, r.note);
    return out;
}

std::string report::json() const {
    std::string out = "{";
    for (const row& r : rows_) out += fmt::format("{}\"{}\": {}", out.size() > 1 ? ", " : "", r.key, r.value);
    return out + "}\n";
}

}  // namespace steward::bench
