#include "pve/task.hpp"

#include "pve/api/nodes_tasks.hpp"
#include "pve/api/session.hpp"
#include "pve/api/start.hpp"
#include "pve/client.hpp"
#include "pve/ha_task.hpp"
#include "runtime/time_source.hpp"

#include <algorithm>

namespace steward::pve {
namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t lines_at_once = 500;
constexpr std::size_t tail_lines = 10;
/// What a task said is not worth holding up the news of its end.
constexpr duration last_words_limit = 2s;

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

/// Log lines after the first `skip`.
asio::awaitable<result<std::vector<std::string>>> log_of(api::session& pve, upid task, std::size_t skip) {
    api::nodes_tasks::log_get_request which;
    which.with_start(static_cast<std::int64_t>(skip)).with_limit(lines_at_once);
    const auto rows = co_await api::root(pve).nodes(task.node).tasks(task).log().get(which);
    if (!rows) co_return rows.error();
    std::vector<std::string> lines;
    for (const auto& row : *rows)
        if (row.t && *row.t != "no content") lines.push_back(*row.t);
    co_return lines;
}

class follower {
  public:
    follower(api::session& pve, upid task, task_limits limits, task_progress progress)
        : pve_(pve),
          quick_(pve.limited(std::min(pve.limit(), last_words_limit))),
          task_(std::move(task)),
          limits_(std::move(limits)),
          progress_(std::move(progress)),
          last_line_(pve.time().now()) {}

    asio::awaitable<result<task_end>> run() {
        const time_point started = pve_.time().now();
        for (;;) {
            const auto state = co_await read_task(pve_, task_);
            if (state && !state->running) {
                auto end = co_await settle(state->exit_text);
                co_return end;
            }
            if (!state && !may_pass(state.error().code)) co_return state.error();
            if (state && is_watched() && pve_.time().now() - log_read_ >= log_pause) {
                log_read_ = pve_.time().now();
                co_await read_log(pve_);
                const bool is_stalled = co_await has_stalled();
                if (is_stalled)
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

    [[nodiscard]] bool is_watched() const { return progress_ || limits_.stall != duration::zero(); }

    /// Neither its log nor what it moves has said anything new for too long.
    asio::awaitable<bool> has_stalled() {
        const duration silence = pve_.time().now() - last_line_;
        if (limits_.stall == duration::zero() || silence <= limits_.stall / 2) co_return false;
        const bool is_over = silence > limits_.stall;
        if (!limits_.moved || (moved_ && !is_over)) co_return is_over;
        const auto now = co_await limits_.moved();
        if (is_over && moved_ && now && *now != *moved_) last_line_ = pve_.time().now();
        const bool is_still = is_over && pve_.time().now() - last_line_ > limits_.stall;
        if (now) moved_ = now;
        co_return is_still;
    }

    /// Whether there may be more.
    asio::awaitable<bool> read_log(api::session& from) {
        const auto lines = co_await log_of(from, task_, lines_seen_);
        if (!lines) co_return false;
        for (const std::string& line : *lines) {
            last_line_ = pve_.time().now();
            moved_.reset();
            if (progress_) progress_(line);
            tail_.push_back(line);
        }
        if (tail_.size() > tail_lines) tail_.erase(tail_.begin(), tail_.end() - tail_lines);
        lines_seen_ += lines->size();
        co_return lines->size() >= lines_at_once;
    }

    asio::awaitable<void> read_last_words() {
        const time_point limit = pve_.time().now() + last_words_limit;
        bool has_more = true;
        while (has_more && pve_.time().now() < limit) has_more = co_await read_log(quick_);
    }

    asio::awaitable<result<task_end>> settle(std::string text) {
        task_end end;
        end.task = task_;
        end.text = std::move(text);
        if (end.text == "unexpected status") {
            co_await pve_.time().sleep_for(1500ms);
            co_await read_last_words();
            const std::string in_log = end_in_log(tail_);
            if (!in_log.empty()) end.text = in_log;
        } else if (progress_ || !is_success(end.text)) {
            co_await read_last_words();
        }
        end.has_warnings = is_warning(end.text);
        end.ok = is_success(end.text);
        if (!end.ok) end.tail = tail_;
        co_return end;
    }

    static bool is_warning(const std::string& text) { return text.starts_with("WARNINGS: "); }
    static bool is_success(const std::string& text) { return text == "OK" || is_warning(text); }

    api::session& pve_;
    api::session quick_;
    upid task_;
    task_limits limits_;
    task_progress progress_;
    std::vector<std::string> tail_;
    std::size_t lines_seen_ = 0;
    time_point log_read_{};
    std::optional<std::uint64_t> moved_;  ///< when the log had been silent for half of the limit
    time_point last_line_;
};

}  // namespace

asio::awaitable<result<task_end>> follow_task(api::session& pve, upid task, task_limits limits,
                                              task_progress progress) {
    follower first(pve, task, limits, progress);
    auto end = co_await first.run();
    if (!end || !end->ok || !is_request_to_ha(task)) co_return end;
    auto child = co_await find_ha_task(pve, task, limits.deadline);
    if (!child) co_return child.error();
    if (child->text == task.text) co_return end;
    follower second(pve, std::move(*child), limits, std::move(progress));
    end = co_await second.run();
    co_return end;
}

asio::awaitable<result<task_end>> follow_task(client& pve, upid task, task_limits limits, task_progress progress) {
    return follow_task(pve.session(), std::move(task), limits, std::move(progress));
}

asio::awaitable<result<task_state>> read_task(api::session& pve, upid task) {
    using word = api::nodes_tasks::status_choice;
    const auto got = co_await api::root(pve).nodes(task.node).tasks(task).status().get();
    if (!got) co_return got.error();
    if (!got->status || !got->status->listed())
        co_return fault(errc::garbage, "pve task " + task.text, "its status is neither running nor stopped");
    task_state state;
    state.running = got->status->is(word::running);
    state.exit_text = got->exitstatus.value_or("");
    co_return state;
}

namespace {

using wanted_tasks = api::nodes_tasks::get_request;

/// Newest first.
asio::awaitable<result<std::vector<task_row>>> read_tasks(api::session& pve, node_name node, wanted_tasks which) {
    const auto got = co_await api::root(pve).nodes(node).tasks().get(which);
    if (!got) co_return got.error();
    std::vector<task_row> rows;
    for (const auto& row : *got) {
        if (!row.upid) co_return fault(errc::garbage, "pve /nodes/" + node.str() + "/tasks", "a task without a UPID");
        task_row t;
        t.id = *row.upid;
        t.exit_text = row.status.value_or("");
        t.running = t.exit_text == "RUNNING" || (t.exit_text.empty() && !row.endtime);
        if (t.running) t.exit_text.clear();
        if (row.endtime) t.ended = wall_time(std::chrono::seconds(*row.endtime));
        rows.push_back(std::move(t));
    }
    std::stable_sort(rows.begin(), rows.end(),
                     [](const task_row& a, const task_row& b) { return a.id.started > b.id.started; });
    co_return rows;
}

}  // namespace

asio::awaitable<result<std::vector<task_row>>> list_tasks(api::session& pve, node_name node, vmid id, wall_time since) {
    wanted_tasks which;
    which.with_vmid(id).with_source(api::nodes_tasks::source_choice::all).with_limit(50);
    if (since != wall_time()) which.with_since(since.time_since_epoch().count());
    return read_tasks(pve, std::move(node), std::move(which));
}

asio::awaitable<result<std::vector<task_row>>> list_restores(api::session& pve, node_name node) {
    std::vector<task_row> all;
    for (const char* kind : {"vzrestore", "qmrestore"}) {
        wanted_tasks which;
        which.with_typefilter(kind).with_limit(50);
        auto rows = co_await read_tasks(pve, node, std::move(which));
        if (!rows) co_return rows.error();
        for (task_row& t : *rows)
            if (t.exit_text == "OK" && t.ended) all.push_back(std::move(t));
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const task_row& a, const task_row& b) { return a.id.started > b.id.started; });
    co_return all;
}

}  // namespace steward::pve
