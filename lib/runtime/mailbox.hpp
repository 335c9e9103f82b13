#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <deque>
#include <utility>

namespace steward {

/// Unbounded queue with one reader, on one thread. Unlike asio's channel it keeps what was sent while a receive
/// was cancelled (style §2).
template <class T>
class mailbox {
  public:
    explicit mailbox(boost::asio::any_io_executor executor)
        : parked_(std::move(executor), boost::asio::steady_timer::time_point::max()) {}

    void post(T item) {
        items_.push_back(std::move(item));
        parked_.cancel();
    }
    [[nodiscard]] bool empty() const { return items_.empty(); }

    /// The oldest item; leaves with operation_aborted when cancelled.
    [[nodiscard]] boost::asio::awaitable<T> receive() {
        while (items_.empty()) {
            boost::system::error_code ec;
            co_await parked_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ec));
            const auto state = co_await boost::asio::this_coro::cancellation_state;
            if (state.cancelled() != boost::asio::cancellation_type::none)
                throw boost::system::system_error(boost::asio::error::operation_aborted);
        }
        T item = std::move(items_.front());
        items_.pop_front();
        co_return item;
    }

  private:
    boost::asio::steady_timer parked_;
    std::deque<T> items_;
};

}  // namespace steward
