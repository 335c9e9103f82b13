#include "services/health/watch.hpp"

#include <algorithm>

namespace steward {

watch_rhythm jittered(duration interval, random_source& chance) {
    const auto span = static_cast<std::uint64_t>(std::max<std::int64_t>(interval.count(), 0));
    return {interval, duration(static_cast<std::int64_t>(chance.below(span)))};
}

boost::asio::awaitable<void> watch_check(time_source& time, net::prober& prober, watch_rhythm rhythm,
                                         std::function<void(const probe_result&)> report) {
    for (time_point next = time.now() + rhythm.first_delay;; next = std::max(next + rhythm.interval, time.now())) {
        co_await time.sleep_until(next);
        const probe_result answer = co_await prober.run();
        report(answer);
    }
}

}  // namespace steward
