#include "sim/model/watchdog.hpp"

#include <algorithm>

namespace steward::sim {

std::optional<watchdog_mux::client> watchdog_mux::connect(time_point now) {
    if (stopped_ || fed_.size() >= most_clients) return std::nullopt;
    fed_.emplace(next_, now);
    return next_++;
}

void watchdog_mux::feed(client who, time_point now) {
    const auto found = fed_.find(who);
    if (found == fed_.end()) return;
    // Too late: the mux has given up, and nothing that comes after takes that back.
    if (!stopped_ && now - found->second > patience) stopped_ = found->second + patience;
    found->second = now;
}

void watchdog_mux::close(client who, bool with_v, time_point now) {
    const auto found = fed_.find(who);
    if (found == fed_.end()) return;
    if (!with_v && !stopped_) stopped_ = std::min(now, found->second + patience);
    if (with_v && !stopped_ && now - found->second > patience) stopped_ = found->second + patience;
    fed_.erase(found);
}

void watchdog_mux::reboot() {
    fed_.clear();
    stopped_.reset();
}

std::optional<time_point> watchdog_mux::resets_at() const {
    std::optional<time_point> first = stopped_;
    for (const auto& [who, fed] : fed_)
        if (!first || fed + patience < *first) first = fed + patience;
    if (!first) return std::nullopt;
    return *first + hardware;
}

}  // namespace steward::sim
