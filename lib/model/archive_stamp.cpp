#include "model/archive_stamp.hpp"

#include <algorithm>
#include <charconv>

namespace steward::model {
namespace {

constexpr std::string_view opening = "[steward: ";

/// Where the stamp stands in a line, brackets included; empty when there is none.
std::string_view stamp_in(std::string_view line) {
    const std::size_t begin = line.rfind(opening);
    if (begin == std::string_view::npos) return {};
    const std::size_t end = line.find(']', begin);
    return end == std::string_view::npos ? std::string_view() : line.substr(begin, end + 1 - begin);
}

std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

std::optional<int> number_at(std::string_view text, std::size_t at, std::size_t digits) {
    int value = 0;
    const char* const begin = text.data() + at;
    const auto [end, ec] = std::from_chars(begin, begin + digits, value);
    if (ec != std::errc() || end != begin + digits) return std::nullopt;
    return value;
}

/// What format_utc writes.
std::optional<wall_time> parse_utc(std::string_view text) {
    using namespace std::chrono;
    constexpr std::string_view shape = "0000-00-00T00:00:00Z";
    if (text.size() != shape.size()) return std::nullopt;
    for (std::size_t i = 0; i < shape.size(); ++i)
        if (shape[i] != '0' && shape[i] != text[i]) return std::nullopt;
    const auto y = number_at(text, 0, 4);
    const auto mo = number_at(text, 5, 2);
    const auto d = number_at(text, 8, 2);
    const auto h = number_at(text, 11, 2);
    const auto mi = number_at(text, 14, 2);
    const auto s = number_at(text, 17, 2);
    if (!y || !mo || !d || !h || !mi || !s) return std::nullopt;
    const year_month_day day{year(*y), month(static_cast<unsigned>(*mo)), std::chrono::day(static_cast<unsigned>(*d))};
    if (!day.ok()) return std::nullopt;
    return wall_time(sys_days(day)) + hours(*h) + minutes(*mi) + seconds(*s);
}

/// "verified 2026-11-28T06:00:00Z in 42s"
void read_verified(std::string_view word, archive_stamp& into) {
    word.remove_prefix(std::string_view("verified ").size());
    const std::size_t in = word.find(" in ");
    if (in == std::string_view::npos) return;
    const auto when = parse_utc(word.substr(0, in));
    const auto took = parse_duration(word.substr(in + 4));
    if (!when || !took) return;
    into.verified = *when;
    into.restore_took = *took;
}

}  // namespace

const char* name_of(guest_health h) noexcept {
    return h == guest_health::healthy ? "healthy" : h == guest_health::unhealthy ? "unhealthy" : "unknown";
}

archive_stamp read_stamp(std::string_view notes) {
    archive_stamp out;
    std::string_view rest = stamp_in(first_line(notes));
    if (rest.empty()) return out;
    rest.remove_prefix(opening.size());
    rest.remove_suffix(1);
    while (!rest.empty()) {
        const std::string_view word = rest.substr(0, rest.find(", "));
        rest.remove_prefix(std::min(word.size() + 2, rest.size()));
        if (word == "healthy") out.health = guest_health::healthy;
        if (word == "unhealthy") out.health = guest_health::unhealthy;
        if (word.starts_with("verified ")) read_verified(word, out);
    }
    return out;
}

std::string with_stamp(std::string_view notes, const archive_stamp& stamp) {
    const std::string_view first = first_line(notes);
    std::string line(first);
    if (const std::string_view old = stamp_in(first); !old.empty())
        line.erase(static_cast<std::size_t>(old.data() - first.data()), old.size());
    while (line.ends_with(' ')) line.pop_back();
    std::string words;
    const auto add = [&words](const std::string& word) { words += (words.empty() ? "" : ", ") + word; };
    if (stamp.health != guest_health::unknown) add(name_of(stamp.health));
    if (stamp.verified) add("verified " + format_utc(*stamp.verified) + " in " + format_duration(stamp.restore_took));
    if (!words.empty()) line += (line.empty() ? "" : " ") + std::string(opening) + words + "]";
    return line + std::string(notes.substr(first.size()));
}

}  // namespace steward::model
