#pragma once
#include "base/time.hpp"

#include <algorithm>
#include <cstdint>

/// Time in the worlds: whole steps in a byte, and the production machines' time points made of them.
namespace steward::model_check {

inline constexpr duration one_step = std::chrono::seconds(5);
/// Any moment: the machines see differences only.
inline constexpr time_point now{std::chrono::seconds(100'000)};
/// A write waits so long for a new membership, and then fails.
inline constexpr std::uint8_t longest_block = 6;

inline void count_up(std::uint8_t& age, std::uint8_t most) {
    if (age < most) ++age;
}
inline void count_down(std::uint8_t& left) {
    if (left > 0) --left;
}
inline std::uint8_t steps_since(time_point when, std::uint8_t most) {
    return static_cast<std::uint8_t>(std::clamp<std::int64_t>((now - when) / one_step, 0, most));
}

}  // namespace steward::model_check
