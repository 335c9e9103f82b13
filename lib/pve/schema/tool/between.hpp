#pragma once
#include "pve/schema/tool/evolution.hpp"

#include <vector>

namespace steward::pve::schema {

/// What one version of PVE offers; nothing in it has a since or until.
class release {
  public:
    version number;
    std::vector<method> methods;
};

/// The releases between two dumps, ascending, made of the two and of what evolution.json dates. What it does not date
/// is taken to have changed with the newer one. Precondition: both spell their paths alike (merge.hpp).
[[nodiscard]] std::vector<release> releases_between(const release& older, const release& newer, const evolution& known);

}  // namespace steward::pve::schema
