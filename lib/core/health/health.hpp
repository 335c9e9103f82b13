#pragma once
#include "base/verdict.hpp"

#include <string>
#include <vector>

/// What single probe answers come to. Pure: rise and fall like keepalived's, three-valued (reliability I9).
namespace steward::health {

struct rules {
    int rise = 2;  ///< healthy answers in a row to be up
    int fall = 3;  ///< unhealthy answers in a row to be down
};

enum class standing {
    unknown,  ///< never looked, or several looks in a row told nothing
    up,
    suspicious,  ///< the last answer was bad, not yet `fall` in a row
    down,
};
[[nodiscard]] const char* name_of(standing s) noexcept;

/// One check's memory.
struct check_state {
    standing now = standing::unknown;
    int good_in_row = 0;
    int bad_in_row = 0;
    int blank_in_row = 0;  ///< answers that told nothing
    std::string reason;    ///< of the last answer
};

/// A blank answer neither helps nor hurts a running count; `fall` blanks in a row make the check unknown.
[[nodiscard]] check_state after_probe(check_state before, verdict answer, std::string reason, rules limits);

/// A guest's standing from those of all its checks: one check down is down; then suspicious, then unknown;
/// up only if all are up. `reason` is that of the deciding check.
struct summary {
    standing now = standing::unknown;
    std::string reason;
};
struct named_check {
    std::string name;
    check_state state;
};
[[nodiscard]] standing worse(standing one, standing other) noexcept;
[[nodiscard]] summary summarise(const std::vector<named_check>& checks);

}  // namespace steward::health
