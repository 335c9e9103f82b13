#include "sim/model/retention.hpp"

#include "sim/model/archive.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/core.h>
#include <set>

namespace steward::sim {
namespace {

class period {
  public:
    const char* option;
    const char* format;  ///< what two backups of the same period have in common
};
constexpr std::array<period, 6> periods = {{{"keep-last", ""},
                                            {"keep-hourly", "{:%Y-%m-%d %H}"},
                                            {"keep-daily", "{:%Y-%m-%d}"},
                                            {"keep-weekly", "{:%G-%V}"},
                                            {"keep-monthly", "{:%Y-%m}"},
                                            {"keep-yearly", "{:%Y}"}}};

bool is_known(const std::string& option) {
    return option == "keep-all" ||
           std::any_of(periods.begin(), periods.end(), [&](const period& p) { return option == p.option; });
}

/// Keeps the newest of each of the next `count` periods that no backup is kept of yet.
template <class Name>
void keep_newest(std::vector<prune_row*>& newest_first, long count, const Name& name_of) {
    std::set<std::string> covered;
    for (const prune_row* row : newest_first)
        if (row->mark == "keep") covered.insert(name_of(*row));
    std::set<std::string> added;
    for (prune_row* row : newest_first) {
        const std::string name = name_of(*row);
        if (!row->mark.empty() || covered.count(name) != 0) continue;
        if (added.count(name) != 0) {
            row->mark = "remove";
            continue;
        }
        if (static_cast<long>(added.size()) >= count) break;
        added.insert(name);
        row->mark = "keep";
    }
}

void mark_group(std::vector<prune_row*>& group, const retention& keep, std::chrono::seconds offset) {
    std::sort(group.begin(), group.end(),
              [](const prune_row* a, const prune_row* b) { return a->created > b->created; });
    for (const period& p : periods) {
        const auto count = keep.counts.find(p.option);
        if (count == keep.counts.end()) continue;
        keep_newest(group, count->second, [&](const prune_row& row) {
            return *p.format == '\0' ? row.id.str() : calendar_text(p.format, row.created + offset);
        });
    }
    for (prune_row* row : group)
        if (row->mark.empty()) row->mark = keep.keeps_all() ? "keep" : "remove";
}

}  // namespace

result<retention> retention::parse(std::string_view text) {
    retention parsed;
    bool all = false;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(','), text.size());
        const std::string_view word = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        const std::size_t equals = word.find('=');
        const std::string option(word.substr(0, equals));
        if (equals == std::string_view::npos || !is_known(option))
            return fault(errc::invalid, "prune-backups",
                         fmt::format("invalid format - format error\n{}: property is not defined in schema and the "
                                     "schema does not allow additional properties\n",
                                     option));
        long count = -1;
        const std::string_view digits = word.substr(equals + 1);
        const auto [stop, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
        if (ec != std::errc() || stop != digits.data() + digits.size() || count < 0)
            return fault(errc::invalid, "prune-backups",
                         fmt::format("invalid format - format error\n{}: type check ('integer') failed - got '{}'\n",
                                     option, digits));
        if (option == "keep-all")
            all = count != 0;
        else if (count > 0)
            parsed.counts[option] = count;
    }
    if (all && !parsed.counts.empty())
        return fault(errc::invalid, "prune-backups", "keep-all cannot be set together with other options.\n");
    return parsed;
}

long retention::limit() const {
    long sum = 0;
    for (const auto& [option, count] : counts) sum += count;
    return sum;
}

std::string retention::text() const {
    if (keeps_all()) return "keep-all=1";
    std::string words;
    for (const period& p : periods)
        if (const auto found = counts.find(p.option); found != counts.end())
            words += fmt::format("{}{}={}", words.empty() ? "" : ", ", p.option, found->second);
    return words;
}

void mark_for_pruning(std::vector<prune_row>& rows, const retention& keep, std::chrono::seconds offset) {
    std::map<std::pair<std::string, std::uint32_t>, std::vector<prune_row*>> groups;
    for (prune_row& row : rows)
        if (row.mark != "renamed" && row.owner) groups[{row.type, row.owner->number()}].push_back(&row);
    for (auto& [name, group] : groups) mark_group(group, keep, offset);
}

}  // namespace steward::sim
