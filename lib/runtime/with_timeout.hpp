#pragma once
#include "base/result.hpp"
#include "runtime/time_source.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/system/system_error.hpp>

#include <exception>
#include <optional>
#include <utility>

namespace steward {
namespace detail {

/// What `work` came to. Never throws, because `||` waits for the first *success* (style §2).
template <class T>
struct timed {
    std::optional<result<T>> value;
    std::exception_ptr error;
};

template <class T>
boost::asio::awaitable<void> run_into(boost::asio::awaitable<result<T>> work, timed<T>& into) {
    try {
        into.value.emplace(co_await std::move(work));
    } catch (...) {
        into.error = std::current_exception();
    }
}

inline boost::asio::awaitable<void> wait_quietly(time_source& time, time_point limit) {
    try {
        co_await time.sleep_until(limit);
    } catch (const boost::system::system_error&) {  // the work was faster, or the caller was cancelled
    }
}

inline bool is_cancellation(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const boost::system::system_error& e) {
        return e.code() == boost::asio::error::operation_aborted;
    } catch (...) {
        return false;
    }
}

}  // namespace detail

/// The result of `work`, or `errc::timed_out` at `limit`. Returns only after `work` has ended, so `work` may use the
/// caller's locals. Cancelling the caller cancels `work` and leaves with operation_aborted.
template <class T>
boost::asio::awaitable<result<T>> with_deadline(time_source& time, time_point limit,
                                                boost::asio::awaitable<result<T>> work) {
    using namespace boost::asio::experimental::awaitable_operators;
    detail::timed<T> done;
    co_await (detail::run_into(std::move(work), done) || detail::wait_quietly(time, limit));
    const auto state = co_await boost::asio::this_coro::cancellation_state;
    if (state.cancelled() != boost::asio::cancellation_type::none)
        throw boost::system::system_error(boost::asio::error::operation_aborted);
    if (done.value) co_return std::move(*done.value);
    if (done.error && !detail::is_cancellation(done.error)) std::rethrow_exception(done.error);
    co_return fault(errc::timed_out, "", "no answer within the time limit");
}

template <class T>
boost::asio::awaitable<result<T>> with_timeout(time_source& time, duration limit,
                                               boost::asio::awaitable<result<T>> work) {
    return with_deadline(time, time.now() + limit, std::move(work));
}

}  // namespace steward
