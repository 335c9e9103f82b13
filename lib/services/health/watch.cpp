#include "services/health/watch.hpp"

#include <algorithm>

namespace steward {

duration jitter(duration interval, random_source& chance) {
    const auto span = static_cast<std::uint64_t>(std::max<std::int64_t>(interval.count(), 0));
    return duration(static_cast<std::int64_t>(chance.below(span)));
}

boost::asio::awaitable<void> watch_check(time_source& time, duration first_delay,
                                         std::function<boost::asio::awaitable<duration>(time_point due)> attempt) {
    for (time_point due = time.now() + first_delay;;) {
        co_await time.sleep_until(due);
        const duration pause = co_await attempt(due);
        due = std::max(due + pause, time.now());
    }
}

}  // namespace steward
