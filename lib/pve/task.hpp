#pragma once
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace steward::pve {

namespace api {
class session;
}
class client;

class task_state {
  public:
    bool running = false;
    std::string exit_text;  ///< when not running
};

/// A row of a node's task list.
class task_row {
  public:
    upid id;
    bool running = false;
    std::string exit_text;
    std::optional<wall_time> ended;  ///< by its node's clock; nothing while it runs
};

/// How a task ended. `ok` for "OK" and "WARNINGS: n" (pve-facts C.3).
class task_end {
  public:
    bool ok = false;
    bool has_warnings = false;
    std::string text;               ///< "OK", "WARNINGS: 1", "command 'lxc-start' failed"
    upid task;                      ///< what ended: for a request to the HA manager the task that carried it out
    std::vector<std::string> tail;  ///< of one that failed: its last log lines, at most ten
};

/// Limits for following a task. `stall` is time without progress; zero switches that limit off.
class task_limits {
  public:
    task_limits() {}
    time_point deadline{};
    duration stall{};
    /// Asked while the log is silent, which it is for hours when a container is restored: another number than before is
    /// progress as well. Nothing: it cannot be told. Empty function: only the log tells.
    std::function<boost::asio::awaitable<std::optional<std::uint64_t>>()> moved;
};

/// Called with each new log line; for progress.
using task_progress = std::function<void(const std::string& line)>;

/// Follows a task to its end: asks often at first, then once a second. An "unexpected status" is checked against the
/// task's log before it counts, because PVE reports it for a moment when a worker ends (pve-facts C.3, M15).
///
/// `hastart`, `hastop` and `hamigrate` only hand a request to the HA manager and end at once (pve-facts M16): what is
/// followed then is the task that carries it out, on whichever node. To see that one, a token needs Sys.Audit on the
/// node; else, and when there is nothing to do, the guest being where the request wanted it is the end.
///
/// Errors: timed_out (deadline or stall: the task may still run), not_found (its log is gone), outcome_unknown (its
/// node did not answer until the deadline).
[[nodiscard]] boost::asio::awaitable<result<task_end>> follow_task(api::session& pve, upid task, task_limits limits,
                                                                   task_progress progress = {});
[[nodiscard]] boost::asio::awaitable<result<task_end>> follow_task(client& pve, upid task, task_limits limits,
                                                                   task_progress progress);

[[nodiscard]] boost::asio::awaitable<result<task_state>> read_task(api::session& pve, upid task);

/// Newest first: running and finished tasks about one vmid on one node, started at `since` or later by that node's
/// clock; at most fifty. A token sees its own, others' only with Sys.Audit (pve-facts C.4).
[[nodiscard]] boost::asio::awaitable<result<std::vector<task_row>>> list_tasks(api::session& pve, node_name node,
                                                                               vmid id, wall_time since = {});

/// Restores on one node that ended well, newest first; at most fifty of each kind of guest. A token sees its own,
/// others' only with Sys.Audit.
[[nodiscard]] boost::asio::awaitable<result<std::vector<task_row>>> list_restores(api::session& pve, node_name node);

}  // namespace steward::pve
