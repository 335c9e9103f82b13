#include "runtime/sim_time.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

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
    const auto timer = std::make_shared<asio::steady_timer>(io_, asio::steady_timer::time_point::max());
    const key mine{when, sequence_++};
    sleepers_.emplace(mine, timer);
    boost::system::error_code ec;
    co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, ec));
    // `step` removes a sleeper before it wakes it: one that is still listed was cancelled.
    if (sleepers_.erase(mine) != 0) throw boost::system::system_error(asio::error::operation_aborted);
}

void sim_time::drain() {
    io_.restart();
    io_.poll();
}

bool sim_time::step(time_point end) {
    if (sleepers_.empty() || sleepers_.begin()->first.first > end) {
        if (now_ < end) now_ = end;
        return false;
    }
    const auto first = sleepers_.begin();
    now_ = first->first.first;
    const auto timer = first->second;
    sleepers_.erase(first);
    timer->cancel();
    return true;
}

void sim_time::run_for(duration how_long) {
    run_until([] { return false; }, how_long);
    drain();
}

}  // namespace steward
