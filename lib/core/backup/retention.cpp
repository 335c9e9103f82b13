#include "core/backup/retention.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::backup {

std::vector<judged_archive> judge(std::vector<model::backup> of_one_guest, const keep_rules& rules, wall_time now) {
    sort_newest_first(of_one_guest);
    std::vector<judged_archive> all;
    int good = 0;
    for (model::backup& b : of_one_guest) {
        judged_archive j;
        const bool counts = is_good(b);
        good += counts ? 1 : 0;
        if (b.is_protected)
            j.why = "protected";
        else if (rules.within && now - b.created < *rules.within)
            j.why = "younger than " + format_duration(*rules.within);
        else if (counts && good <= rules.newest)
            j.why = fmt::format("one of the newest {}", rules.newest);
        else if (counts && good == 1)
            j.why = "the last good one";
        else
            j.goes = true;
        if (j.goes) j.why = counts ? "older than what is kept" : "nothing can be restored from it";
        j.archive = std::move(b);
        all.push_back(std::move(j));
    }
    return all;
}

bool is_last_good(const std::vector<model::backup>& of_one_guest, const volid& archive) {
    const auto is_it = [&](const model::backup& b) { return b.volume == archive && is_good(b); };
    const auto is_other = [&](const model::backup& b) { return b.volume != archive && is_good(b); };
    return std::any_of(of_one_guest.begin(), of_one_guest.end(), is_it) &&
           std::none_of(of_one_guest.begin(), of_one_guest.end(), is_other);
}

}  // namespace steward::backup
