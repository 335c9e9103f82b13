#include "core/health/history.hpp"

#include <algorithm>

namespace steward::health {
namespace {

/// A guest that flaps for a day is remembered for some hours; one that does not, for months.
constexpr std::size_t changes_kept = 256;

}  // namespace

void history::note(standing now, wall_time at) {
    if (!changes_.empty() && changes_.back().now == now) return;
    // A clock that was set back: what is remembered of that time would contradict itself.
    while (!changes_.empty() && changes_.back().at > at) changes_.pop_back();
    changes_.push_back({at, now});
    if (changes_.size() > changes_kept) changes_.pop_front();
}

std::optional<standing> history::throughout(wall_time from, wall_time to) const {
    const auto after =
        std::upper_bound(changes_.begin(), changes_.end(), from, [](wall_time t, const change& c) { return t < c.at; });
    if (after == changes_.begin()) return std::nullopt;
    if (after != changes_.end() && after->at <= to) return std::nullopt;
    return std::prev(after)->now;
}

}  // namespace steward::health
