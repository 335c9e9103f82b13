#pragma once
#include "runtime/parking.hpp"

#include <deque>
#include <utility>

namespace steward {

/// Unbounded queue with one reader, on one thread. Unlike asio's channel it keeps what was sent while a receive
/// was cancelled (style §2).
template <class T>
class mailbox {
  public:
    void post(T item) {
        items_.push_back(std::move(item));
        reader_.wake();
    }
    [[nodiscard]] bool empty() const { return items_.empty(); }

    /// The oldest item; leaves with operation_aborted when cancelled.
    [[nodiscard]] boost::asio::awaitable<T> receive() {
        while (items_.empty()) co_await reader_.wait();
        T item = std::move(items_.front());
        items_.pop_front();
        co_return item;
    }

  private:
    parking reader_;
    std::deque<T> items_;
};

}  // namespace steward
