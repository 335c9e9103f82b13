#pragma once
#include "base/ids.hpp"
#include "base/result.hpp"

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <string>

namespace steward::pve {

class client;

/// How a task ended. `ok` for "OK" and "WARNINGS: n" (pve-facts C.3).
class task_end {
  public:
    bool ok = false;
    std::string text;  ///< "OK", "WARNINGS: 1", "command 'lxc-start' failed"
};

/// Limits for following a task. `stall` is time without a new log line; zero switches that limit off.
class task_limits {
  public:
    time_point deadline{};
    duration stall{};
};

/// Called with each new log line; for progress.
using task_progress = std::function<void(const std::string& line)>;

/// Follows a task to its end: asks often at first, then once a second. An "unexpected status" is checked against the
/// task's log before it counts, because PVE reports it for a moment when a worker ends (pve-facts C.3, M15).
/// Errors: timed_out (deadline or stall: the task may still run), not_found (its log is gone), outcome_unknown (its
/// node did not answer until the deadline).
[[nodiscard]] boost::asio::awaitable<result<task_end>> follow_task(client& pve, upid task, task_limits limits,
                                                                   task_progress progress);

}  // namespace steward::pve
