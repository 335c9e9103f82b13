#pragma once
#include "base/time.hpp"
#include "model/snapshot.hpp"

#include <string>
#include <vector>

/// What an archive is worth, as far as PVE's list and its stamp tell. Pure; the only place that says so.
namespace steward::backup {

/// Why nothing can be restored from it: "is empty". Empty: nothing speaks against it.
[[nodiscard]] std::string defect_of(const model::backup& archive);
[[nodiscard]] bool is_good(const model::backup& archive);

void sort_newest_first(std::vector<model::backup>& archives);

/// Which of several good archives is restored (mirrors config::archive_choice).
enum class choice {
    healthy,  ///< one of a healthy guest before one of which that is not known, and that before one of an unhealthy
              ///< guest
    newest,   ///< whatever the stamps say
};

/// Best first. Stamps decide only among archives that are not older than `max_age`: of what is too old anyway, and
/// restored by order alone, the newest is best. No archive is left out.
void sort_best_first(std::vector<model::backup>& archives, choice by, duration max_age, wall_time now);

/// Why a newer archive comes after this one; empty when its stamp is no reason.
[[nodiscard]] std::string why_behind(const model::backup& newer, const model::backup& chosen);

}  // namespace steward::backup
