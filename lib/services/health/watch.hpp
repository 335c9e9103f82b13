#pragma once
#include "base/random.hpp"
#include "net/probe.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/awaitable.hpp>

#include <functional>

namespace steward {

/// How often one check runs. The first attempt comes after `first_delay`, so that checks do not march in step.
class watch_rhythm {
  public:
    watch_rhythm(duration every, duration delay) : interval(every), first_delay(delay) {}
    duration interval;
    duration first_delay;
};

/// A jittered start within one interval.
[[nodiscard]] watch_rhythm jittered(duration interval, random_source& chance);

/// Runs one check for ever at a fixed rhythm; an attempt that overran makes the next one start at once, not twice.
/// Ends only by cancellation. `prober` must outlive it.
[[nodiscard]] boost::asio::awaitable<void> watch_check(time_source& time, net::prober& prober, watch_rhythm rhythm,
                                                       std::function<void(const probe_result&)> report);

}  // namespace steward
