#pragma once
#include "runtime/with_timeout.hpp"

namespace steward {
namespace detail {

inline boost::asio::awaitable<void> wait_for_stillness(time_source& time, const time_point& last, duration patience) {
    try {
        while (time.now() < last + patience) {
            const time_point limit = last + patience;
            co_await time.sleep_until(limit);
        }
    } catch (const boost::system::system_error&) {  // the work ended, or the caller was cancelled
    }
}

}  // namespace detail

/// The result of `work`, or `errc::timed_out` when `last`, which the work sets as it gets on, is `patience` ago: a time
/// limit for work whose length nobody knows. For the rest like with_deadline.
template <class T>
boost::asio::awaitable<result<T>> with_patience(time_source& time, const time_point& last, duration patience,
                                                boost::asio::awaitable<result<T>> work) {
    using namespace boost::asio::experimental::awaitable_operators;
    detail::timed<T> done;
    co_await (detail::run_into(std::move(work), done) || detail::wait_for_stillness(time, last, patience));
    const auto state = co_await boost::asio::this_coro::cancellation_state;
    if (state.cancelled() != boost::asio::cancellation_type::none)
        throw boost::system::system_error(boost::asio::error::operation_aborted);
    if (done.value) co_return std::move(*done.value);
    if (done.error && !detail::is_cancellation(done.error)) std::rethrow_exception(done.error);
    co_return fault(errc::timed_out, "", "nothing moved within the time limit");
}

}  // namespace steward
