#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <type_traits>
#include <utility>

namespace steward {
namespace detail {

template <class Work>
boost::asio::awaitable<std::invoke_result_t<Work&>> call_there(Work work) {
    co_return work();
}

}  // namespace detail

/// Runs `work()` on a thread of `pool` and returns its result on the caller's executor; what it throws is thrown here.
/// Work that has begun cannot be interrupted: a cancelled caller leaves with operation_aborted only after it has ended,
/// so `work` may refer to the caller's locals. Real threads: not for code that runs in virtual time.
template <class Work>
boost::asio::awaitable<std::invoke_result_t<Work&>> offload(boost::asio::thread_pool& pool, Work work) {
    auto there = detail::call_there(std::move(work));
    const auto executor = pool.get_executor();
    // Without the caller's cancellation slot: Boost 1.81 would hand a cancellation to the other thread, which may get
    // to it after this frame, and the signal in it, are gone. The work would not hear it anyhow.
    auto token = boost::asio::bind_cancellation_slot(boost::asio::cancellation_slot(), boost::asio::use_awaitable);
    auto done = co_await boost::asio::co_spawn(executor, std::move(there), std::move(token));
    const auto state = co_await boost::asio::this_coro::cancellation_state;
    if (state.cancelled() != boost::asio::cancellation_type::none)
        throw boost::system::system_error(boost::asio::error::operation_aborted);
    co_return done;
}

}  // namespace steward
