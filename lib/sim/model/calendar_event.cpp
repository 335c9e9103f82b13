#include "sim/model/calendar_event.hpp"

#include <array>
#include <charconv>
#include <ctime>
#include <fmt/core.h>
#include <string>
#include <vector>

namespace steward::sim {
namespace {

constexpr std::array<std::string_view, 7> day_names = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
constexpr int first_year = 1970;

std::vector<std::string_view> split(std::string_view text, char at) {
    std::vector<std::string_view> parts;
    while (true) {
        const std::size_t end = text.find(at);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

std::optional<int> number(std::string_view text) {
    int value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

/// "*", "5", "1..5", "*/15", "0/30" and lists of them.
template <std::size_t N>
bool read_values(std::string_view text, int lowest, int highest, int base, std::bitset<N>& into) {
    for (std::string_view part : split(text, ',')) {
        int step = 0;
        if (const std::size_t slash = part.find('/'); slash != std::string_view::npos) {
            const auto given = number(part.substr(slash + 1));
            if (!given || *given < 1) return false;
            step = *given;
            part = part.substr(0, slash);
        }
        int from = lowest;
        int to = highest;
        if (const std::size_t dots = part.find(".."); dots != std::string_view::npos) {
            const auto a = number(part.substr(0, dots));
            const auto b = number(part.substr(dots + 2));
            if (!a || !b) return false;
            from = *a;
            to = *b;
        } else if (part != "*") {
            const auto a = number(part);
            if (!a) return false;
            from = *a;
            to = step > 0 ? highest : *a;
        }
        if (from < lowest || to > highest || from > to) return false;
        for (int v = from; v <= to; v += step > 0 ? step : 1) into.set(static_cast<std::size_t>(v - base));
    }
    return true;
}

std::optional<int> day_of(std::string_view name) {
    for (std::size_t i = 0; i < day_names.size(); ++i)
        if (name.substr(0, 3) == day_names[i] && name.size() >= 3) return static_cast<int>(i);
    return std::nullopt;
}

bool read_weekdays(std::string_view text, std::bitset<7>& into) {
    for (const std::string_view part : split(text, ',')) {
        const std::size_t dots = part.find("..");
        const auto from = day_of(part.substr(0, dots));
        const auto to = dots == std::string_view::npos ? from : day_of(part.substr(dots + 2));
        if (!from || !to) return false;
        for (int d = *from;; d = (d + 1) % 7) {
            into.set(static_cast<std::size_t>(d));
            if (d == *to) break;
        }
    }
    return true;
}

std::string_view spelt_out(std::string_view word) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 8> shortcuts = {
        {{"minutely", "*:*"},
         {"hourly", "*:00"},
         {"daily", "00:00"},
         {"weekly", "mon 00:00"},
         {"monthly", "*-*-01 00:00"},
         {"quarterly", "*-01,04,07,10-01 00:00"},
         {"semiannually", "*-01,07-01 00:00"},
         {"yearly", "*-01-01 00:00"}}};
    for (const auto& [from, to] : shortcuts)
        if (word == from) return to;
    return word == "annually" ? "*-01-01 00:00" : word;
}

}  // namespace

result<calendar_event> calendar_event::parse(std::string_view text) {
    const fault bad(errc::invalid, "schedule", "unable to parse calendar event");
    calendar_event e;
    bool has_weekdays = false;
    bool has_date = false;
    bool has_time = false;
    for (std::string_view word : split(spelt_out(text), ' ')) {
        if (word.empty()) continue;
        if (!has_weekdays && !has_date && !has_time && word.front() >= 'a' && word.front() <= 'z') {
            has_weekdays = true;
            if (!read_weekdays(word, e.weekdays_)) return bad;
        } else if (word.find('-') != std::string_view::npos && !has_date && !has_time) {
            has_date = true;
            std::vector<std::string_view> parts = split(word, '-');
            if (parts.size() == 2) parts.insert(parts.begin(), "*");
            if (parts.size() != 3 || !read_values(parts[0], first_year, first_year + 199, first_year, e.years_) ||
                !read_values(parts[1], 1, 12, 0, e.months_) || !read_values(parts[2], 1, 31, 0, e.days_))
                return bad;
        } else if (!has_time) {
            has_time = true;
            std::vector<std::string_view> parts = split(word, ':');
            if (parts.size() == 1) parts.insert(parts.begin(), "*");
            if (parts.size() > 3 || !read_values(parts[0], 0, 23, 0, e.hours_) ||
                !read_values(parts[1], 0, 59, 0, e.minutes_))
                return bad;
        } else {
            return bad;
        }
    }
    if (!has_weekdays && !has_date && !has_time) return bad;
    if (!has_weekdays) e.weekdays_.set();
    if (!has_date) {
        e.years_.set();
        e.months_.set();
        e.days_.set();
    }
    if (!has_time) {
        e.hours_.set(0);
        e.minutes_.set(0);
    }
    return e;
}

std::optional<wall_time> calendar_event::next_after(wall_time local) const {
    constexpr long day = 24L * 60 * 60;
    const long start = (local.time_since_epoch().count() / 60 + 1) * 60;
    for (long midnight = start / day * day; midnight < start + 3660 * day; midnight += day) {
        const auto t = static_cast<std::time_t>(midnight);
        std::tm parts{};
        gmtime_r(&t, &parts);
        if (!weekdays_.test(static_cast<std::size_t>(parts.tm_wday)) ||
            !days_.test(static_cast<std::size_t>(parts.tm_mday)) ||
            !months_.test(static_cast<std::size_t>(parts.tm_mon + 1)) ||
            !years_.test(static_cast<std::size_t>(parts.tm_year + 1900 - first_year)))
            continue;
        for (std::size_t h = 0; h < 24; ++h)
            for (std::size_t m = 0; hours_.test(h) && m < 60; ++m) {
                const long when = midnight + static_cast<long>(h * 3600 + m * 60);
                if (minutes_.test(m) && when >= start) return wall_time(std::chrono::seconds(when));
            }
    }
    return std::nullopt;
}

}  // namespace steward::sim
