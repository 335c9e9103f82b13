#pragma once
#include "base/random.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/awaitable.hpp>

#include <functional>

namespace steward {

/// Some time within one interval: the first attempt comes after it, so that checks do not march in step.
[[nodiscard]] duration jitter(duration interval, random_source& chance);

/// Makes attempts for ever. Each is told when it was due, which a real clock always passes by a little, and says how
/// long after that the next one is; one that overran makes the next one start at once, not twice. Ends only by
/// cancellation.
[[nodiscard]] boost::asio::awaitable<void> watch_check(
    time_source& time, duration first_delay, std::function<boost::asio::awaitable<duration>(time_point due)> attempt);

}  // namespace steward
