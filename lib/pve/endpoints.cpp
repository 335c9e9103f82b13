#include "pve/endpoints.hpp"

#include <algorithm>

namespace steward::pve {
namespace {

using namespace std::chrono_literals;

constexpr duration first_rest = 5s;
constexpr duration longest_rest = 60s;

duration rest_after(int failures) {
    duration rest = first_rest;
    for (int i = 1; i < failures && rest < longest_rest; ++i) rest *= 2;
    return std::min(rest, longest_rest);
}

}  // namespace

endpoint_order::endpoint_order(std::size_t count, random_source& chance) : all_(count), chance_(chance) {}

std::vector<std::size_t> endpoint_order::at(time_point now) const {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < all_.size(); ++i) order.push_back((preferred_ + i) % all_.size());
    // Who rests is last, and among those comes first who has rested longest.
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        const auto wait = [&](std::size_t i) { return std::max(all_[i].rests_until, now); };
        return wait(a) < wait(b);
    });
    return order;
}

void endpoint_order::note_good(std::size_t which) {
    preferred_ = which;
    all_[which] = standing();
}

void endpoint_order::note_bad(std::size_t which, time_point now) {
    standing& one = all_[which];
    // Calls that ran side by side fail together: that is one failure.
    if (one.rests_until > now) return;
    const duration rest = rest_after(++one.failures);
    const auto jitter = static_cast<std::uint64_t>((rest / 5 * 2).count());
    one.rests_until = now + rest - rest / 5 + duration(static_cast<std::int64_t>(chance_.below(jitter + 1)));
}

}  // namespace steward::pve
