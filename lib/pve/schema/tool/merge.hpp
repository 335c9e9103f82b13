#pragma once
#include "pve/schema/tool/between.hpp"

#include <vector>

namespace steward::pve::schema {

/// Facts about several releases in one: the union, with since and until where they differ. A value whose own
/// attributes changed stands several times with disjoint ranges; keys and fields are compared one by one, so that one
/// changed key does not repeat its fifty neighbours. Renamed parameters of a path have their newest name, and a
/// method's flags are the newest ones.
[[nodiscard]] std::vector<method> merge_releases(std::vector<release> dumps, const evolution& known);

/// Adds the next release to facts which end with `last`.
void add_release(std::vector<method>& facts, version last, const release& next);

/// The facts as if there were this release only; an unknown one keeps all.
[[nodiscard]] std::vector<method> facts_at(const std::vector<method>& facts, version at);

/// The newest release that any fact speaks of; unknown if none does.
[[nodiscard]] version newest_in(const std::vector<method>& facts);

}  // namespace steward::pve::schema
