#include "sim/model/tasks.hpp"

#include "sim/model/cluster.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::sim {

namespace {
constexpr duration check_time = std::chrono::milliseconds(50);  ///< a worker that finds an obstacle ends at once
constexpr duration look_again = std::chrono::milliseconds(500);

constexpr duration kill_after = std::chrono::seconds(5);  ///< SIGKILL after SIGTERM, pve-facts C.4

duration part(duration whole, double fraction) {
    return std::chrono::duration_cast<duration>(std::chrono::duration<double, std::nano>(whole) * fraction);
}
}  // namespace

std::string final_line(const std::string& exit_text) {
    if (exit_text == "OK" || exit_text.starts_with("WARNINGS: ")) return "TASK " + exit_text;
    if (exit_text == "unexpected status") return {};
    return "TASK ERROR: " + exit_text;
}

std::string cluster::start_task(const node_name& node, const std::string& user, task_work work) {
    sim_node* n = find_node(node);
    const std::uint32_t pid = n->next_pid++;
    // Clock ticks since boot, 100 per second.
    const auto pstart = static_cast<std::uint64_t>((now_ - n->booted) / std::chrono::milliseconds(10));
    const std::string upid = fmt::format("UPID:{}:{:08X}:{:08X}:{:08X}:{}:{}:{}:", node.str(), pid, pstart,
                                         wall_now(node).time_since_epoch().count(), work.type, work.id, user);
    task t(upid, node, std::move(work), user, wall_now(node));
    t.pid = pid;
    t.pstart = pstart;
    const std::string lock = t.work.lock;
    const duration patience = t.work.lock_wait;
    tasks_.emplace(upid, std::move(t));
    task_order_.push_back(upid);
    cluster_log_.add({wall_now(), node, "pvedaemon", pid, user, "starting task " + upid, cluster_log::info, 0});
    if (!lock.empty()) {
        auto& queue = locks_[{node, lock}];
        queue.push_back(upid);
        if (queue.size() > 1) {
            task& waiting = tasks_.at(upid);
            waiting.waiting = true;
            add_task_event(waiting, now_ + patience,
                           [this, upid] { end_task(upid, tasks_.at(upid).work.lock_timeout); });
            changed();
            return upid;
        }
    }
    begin_task(upid);
    return upid;
}

void cluster::add_task_event(task& t, time_point when, std::function<void()> what) {
    t.events.push_back(at(when, std::move(what)));
}

void cluster::begin_task(const std::string& upid) {
    task& t = tasks_.at(upid);
    t.waiting = false;
    if (t.work.may_begin && !t.work.may_begin()) {
        t.work.patience -= look_again;
        const bool gives_up = t.work.patience < duration::zero();
        add_task_event(t, now_ + look_again, [this, upid, gives_up] {
            gives_up ? abort_task(upid, tasks_.at(upid).work.out_of_patience) : begin_task(upid);
        });
        return;
    }
    if (t.work.begin) {
        const std::string obstacle = t.work.begin(upid);
        if (!obstacle.empty()) {
            add_task_event(t, now_ + check_time, [this, upid, obstacle] { end_task(upid, obstacle); });
            return;
        }
    }
    const bool early = t.work.killed || !t.work.fails_with.empty();
    const double reach = early ? t.work.fails_at : 1.0;
    for (const auto& [fraction, line] : t.work.progress)
        if (fraction <= reach)
            add_task_event(t, now_ + part(t.work.takes, fraction), [this, upid, text = line] { log_line(upid, text); });
    if (t.work.hangs || t.work.is_open_ended) return;
    const time_point end = now_ + part(t.work.takes, reach);
    if (t.work.killed)
        add_task_event(t, end, [this, upid] { end_task(upid, "unexpected status"); });
    else if (early)
        add_task_event(t, end, [this, upid] { abort_task(upid, tasks_.at(upid).work.fails_with); });
    else
        add_task_event(t, end, [this, upid] {
            const auto finish = tasks_.at(upid).work.finish;
            end_task(upid, finish ? finish(upid) : "OK");
        });
}

void cluster::then(const std::string& upid, duration pause, std::function<void()> what) {
    add_task_event(tasks_.at(upid), now_ + pause, std::move(what));
}

void cluster::abort_task(const std::string& upid, const std::string& exit_text) {
    if (const auto undo = tasks_.at(upid).work.undo) undo();
    end_task(upid, exit_text);
}

void cluster::end_task(const std::string& upid, std::string exit_text) {
    task& t = tasks_.at(upid);
    if (!t.running()) return;
    for (const event_key& event : t.events) forget(event);
    t.events.clear();
    // The last line of a task is one line, whatever the error was.
    std::replace(exit_text.begin(), exit_text.end(), '\n', ' ');
    if (const std::string last = final_line(exit_text); !last.empty()) t.log.push_back(last);
    t.exit_text = std::move(exit_text);
    t.ended = wall_now(t.node);
    const bool went_well = t.exit_text == "OK" || t.exit_text.starts_with("WARNINGS");
    cluster_log_.add({t.ended, t.node, "pvedaemon", t.pid, t.user, fmt::format("end task {} {}", upid, t.exit_text),
                      went_well ? cluster_log::info : cluster_log::error, 0});
    if (t.work.killed) mark_orphans(t);
    if (!t.work.lock.empty()) {
        const std::pair key{t.node, t.work.lock};
        auto& queue = locks_[key];
        const bool held = !queue.empty() && queue.front() == upid;
        std::erase(queue, upid);
        if (queue.empty()) {
            locks_.erase(key);
        } else if (held) {
            task& next = tasks_.at(queue.front());
            for (const event_key& event : next.events) forget(event);
            next.events.clear();
            begin_task(next.upid);
        }
    }
    changed();
}

void cluster::stop_task(const std::string& upid) {
    const auto found = tasks_.find(upid);
    if (found == tasks_.end() || !found->second.running()) return;
    task& t = found->second;
    if (t.is_told_to_end) return;
    t.is_told_to_end = true;
    if (t.waiting) {
        end_task(upid, t.work.interrupted);
    } else if (!t.work.on_interrupt.empty()) {
        log_line(upid, t.work.on_interrupt);
        add_task_event(t, now_ + kill_after, [this, upid] { end_task(upid, "unexpected status"); });
    } else
        abort_task(upid, t.work.interrupted);
}

void cluster::kill_worker(const std::string& upid) {
    const auto found = tasks_.find(upid);
    if (found == tasks_.end() || !found->second.running()) return;
    found->second.work.killed = true;
    end_task(upid, "unexpected status");
}

/// Their workers stand still as long as the node does.
void cluster::delay_tasks_on(const node_name& node, duration time) {
    for (auto& [upid, t] : tasks_) {
        if (t.node != node) continue;
        for (event_key& event : t.events) {
            auto planned = events_.extract(event);
            if (planned.empty()) continue;
            event = event_key{event.first + time, ++sequence_};
            planned.key() = event;
            events_.insert(std::move(planned));
        }
    }
}

/// What a killed worker had made and no configuration names stays on its storage, and nobody will ask for it.
void cluster::mark_orphans(const task& killed) {
    std::set<volid> named;
    for (const auto& [id, e] : files_.entries())
        for (const auto& [key, volume_id] : e.parsed.volumes()) named.insert(volume_id);
    for (auto& [key, held] : volumes_)
        for (auto& [id, v] : held)
            if (to_string(v.owner.id) == killed.work.id && named.count(id) == 0) v.orphan = true;
}

void cluster::kill_tasks_on(const node_name& node) {
    for (auto& [upid, t] : tasks_)
        if (t.node == node && t.running()) {
            mark_orphans(t);
            for (const event_key& event : t.events) forget(event);
            t.events.clear();
            t.exit_text = "unexpected status";
            t.ended = wall_now();
        }
    std::erase_if(locks_, [&](const auto& l) { return l.first.first == node; });
}

bool cluster::is_lock_held(const node_name& node, const std::string& lock) const {
    return locks_.count({node, lock}) != 0;
}

void cluster::log_line(const std::string& upid, std::string line) {
    task& t = tasks_.at(upid);
    if (faults_.silent_logs.count(t.node) == 0) t.log.push_back(std::move(line));
}

}  // namespace steward::sim
