#include "pve/task.hpp"

#include "pve/client.hpp"

#include <algorithm>

namespace steward::pve {
namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

bool is_success(const std::string& text) { return text == "OK" || text.starts_with("WARNINGS: "); }

/// A fortieth of the time that the task has run so far, but never more than ten looks a second nor fewer than one:
/// short tasks are not waited for longer than they take, long ones do not keep a worker of pvedaemon busy.
duration next_pause(duration running) { return std::clamp<duration>(running / 40, 100ms, 1s); }
constexpr duration log_pause = 1s;

/// What the last log line says about the end, empty when it says nothing.
std::string end_in_log(const std::vector<std::string>& lines) {
    if (lines.empty()) return {};
    const std::string& last = lines.back();
    if (last == "TASK OK") return "OK";
    if (last.starts_with("TASK WARNINGS: ")) return last.substr(5);
    if (last.starts_with("TASK ERROR: ")) return last.substr(12);
    return {};
}

class follower {
  public:
    follower(client& pve, upid task, task_limits limits, task_progress progress)
        : pve_(pve),
          task_(std::move(task)),
          limits_(limits),
          progress_(std::move(progress)),
          last_line_(pve.time().now()) {}

    asio::awaitable<result<task_end>> run() {
        const time_point started = pve_.time().now();
        for (;;) {
            const auto state = co_await pve_.task_status(task_);
            if (state && !state->running) {
                auto end = co_await settle(state->exit_text);
                co_return end;
            }
            if (!state && !may_pass(state.error().code)) co_return state.error();
            if (state && limits_.stall != duration::zero() && pve_.time().now() - log_read_ >= log_pause) {
                log_read_ = pve_.time().now();
                co_await read_log();
                if (pve_.time().now() - last_line_ > limits_.stall)
                    co_return fault(errc::timed_out, "task " + task_.text,
                                    "no progress for " + describe_duration(limits_.stall));
            }
            const time_point now = pve_.time().now();
            if (now >= limits_.deadline) {
                if (state) co_return fault(errc::timed_out, "task " + task_.text, "still running at the time limit");
                co_return fault(errc::outcome_unknown, "task " + task_.text, state.error().text());
            }
            co_await pve_.time().sleep_until(std::min(now + next_pause(now - started), limits_.deadline));
        }
    }

  private:
    /// Failures to *look* say nothing about the task: keep looking until the deadline.
    static bool may_pass(errc code) { return code != errc::not_found && code != errc::forbidden; }

    asio::awaitable<void> read_log() {
        const auto lines = co_await pve_.task_log(task_, lines_seen_);
        if (!lines) co_return;
        for (const std::string& line : *lines) {
            last_line_ = pve_.time().now();
            if (progress_) progress_(line);
        }
        lines_seen_ += lines->size();
    }

    asio::awaitable<result<task_end>> settle(std::string text) {
        task_end end;
        end.text = std::move(text);
        if (end.text == "unexpected status") {
            co_await pve_.time().sleep_for(1500ms);
            const auto lines = co_await pve_.task_log(task_, 0);
            if (lines) {
                const std::string in_log = end_in_log(*lines);
                if (!in_log.empty()) end.text = in_log;
            }
        }
        end.ok = is_success(end.text);
        co_return end;
    }

    client& pve_;
    upid task_;
    task_limits limits_;
    task_progress progress_;
    std::size_t lines_seen_ = 0;
    time_point log_read_{};
    time_point last_line_;
};

}  // namespace

asio::awaitable<result<task_end>> follow_task(client& pve, upid task, task_limits limits, task_progress progress) {
    follower f(pve, std::move(task), limits, std::move(progress));
    auto end = co_await f.run();
    co_return end;
}

}  // namespace steward::pve
