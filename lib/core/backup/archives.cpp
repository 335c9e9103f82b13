#include "core/backup/archives.hpp"

#include <algorithm>
#include <tuple>

namespace steward::backup {
namespace {

using model::guest_health;

/// 0 is best.
int rank_of(guest_health h) { return h == guest_health::healthy ? 0 : h == guest_health::unknown ? 1 : 2; }

}  // namespace

std::string defect_of(const model::backup& archive) {
    if (archive.bytes == 0) return "is empty";
    if (archive.verify_failed) return "failed its verification";
    return {};
}

bool is_good(const model::backup& archive) { return defect_of(archive).empty(); }

void sort_newest_first(std::vector<model::backup>& archives) {
    std::sort(archives.begin(), archives.end(), [](const model::backup& a, const model::backup& b) {
        return std::tie(b.created, b.volume) < std::tie(a.created, a.volume);
    });
}

void sort_best_first(std::vector<model::backup>& archives, choice by, duration max_age, wall_time now) {
    sort_newest_first(archives);
    if (by == choice::newest) return;
    const auto rank = [&](const model::backup& b) {
        constexpr int behind_all = 3;
        return now - b.created > max_age ? behind_all : rank_of(b.stamp.health);
    };
    std::stable_sort(archives.begin(), archives.end(),
                     [&](const model::backup& a, const model::backup& b) { return rank(a) < rank(b); });
}

std::string why_behind(const model::backup& newer, const model::backup& chosen) {
    if (newer.created <= chosen.created || rank_of(newer.stamp.health) <= rank_of(chosen.stamp.health)) return {};
    if (newer.stamp.health == guest_health::unhealthy) return "is newer, but its guest was unhealthy when it was taken";
    return "is newer, but whether its guest was healthy then is not known";
}

}  // namespace steward::backup
