#include "runtime/sim_time.hpp"

#include <algorithm>
#include <stdexcept>

namespace steward {
namespace asio = boost::asio;

namespace {
/// Simulations start on 2026-01-01T00:00:00Z, so that calendar stamps look like calendar stamps.
constexpr wall_time simulated_epoch{std::chrono::seconds(1'767'225'600)};
constexpr duration for_good = std::chrono::hours(1000);
constexpr duration look_again = std::chrono::seconds(1);
}  // namespace

sim_time::~sim_time() = default;

wall_time sim_time::wall_now() const {
    return simulated_epoch + std::chrono::duration_cast<std::chrono::seconds>(now_.time_since_epoch());
}

asio::awaitable<void> sim_time::sleep_until(time_point when) { return sleep(when, nullptr); }

asio::awaitable<void> sim_time::sleep_until(time_point when, const time_point& stands_until) {
    return sleep(when, &stands_until);
}

asio::awaitable<void> sim_time::sleep(time_point when, const time_point* stands_until) {
    const key mine{std::max(when, now_), sequence_++};
    auto keep = [this, mine, stands_until](std::unique_ptr<detail::parked_coroutine> who,
                                           asio::cancellation_slot slot) {
        sleepers_.emplace(mine, sleeper{std::move(who), stands_until});
        if (slot.is_connected()) slot.assign([this, mine](asio::cancellation_type) { drop(mine); });
    };
    return detail::park_coroutine<detail::loop_is::over>(std::move(keep));
}

void sim_time::drop(key where) {
    if (const auto later = put_off_.extract(where.second)) where.first = later.mapped();
    const auto dropped = sleepers_.extract(where);
    if (dropped) dropped.mapped().who->post(asio::error::operation_aborted);
}

void sim_time::wake_first() {
    auto first = sleepers_.extract(sleepers_.begin());
    const time_point* stands_until = first.mapped().stands_until;
    if (stands_until == nullptr || *stands_until <= now_) {
        if (!put_off_.empty()) put_off_.erase(first.key().second);
        return first.mapped().who->resume({});
    }
    first.key().first = *stands_until - now_ > for_good ? now_ + look_again : *stands_until;
    put_off_[first.key().second] = first.key().first;
    sleepers_.insert(std::move(first));
}

void sim_time::drain() {
    io_.restart();
    io_.poll();
}

bool sim_time::step(time_point end) {
    const auto event = next_event_ ? next_event_() : std::nullopt;
    const bool is_event = event && *event <= end && (sleepers_.empty() || *event <= sleepers_.begin()->first.first);
    if (is_event) {
        now_ = std::max(now_, *event);
        run_event_();
        return true;
    }
    if (sleepers_.empty() || sleepers_.begin()->first.first > end) {
        if (now_ < end) now_ = end;
        return false;
    }
    now_ = sleepers_.begin()->first.first;
    wake_first();
    return true;
}

void sim_time::check_progress() {
    constexpr std::uint64_t most_steps = 1'000'000;
    if (now_ != last_moment_) steps_in_it_ = 0;
    last_moment_ = now_;
    if (++steps_in_it_ > most_steps) throw std::runtime_error("virtual time stands still: something is busy for ever");
}

void sim_time::run_for(duration how_long) {
    run_until([] { return false; }, how_long);
    drain();
}

}  // namespace steward
