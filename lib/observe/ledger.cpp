#include "observe/ledger.hpp"

#include "observe/ledger_line.hpp"

#include <algorithm>
#include <cstdio>
#include <fmt/core.h>

namespace steward {
namespace asio = boost::asio;
namespace {

/// After that the same is said again, with how often it was meant meanwhile.
constexpr auto quiet = std::chrono::hours(1);
/// Things that repeats are noticed of: more than any cluster has.
constexpr std::size_t most_things = 20000;

/// Ages, sizes and counts grow while the reason stays the same.
std::string without_numbers(const std::string& text) {
    std::string out;
    for (const char c : text)
        if (c < '0' || c > '9') out += c;
    return out;
}

std::string words_of(const decision& d) {
    return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}", d.kind, d.verdict, d.code, d.from, d.to, d.begins, d.by,
                       d.generation, without_numbers(d.text));
}

bool is_repeatable(const decision& d) {
    return d.from == d.to && (d.verdict == "hold" || d.verdict == "refused" || d.verdict == "look");
}

}  // namespace

void ledger::add(decision d) {
    if (d.node.empty()) d.node = node;
    if (last_.size() >= most_things) last_.clear();
    last_words& last = last_[d.about];
    std::string words = words_of(d);
    const bool is_same =
        is_repeatable(d) && words == last.text && d.when - last.written < quiet && d.when >= last.written;
    if (is_same) {
        ++last.repeats;
        return;
    }
    if (words == last.text) d.repeats = last.repeats;
    last = last_words();
    last.text = std::move(words);
    last.written = d.when;
    append(d);
}

result<wall_time> parse_since(std::string_view text, wall_time now) {
    if (const auto ago = parse_duration(text)) return now - std::chrono::floor<std::chrono::seconds>(*ago);
    std::array<unsigned, 6> n{};
    std::array<char, 2> rest{};
    const std::string copy(text);
    const int got = std::sscanf(copy.c_str(), "%4u-%2u-%2uT%2u:%2u:%2u%1[Z]", &n[0], &n[1], &n[2], &n[3], &n[4], &n[5],
                                rest.data());
    const std::array<std::size_t, 4> lengths{10, 16, 19, 20};
    const bool is_whole = (got == 3 && text.size() == lengths[0]) || (got == 5 && text.size() == lengths[1]) ||
                          (got == 6 && text.size() == lengths[2]) || (got == 7 && text.size() == lengths[3]);
    const std::chrono::year_month_day day(std::chrono::year(static_cast<int>(n[0])), std::chrono::month(n[1]),
                                          std::chrono::day(n[2]));
    if (!is_whole || !day.ok() || n[3] > 23 || n[4] > 59 || n[5] > 59)
        return fault(errc::invalid, "",
                     fmt::format("\"{}\" is neither a time ago (2h) nor a date (2026-11-28, "
                                 "2026-11-28T07:30, in UTC)",
                                 text));
    return wall_time(std::chrono::sys_days(day)) + std::chrono::hours(n[3]) + std::chrono::minutes(n[4]) +
           std::chrono::seconds(n[5]);
}

void memory_ledger::append(const decision& d) {
    all_.push_back(d);
    if (all_.size() <= most) return;
    all_.pop_front();
    has_forgotten_ = true;
}

asio::awaitable<result<ledger_page>> memory_ledger::read(ledger_query asked) {
    ledger_page page;
    for (const decision& d : all_)
        if ((asked.about.empty() || d.about == asked.about) && d.when >= asked.since)
            page.lines.push_back(ledger_line::to_json(d));
    if (page.lines.size() > asked.most)
        page.lines.erase(page.lines.begin(), page.lines.end() - static_cast<std::ptrdiff_t>(asked.most));
    co_return page;
}

asio::awaitable<result<ledger_check>> memory_ledger::verify() {
    ledger_check all;
    all.lines = all_.size();
    co_return all;
}

}  // namespace steward
