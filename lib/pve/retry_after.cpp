#include "pve/https_transport.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace steward::pve {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds longest = 24h;

std::optional<int> number(std::string_view text) {
    int out = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (ec != std::errc() || end != text.data() + text.size() || out < 0) return {};
    return out;
}

/// "Sun, 06 Nov 1994 08:49:37 GMT": the one form servers may send.
std::optional<wall_time> parse_date(std::string_view text) {
    static constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    if (text.size() != 29 || !text.ends_with(" GMT") || text.substr(3, 2) != ", ") return {};
    const auto month = std::find(months.begin(), months.end(), text.substr(8, 3));
    const auto day = number(text.substr(5, 2));
    const auto year = number(text.substr(12, 4));
    const auto hour = number(text.substr(17, 2));
    const auto minute = number(text.substr(20, 2));
    const auto second = number(text.substr(23, 2));
    if (month == months.end() || !day || !year || !hour || !minute || !second) return {};
    const std::chrono::year_month_day date{std::chrono::year(*year),
                                           std::chrono::month(static_cast<unsigned>(month - months.begin()) + 1),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return {};
    return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
           std::chrono::seconds(*second);
}

}  // namespace

std::optional<duration> parse_retry_after(std::string_view text, wall_time now) {
    const bool is_number =
        !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    // A number too long for an int is longer than a day as well.
    if (is_number) return std::min(longest, std::chrono::seconds(number(text).value_or(1 << 30)));
    const auto date = parse_date(text);
    if (!date) return {};
    return std::clamp(*date - now, std::chrono::seconds(0), longest);
}

}  // namespace steward::pve
