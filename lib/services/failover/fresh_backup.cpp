#include "services/failover/operation_parts.hpp"

#include <fmt/core.h>

/// A backup right before a guest is stopped for a hand-over: what changed since the last one is not lost.
namespace steward::failover::detail {
namespace asio = boost::asio;
using namespace std::chrono_literals;

/// The newest one of the guest that was made since then, where the chosen one is.
asio::awaitable<result<model::backup>> worker::fresh_archive(wall_time since) {
    const auto all = co_await pve().backups(saved_.chosen->source, storage_of(saved_.chosen->archive->volume), guest());
    if (!all) co_return all.error();
    const model::backup* newest = nullptr;
    for (const model::backup& b : *all)
        if (b.created + clock_slack >= since && b.bytes > 1 && (!newest || newest->created < b.created)) newest = &b;
    if (newest == nullptr) co_return fault(errc::not_found, "backup", "the storage does not list it");
    co_return *newest;
}

/// One that an earlier life of this daemon has begun is waited for, and one that it has ended is taken.
asio::awaitable<finished> worker::back_up() {
    const node_name source = saved_.chosen->source;
    finished out;
    std::string why;
    if (!saved_.chosen->archive->only_on.empty()) {
        why = fmt::format("its backup storage is local to {}", saved_.chosen->archive->only_on.str());
    } else {
        const auto made = co_await fresh_archive(saved_.since);
        if (is_resumed_ && made) {
            out.fresh = *made;
            co_return out;
        }
        auto task = co_await running_task(source, "vzdump");
        if (task && task->text.empty())
            task = co_await pve().back_up(source, guest(), storage_of(saved_.chosen->archive->volume));
        finished end = co_await follow(task, fresh_backup_limit, rules_.stall_timeout);
        if (end.how == outcome::unknown && task) {
            // While it runs the guest is locked: it cannot be stopped.
            const auto ended = co_await pve().stop_task(*task);
            (void)ended;
        }
        why = end.how == outcome::ok ? std::string() : end.text;
    }
    if (why.empty()) {
        auto fresh = co_await fresh_archive(saved_.since);
        if (fresh) {
            out.fresh = std::move(*fresh);
            co_return out;
        }
        why = fresh.error().text();
    }
    const std::string told = "the backup before its hand-over failed: " + why;
    if (rules_.before == fresh_backup::attempt) {
        out.warning = told;
        co_return out;
    }
    out.how = outcome::blocked;
    out.code = "fresh_backup_failed";
    out.text = told;
    co_return out;
}

}  // namespace steward::failover::detail
