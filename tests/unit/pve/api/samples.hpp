#pragma once
#include "pve/schema/schema.hpp"

#include <string>

namespace steward::tests {

/// A text that the checker accepts for this value in this version: the lowest number, the first choice, or the first of
/// some dozens of likely texts that fits format, pattern and lengths. Fails the test when none does.
[[nodiscard]] std::string sample_of(const pve::schema::value& facts, pve::schema::version v);

}  // namespace steward::tests
