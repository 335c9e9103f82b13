#pragma once
#include "core/failover/plan.hpp"

#include <string>
#include <utility>

namespace steward::failover {

/// A refusal that says no more than why, and what would change it.
[[nodiscard]] inline refusal refuse(std::string code, std::string text, std::string release) {
    return refusal{std::move(code), std::move(text), std::move(release), {}, false, {}};
}

}  // namespace steward::failover
