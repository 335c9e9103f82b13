#pragma once
#include "base/ids.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace steward::sim {

/// What a worker is going to do. The callbacks change the model; they run inside cluster::advance_to.
class task_work {
  public:
    task_work(std::string what, std::string subject, duration how_long)
        : type(std::move(what)), id(std::move(subject)), takes(how_long) {}
    std::string type;  ///< "vzrestore"
    std::string id;    ///< vmid, or empty
    duration takes;
    std::vector<std::pair<double, std::string>> progress;  ///< log lines at a fraction of `takes`
    /// Checks of the first moment, given the UPID: an exit text ends the task at once, empty goes on.
    std::function<std::string(const std::string& upid)> begin;
    /// Exit text: "OK" or an error.
    std::function<std::string(const std::string& upid)> finish;
    /// Clean-up after an interrupt or an injected error. A killed worker never gets here.
    std::function<void()> undo;

    std::string interrupted = "received interrupt";  ///< how it ends after a signal

    std::function<bool()> may_begin;  ///< asked again and again until it may, or `patience` is over
    duration patience{};
    std::string out_of_patience;

    std::string lock;      ///< one running task per key and node: a guest's flock, vzdump's global lock
    duration lock_wait{};  ///< then it ends with `lock_timeout`
    std::string lock_timeout;

    bool is_open_ended = false;  ///< until cluster::finish_task, whatever `takes` says
    /// What it writes when it is told to end, going on all the same: killed 5 s later without a last word (recorded:
    /// task-20, task-22). Empty: it ends at once.
    std::string on_interrupt;

    // Injected faults
    bool hangs = false;
    double fails_at = 1.0;
    std::string fails_with;  ///< when not empty, the exit text at `fails_at`
    bool killed = false;     ///< dies at `fails_at` without clean-up
};

class task {
  public:
    task(std::string whole, node_name where, task_work what, std::string who, wall_time when)
        : upid(std::move(whole)), node(std::move(where)), work(std::move(what)), user(std::move(who)), started(when) {}
    std::string upid;
    node_name node;
    task_work work;
    std::string user;  ///< "steward@pve!failover"
    wall_time started;
    std::uint32_t pid = 0;
    std::uint64_t pstart = 0;
    wall_time ended{};
    std::string exit_text;  ///< empty while it runs
    std::vector<std::string> log;
    bool waiting = false;  ///< for its lock
    bool is_told_to_end = false;
    std::vector<std::pair<time_point, std::uint64_t>> events;  ///< still to come, so that a stop can take them back

    [[nodiscard]] bool running() const { return exit_text.empty(); }
};

/// How the end of a task looks in its log: "TASK OK", "TASK ERROR: …", or nothing for a worker that was killed.
[[nodiscard]] std::string final_line(const std::string& exit_text);

}  // namespace steward::sim
