#include "base/sha1.hpp"
#include "core/handover/config_text.hpp"
#include "core/handover/handover.hpp"
#include "services/failover/gather.hpp"
#include "services/failover/operation_parts.hpp"
#include "services/leadership/leadership.hpp"

#include <algorithm>
#include <fmt/core.h>

/// Everything on the target: look, restore, start, and the removal of what went wrong. Only what is provably ours is
/// ever removed (reliability P13).
namespace steward::failover::detail {
namespace asio = boost::asio;
using namespace std::chrono_literals;
using handover::generation_tag;
using handover::has_tag;
namespace {

bool is_restore(const std::string& type) { return type == "vzrestore" || type == "qmrestore"; }

constexpr duration migration_limit = std::chrono::hours(24);

}  // namespace

asio::awaitable<result<worker::findings>> worker::inspect_target() {
    findings f;
    const auto tasks = co_await pve().tasks_of(saved_.target, guest().id);
    if (!tasks) co_return tasks.error();
    const pve::task_row* newest = nullptr;
    for (const pve::task_row& t : *tasks)
        if (!newest && is_restore(t.id.type) && t.id.started + clock_slack >= saved_.attempt_since) newest = &t;
    const bool is_ours = newest && newest->id.user == with_.own_user;
    if (newest && newest->running) {
        f.what = is_ours ? place::ours_running : place::foreign;
        f.text = fmt::format("{} restores it on {}", newest->id.user, saved_.target.str());
        f.task = newest->id;
        co_return f;
    }

    const auto view = co_await pve().look();
    if (!view) co_return view.error();
    const model::guest_row* row = nullptr;
    for (const auto& [id, r] : view->guests)
        if (id.id == guest().id) row = &r;
    const bool has_failed = is_ours && newest->exit_text != "OK" && !newest->exit_text.starts_with("WARNINGS: ");
    if (!row) {
        // The resource list is filtered by privilege; the node itself says whether the configuration exists.
        const auto config = co_await pve().guest_config(saved_.target, guest());
        if (!config && config.error().code != errc::not_found) co_return config.error();
        if (!config && has_failed) {
            f.what = place::ours_broken;
            f.text = newest->exit_text;
            co_return f;
        }
        if (!config) co_return f;
        f.what = place::foreign;
        f.text = fmt::format("a guest {} that we may not see is on {}", guest().id.number(), saved_.target.str());
        co_return f;
    }
    if (row->node == saved_.chosen->source && row->id == guest()) {
        f.what = place::home;
        f.text = fmt::format("was brought back to {} by somebody else", row->node.str());
        co_return f;
    }
    if (row->node != saved_.target || row->id != guest()) {
        f.what = place::foreign;
        f.text = fmt::format("vmid {} is taken by {} on {}", guest().id.number(), to_string(row->id), row->node.str());
        co_return f;
    }
    const auto config = co_await pve().guest_config(saved_.target, guest());
    if (!config) co_return config.error();
    const bool is_tagged = has_tag(config->get("tags"), generation_tag(saved_.claim));
    const std::string lock = config->get("lock");
    if (is_tagged && lock.empty()) {
        f.what = place::ours_complete;
        f.text = fmt::format("restored on {} as generation {}", saved_.target.str(), saved_.claim);
    } else if (is_tagged || is_ours) {
        f.what = place::ours_broken;
        f.text = has_failed
                     ? newest->exit_text
                     : fmt::format("half-made on {}{}{}", saved_.target.str(), lock.empty() ? "" : ", lock ", lock);
    } else {
        f.what = place::foreign;
        f.text = fmt::format("a guest {} that is not ours is on {}", guest().id.number(), saved_.target.str());
    }
    co_return f;
}

/// A migration of ours that runs already, or a new one; `exists`: the guest is there.
asio::awaitable<result<upid>> worker::begin_migration() {
    const node_name to = bound_for(saved_);
    const node_name from = saved_.at == phase::failing_back ? saved_.target : saved_.chosen->source;
    auto running = co_await running_task(from, guest().type == guest_type::ct ? "vzmigrate" : "qmigrate");
    if (!running || !running->text.empty()) co_return running;
    const facts seen = co_await gather_guest(pve(), guest(), with_.own_user, with_.lead, rules_.accept_weak_fence);
    const auto* row = seen.view ? seen.view->find(guest()) : nullptr;
    if (row == nullptr) co_return fault(errc::io, "migrate", "the cluster's list does not show it now");
    if (row->node == to) co_return fault(errc::exists, "migrate", "it is there");
    if (const auto no = may_touch(seen)) co_return fault(errc::refused, "migrate", no->text);
    const auto node = seen.view->nodes.find(to);
    if (row->node != from || node == seen.view->nodes.end() || node->second.online != true)
        co_return fault(errc::refused, "migrate", fmt::format("{} is not there to take it", to.str()));
    if (node->second.is_in_ha_maintenance)
        co_return fault(errc::refused, "migrate", fmt::format("{} is in maintenance", to.str()));
    auto task = co_await pve().migrate(from, guest(), to);
    co_return task;
}

/// PVE keeps the guest where it is when a migration fails; where it is afterwards is asked, not believed.
asio::awaitable<finished> worker::migrate() {
    auto task = co_await begin_migration();
    if (!task && task.error().code == errc::exists) co_return succeeded("is there");
    finished end = co_await follow(std::move(task), migration_limit, rules_.stall_timeout);
    if (end.how == outcome::failed) co_return end;
    const auto there = co_await pve().guest_config(bound_for(saved_), guest());
    if (there && there->get("lock").empty()) co_return succeeded("migrated");
    co_return not_known(there ? "its migration is not over" : there.error().text());
}

/// A half-made replacement on a node that is proven dead cannot be removed, but it has our vmid: its configuration is
/// parked beside the original's, and its volumes stay where they are.
asio::awaitable<finished> worker::leave_dead_target() {
    finished proof = co_await proven_fenced(saved_.target, "");
    if (proof.how == outcome::failed) co_return not_known(proof.text);  // it is back: look again
    if (proof.how != outcome::ok) co_return not_known(proof.text);
    const auto left = co_await with_.lead->store().read_config(saved_.target, guest());
    if (!left) co_return not_known(left.error().text());
    if (*left) {
        guard::request what = guard_request(guard::verb::park);
        what.source = saved_.target;
        what.digest = sha1_hex(**left);
        what.is_source_gone = true;
        const auto parked = co_await with_.store.park(std::move(what));
        if (!parked) co_return not_known(parked.error().text());
    }
    finished f = failed_with("died before the guest ran there: " + proof.text);
    f.code = "target_gone";
    co_return f;
}

asio::awaitable<finished> worker::look_at_target() {
    if (with_.lead != nullptr && with_.lead->is_gone(saved_.target)) {
        finished gone = co_await leave_dead_target();
        co_return gone;
    }
    const auto found = co_await inspect_target();
    // Whatever kept us from looking says nothing about the target.
    if (!found) co_return not_known(found.error().text());
    finished f;
    f.text = found->text;
    switch (found->what) {
        case place::free: break;
        case place::ours_running: f.code = found->task.text; break;
        case place::ours_complete: f.code = "present"; break;
        case place::ours_broken: f.how = outcome::failed; break;
        case place::home: f.code = "home"; break;
        case place::foreign:
            f.how = outcome::blocked;
            f.code = "vmid_conflict";
            break;
    }
    co_return f;
}

asio::awaitable<finished> worker::restore() {
    const time_point began = time().now();
    result<upid> task = parse_upid(saved_.task);
    if (saved_.task.empty()) {
        pve::restore_order order;
        order.guest = guest();
        order.target = saved_.target;
        order.archive = saved_.chosen->archive->volume;
        order.storage = saved_.chosen->storage;
        order.tags = saved_.chosen->tags;
        order.tags.push_back(generation_tag(saved_.claim));
        task = co_await pve().restore(std::move(order));
    }
    // A restore may take hours; only silence is a failure.
    finished end = co_await follow(task, 24h, rules_.stall_timeout);
    if (end.how == outcome::unknown && task) {
        const auto state = co_await pve().task_status(*task);
        if (state && state->running) {
            const auto stopped = co_await pve().stop_task(*task);
            if (!stopped) co_return not_known(stopped.error().text());
            co_await follow(task, 60s, duration::zero());
            co_return failed_with("the restore made no progress and was stopped: " + end.text);
        }
    }
    // Before the next look, so that a target whose API is silent is not asked in a tight loop.
    if (end.how == outcome::unknown) co_await time().sleep_for(2s);
    if (end.how == outcome::ok)
        end.text = fmt::format("restored on {} in {}", saved_.target.str(), describe_duration(time().now() - began));
    co_return end;
}

asio::awaitable<finished> worker::clean() {
    auto found = co_await inspect_target();
    if (found && found->what == place::ours_running) {
        const auto stopped = co_await pve().stop_task(found->task);
        if (!stopped) co_return from_fault(stopped.error());
        result<upid> task = found->task;
        co_await follow(std::move(task), 60s, duration::zero());
        found = co_await inspect_target();
    }
    if (!found) co_return not_known(found.error().text());
    if (found->what == place::free) co_return succeeded("nothing is left on " + saved_.target.str());
    if (found->what == place::foreign || found->what == place::ours_running || found->what == place::home)
        co_return failed_with(found->text);

    const auto status = co_await pve().guest_status(saved_.target, guest());
    if (!status && status.error().code == errc::not_found)
        co_return succeeded("nothing is left on " + saved_.target.str());
    if (!status) co_return from_fault(status.error());
    if (status->status != model::run_state::stopped) {
        // Whatever we believed: it runs, it is ours, and it is the only copy that does (reliability I8).
        finished f = succeeded(fmt::format("runs on {} after all", saved_.target.str()));
        f.code = "running";
        co_return f;
    }
    finished freed;
    if (status->lock == "create") freed = co_await unlock_left_behind();
    if (freed.how != outcome::ok) co_return freed;
    auto posted = co_await pve().destroy(saved_.target, guest());
    finished gone = co_await follow(std::move(posted), 120s, duration::zero());
    if (gone.how == outcome::ok)
        gone.text = fmt::format("removed our half-made copy from {}{}", saved_.target.str(), freed.text);
    co_return gone;
}

asio::awaitable<finished> worker::start() {
    auto up = co_await start_on(saved_.target);
    co_return up;
}

}  // namespace steward::failover::detail
