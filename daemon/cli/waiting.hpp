#pragma once
#include "base/time.hpp"

namespace steward::cli {

/// The pause between two questions.
void wait_a_while(duration how_long);

}  // namespace steward::cli
