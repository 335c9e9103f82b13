#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <string>

namespace steward {

/// Owns running coroutines. A task that ends with an exception other than cancellation cancels its siblings;
/// `join` rethrows it. Destroying a group with tasks in it cancels them but cannot wait: join first.
class task_group {
  public:
    explicit task_group(boost::asio::any_io_executor executor);
    ~task_group();
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;

    /// Starts `work`; `name` is for the log line when it fails.
    void spawn(std::string name, boost::asio::awaitable<void> work);
    /// Asks every task to end (terminal cancellation).
    void cancel();
    /// Returns when no task is left; rethrows the first failure. Cancelling the joiner cancels only the wait.
    [[nodiscard]] boost::asio::awaitable<void> join();
    [[nodiscard]] std::size_t size() const;

  private:
    struct state;
    std::shared_ptr<state> state_;
};

}  // namespace steward
