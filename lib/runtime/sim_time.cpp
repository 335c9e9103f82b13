#include "runtime/sim_time.hpp"

#include <algorithm>
#include <stdexcept>

namespace steward {
namespace asio = boost::asio;

namespace {
/// Simulations start on 2026-01-01T00:00:00Z, so that calendar stamps look like calendar stamps.
constexpr wall_time simulated_epoch{std::chrono::seconds(1'767'225'600)};
}  // namespace

sim_time::~sim_time() = default;

wall_time sim_time::wall_now() const {
    return simulated_epoch + std::chrono::duration_cast<std::chrono::seconds>(now_.time_since_epoch());
}

asio::awaitable<void> sim_time::sleep_until(time_point when) {
    if (when < now_) when = now_;
    const key mine{when, sequence_++};
    auto keep = [this, mine](std::unique_ptr<detail::parked_coroutine> who, asio::cancellation_slot slot) {
        sleepers_.emplace(mine, std::move(who));
        if (!slot.is_connected()) return;
        slot.assign([this, mine](asio::cancellation_type) {
            const auto sleeper = sleepers_.extract(mine);
            if (sleeper) sleeper.mapped()->post(asio::error::operation_aborted);
        });
    };
    return detail::park_coroutine(std::move(keep));
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
    const auto first = sleepers_.begin();
    now_ = first->first.first;
    const auto sleeper = sleepers_.extract(first);
    sleeper.mapped()->resume({});
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
