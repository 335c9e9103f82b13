#include "runtime/time_source.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <ctime>

namespace steward {
namespace asio = boost::asio;

time_point os_time::now() const {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return time_point(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}
wall_time os_time::wall_now() const {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

asio::awaitable<void> os_time::sleep_until(time_point when) {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    // Asio's timer stands still in a suspend: then this comes late, and whoever waited sees by how much.
    timer.expires_after(std::chrono::ceil<std::chrono::steady_clock::duration>(when - now()));
    co_await timer.async_wait(asio::use_awaitable);
}

scaled_time::scaled_time(time_source& inner, double factor)
    : inner_(inner), factor_(factor), start_(inner.now()), wall_start_(inner.wall_now()) {}

time_point scaled_time::now() const {
    const std::chrono::duration<double, std::nano> passed = inner_.now() - start_;
    return start_ + std::chrono::duration_cast<duration>(passed * factor_);
}

wall_time scaled_time::wall_now() const {
    return wall_start_ + std::chrono::duration_cast<std::chrono::seconds>(now() - start_);
}

asio::awaitable<void> scaled_time::sleep_until(time_point when) {
    const std::chrono::duration<double, std::nano> ahead = when - start_;
    const time_point real = start_ + std::chrono::ceil<duration>(ahead / factor_);
    co_await inner_.sleep_until(real);
}

}  // namespace steward
