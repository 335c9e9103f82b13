#include "base/time.hpp"

#include <array>
#include <fmt/core.h>
#include <limits>

namespace steward {
namespace {

struct unit {
    std::string_view name;
    std::int64_t nanoseconds;
};
constexpr std::array<unit, 7> units{{{"ns", 1},
                                     {"us", 1'000},
                                     {"ms", 1'000'000},
                                     {"s", 1'000'000'000},
                                     {"m", 60'000'000'000},
                                     {"h", 3'600'000'000'000},
                                     {"d", 86'400'000'000'000}}};

fault not_a_duration(std::string_view text, std::string_view hint) {
    return fault(errc::invalid, "", fmt::format("\"{}\" is not a duration ({})", text, hint));
}

}  // namespace

result<duration> parse_duration(std::string_view text) {
    constexpr std::int64_t limit = 3650 * 86'400'000'000'000LL;  // ten years: anything above is a typing error
    std::int64_t total = 0;
    std::string_view rest = text;
    if (rest.empty()) return not_a_duration(text, "try 10s, 5m or 1h30m");
    while (!rest.empty()) {
        std::size_t digits = 0;
        std::int64_t number = 0;
        while (digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9') {
            number = number * 10 + (rest[digits] - '0');
            if (number > limit) return not_a_duration(text, "longer than ten years");
            ++digits;
        }
        if (digits == 0) return not_a_duration(text, "try 10s, 5m or 1h30m");
        std::size_t end = digits;
        while (end < rest.size() && rest[end] >= 'a' && rest[end] <= 'z') ++end;
        const std::string_view name = rest.substr(digits, end - digits);
        if (name.empty()) return not_a_duration(text, fmt::format("a unit is missing, try {}s", text));
        const unit* found = nullptr;
        for (const unit& u : units)
            if (u.name == name) found = &u;
        if (!found)
            return not_a_duration(text, fmt::format("try {}s; units are ms, s, m, h, d", rest.substr(0, digits)));
        if (number > limit / found->nanoseconds) return not_a_duration(text, "longer than ten years");
        total += number * found->nanoseconds;
        if (total > limit) return not_a_duration(text, "longer than ten years");
        rest.remove_prefix(end);
    }
    return duration(total);
}

std::string format_duration(duration d) {
    if (d == duration::zero()) return "0s";
    std::string out;
    std::int64_t left = d.count();
    for (auto u = units.rbegin(); u != units.rend() && left > 0; ++u) {
        if (left < u->nanoseconds) continue;
        out += fmt::format("{}{}", left / u->nanoseconds, u->name);
        left %= u->nanoseconds;
    }
    return out;
}

std::string describe_duration(duration d) {
    const double s = std::chrono::duration<double>(d).count();
    if (s < 10) return fmt::format("{:.2f} s", s);
    if (s < 60) return fmt::format("{:.1f} s", s);
    const auto whole = static_cast<std::int64_t>(s);
    if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
    if (whole < 172'800) return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
    return fmt::format("{} d {:02} h", whole / 86'400, whole / 3600 % 24);
}

std::string format_utc(wall_time t) {
    const auto day = std::chrono::floor<std::chrono::days>(t);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(t - day);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                       clock.minutes().count(), clock.seconds().count());
}

}  // namespace steward
