#include "services/failover/operations.hpp"

#include "services/failover/gather.hpp"
#include "services/failover/operation_parts.hpp"
#include "services/leadership/leadership.hpp"

#include <fmt/core.h>

namespace steward::failover {
namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

/// How long a guest that somebody else has locked is waited for before a person is called.
constexpr duration others_work = 30min;

}  // namespace

namespace detail {

finished succeeded(std::string text) {
    finished f;
    f.text = std::move(text);
    return f;
}

finished failed_with(std::string text) {
    finished f;
    f.how = outcome::failed;
    f.text = std::move(text);
    return f;
}

finished not_known(std::string text) {
    finished f;
    f.how = outcome::unknown;
    f.text = std::move(text);
    return f;
}

finished from_fault(const fault& f) {
    switch (f.code) {
        // The world refused; nothing happened.
        case errc::forbidden:
        case errc::bad_request:
        case errc::unsupported:
        case errc::not_found:
        case errc::exists:
        case errc::locked:
        case errc::changed:
        case errc::task_failed:
        case errc::refused:
        case errc::invalid:
        case errc::unavailable: return failed_with(f.text());
        // We could not look, could not ask, or lost the answer.
        case errc::not_delivered:
        case errc::timed_out:
        case errc::untrusted:
        case errc::outcome_unknown:
        case errc::garbage:
        case errc::unauthorized:
        case errc::no_quorum:
        case errc::dry_run:
        case errc::io: break;
    }
    return not_known(f.text());
}

asio::awaitable<finished> worker::follow(result<upid> posted, duration limit, duration stall) {
    if (!posted) co_return from_fault(posted.error());
    if (news_.task_started) news_.task_started(*posted);
    pve::task_limits limits;
    limits.deadline = time().now() + limit;
    limits.stall = stall;
    if (stall != duration::zero()) limits.moved = [this] { return free_where_it_goes(); };
    auto end = co_await pve::follow_task(pve(), *posted, std::move(limits), news_.progress);
    if (!end) {
        // A task whose log is gone has ended, somehow; and one that overran may still end.
        co_return not_known(end.error().text());
    }
    if (!end->ok) co_return failed_with(end->text);
    co_return succeeded(end->text);
}

/// Of the storage that a restore or a migration fills; a hundred others may use it as well, but then it is in use.
asio::awaitable<std::optional<std::uint64_t>> worker::free_where_it_goes() {
    const auto view = co_await pve().look();
    const auto* there = view ? view->find(bound_for(saved_), saved_.chosen->storage) : nullptr;
    if (there == nullptr) co_return std::nullopt;
    co_return there->free_bytes;
}

asio::awaitable<finished> worker::settle(node_name node, model::run_state wanted, duration limit) {
    const time_point deadline = time().now() + limit;
    std::string last = "no answer";
    for (;;) {
        const auto status = co_await pve().guest_status(node, guest());
        if (status && status->status == wanted) co_return succeeded("");
        if (!status && status.error().code == errc::not_found) co_return failed_with(status.error().text());
        if (status) last = status->status == model::run_state::running ? "it is running" : "it is stopped";
        if (!status) last = status.error().text();
        if (time().now() >= deadline) break;
        co_await time().sleep_for(200ms);
    }
    co_return not_known(last);
}

asio::awaitable<finished> worker::start_on(node_name node) {
    const auto before = co_await pve().guest_status(node, guest());
    if (!before) co_return from_fault(before.error());
    if (before->status == model::run_state::running) co_return succeeded(fmt::format("runs on {}", node.str()));
    auto running = co_await running_task(node, guest().type == guest_type::ct ? "vzstart" : "qmstart");
    if (!running) co_return from_fault(running.error());
    result<upid> task = fault();
    if (running->text.empty())
        task = co_await pve().start(node, guest());
    else
        task = *running;
    finished end = co_await follow(std::move(task), rules_.start_timeout, duration::zero());
    if (end.how == outcome::failed) co_return end;
    // Also after an unknown outcome: what counts is whether it runs.
    finished is_up = co_await settle(node, model::run_state::running, 10s);
    if (is_up.how != outcome::ok) co_return not_known(end.how == outcome::ok ? is_up.text : end.text);
    co_return succeeded(fmt::format("started on {}", node.str()));
}

asio::awaitable<finished> worker::shut_down(node_name node) {
    auto posted = co_await pve().shutdown(node, guest(), rules_.stop_timeout);
    finished asked = co_await follow(std::move(posted), rules_.stop_timeout + 30s, duration::zero());
    if (asked.how == outcome::ok) co_return asked;
    const auto status = co_await pve().guest_status(node, guest());
    if (status && status->status == model::run_state::stopped) co_return succeeded("stopped");
    auto forced = co_await pve().stop(node, guest());
    finished end = co_await follow(std::move(forced), rules_.stop_timeout, duration::zero());
    if (end.how != outcome::ok) end.text = fmt::format("shutdown: {}; stop: {}", asked.text, end.text);
    co_return end;
}

/// Stopped counts only when the guest's own status and the node's list agree (reliability §3.1 `stopping`).
asio::awaitable<finished> worker::verified_stopped(node_name node) {
    const auto status = co_await pve().guest_status(node, guest());
    if (!status) co_return from_fault(status.error());
    const auto listed = co_await pve().listed_state(node, guest());
    if (!listed) co_return from_fault(listed.error());
    if (status->status == model::run_state::stopped && *listed == model::run_state::stopped)
        co_return succeeded(fmt::format("proven stopped on {} by its status and the node's list", node.str()));
    co_return failed_with("PVE does not say twice that it is stopped");
}

/// What a previous life of this daemon (or anybody) has started is waited for, not repeated beside it. Empty: nothing.
asio::awaitable<result<upid>> worker::running_task(node_name node, std::string type) {
    const auto tasks = co_await pve().tasks_of(node, guest().id);
    if (!tasks) co_return tasks.error();
    for (const pve::task_row& t : *tasks)
        if (t.running && t.id.type == type) co_return t.id;
    co_return upid();
}

asio::awaitable<finished> worker::restart() {
    const facts seen = co_await gather_guest(pve(), guest(), with_.own_user, with_.lead, rules_.accept_weak_fence);
    if (!may_touch(seen) && !seen.status) {
        finished f;
        f.how = outcome::blocked;
        f.code = "node_away";
        f.text = fmt::format("{} cannot be reached", seen.view->find(guest())->node.str());
        co_return f;
    }
    if (const auto no = may_touch(seen)) {
        finished f;
        f.how = outcome::blocked;
        f.code = no->code;
        f.text = no->text;
        co_return f;
    }
    const node_name node = seen.view->find(guest())->node;
    if (seen.status->status == model::run_state::running) {
        const duration since_decision = time().wall_now() - saved_.since;
        const bool is_fresh = is_resumed_ && seen.status->uptime <= since_decision;
        if (is_fresh) co_return succeeded(fmt::format("restarted on {}", node.str()));
        finished down = co_await shut_down(node);
        if (down.how != outcome::ok) co_return down;
    }
    finished up = co_await start_on(node);
    if (up.how == outcome::ok) up.text = fmt::format("restarted on {}", node.str());
    co_return up;
}

asio::awaitable<finished> worker::claim() {
    const std::string name = fmt::format("fo.{}.{}", guest().id.number(), saved_.claim);
    const auto mine = co_await with_.store.claim(name);
    if (!mine) co_return from_fault(mine.error());
    // After a crash the name may be there because we took it; the record says that this hand-over is ours.
    if (!*mine && !is_resumed_) co_return failed_with("somebody else has claimed this hand-over (" + name + ")");
    co_return succeeded("claimed");
}

asio::awaitable<finished> worker::stop() {
    finished before;
    const bool is_backed_up = rules_.before != fresh_backup::off && saved_.chosen->how == strategy::restore;
    if (is_backed_up) before = co_await back_up();
    if (before.how != outcome::ok) co_return before;
    finished end = co_await stop_at_home();
    end.fresh = std::move(before.fresh);
    end.warning = std::move(before.warning);
    co_return end;
}

asio::awaitable<finished> worker::stop_at_home() {
    const node_name source = saved_.chosen->source;
    const bool is_ct = guest().type == guest_type::ct;
    for (const std::string& type :
         {std::string(is_ct ? "vzshutdown" : "qmshutdown"), std::string(is_ct ? "vzstop" : "qmstop")}) {
        auto running = co_await running_task(source, type);
        if (!running || running->text.empty()) continue;
        co_await follow(std::move(running), rules_.stop_timeout + 30s, duration::zero());
    }
    const auto before = co_await pve().guest_status(source, guest());
    if (!before) co_return from_fault(before.error());
    if (before->ha_managed) co_return failed_with("it is managed by Proxmox HA now");
    if (!before->lock.empty()) co_return failed_with("PVE has locked it: " + before->lock);
    if (before->status != model::run_state::stopped) {
        finished down = co_await shut_down(source);
        if (down.how == outcome::failed) co_return down;
        // ok or unknown: the proof below decides.
    }
    auto proof = co_await verified_stopped(source);
    co_return proof;
}

asio::awaitable<finished> worker::fence() {
    finished end = co_await proven_fenced(saved_.chosen->source, saved_.chosen->source_boot);
    co_return end;
}

/// Looks every second, because the node may come back any time.
asio::awaitable<finished> worker::proven_fenced(node_name source, std::string boot_at_claim) {
    if (with_.lead == nullptr) co_return failed_with("no other daemon watches " + source.str());
    for (;;) {
        fencing::evidence seen = co_await with_.lead->evidence(source, guest(), rules_.accept_weak_fence);
        seen.boot_at_claim = boot_at_claim;
        const fencing::verdict v = fencing::judge(seen);
        if (v.given == fencing::proof::reboot || seen.is_member)
            co_return failed_with(fmt::format("{} is back", source.str()));
        finished f;
        f.text = v.text;
        f.code = v.given ? fencing::name_of(*v.given) : v.code;
        if (v.given) co_return f;
        if (!v.code.empty()) {
            f.how = outcome::blocked;
            if (v.code == "no_fence" && !seen.agent_failure.empty()) f.code = "fence_failed";
            co_return f;
        }
        if (news_.progress) news_.progress(v.text);
        if (fencing::wants_agent(seen)) {
            // What came of it is seen in the next round; a node with a watchdog is proven dead without it as well.
            const auto off = co_await with_.lead->switch_off(source);
            (void)off;
        }
        co_await time().sleep_for(1s);
    }
}

guard::request worker::guard_request(guard::verb what) const {
    guard::request r;
    r.what = what;
    r.guest = saved_.guest;
    r.source = saved_.chosen->source;
    r.generation = saved_.claim;
    r.digest = saved_.chosen->digest;
    r.is_source_gone = saved_.chosen->is_source_gone;
    return r;
}

/// Whether a source that was proven dead has come back since, with nothing moved yet: then its guest runs there again.
asio::awaitable<result<bool>> worker::is_home_again() {
    const node_name source = saved_.chosen->source;
    fencing::evidence seen = co_await with_.lead->evidence(source, guest(), rules_.accept_weak_fence);
    seen.boot_at_claim = saved_.chosen->source_boot;
    const fencing::verdict v = fencing::judge(seen);
    if (v.given != fencing::proof::reboot && !seen.is_member) co_return false;
    // It may have been moved before whoever led until now went away.
    const auto home = co_await with_.lead->store().read_config(source, guest());
    if (!home) co_return home.error();
    co_return home->has_value();
}

/// That it was stopped may be long ago: whoever led then went away, and its node has booted since and started it
/// again. Of a node that is away now nothing can be read, and nothing starts there before it sees what was moved.
asio::awaitable<finished> worker::still_stopped() {
    const node_name source = saved_.chosen->source;
    const auto status = co_await pve().guest_status(source, guest());
    if (status && status->status == model::run_state::running)
        co_return failed_with(fmt::format("it runs on {} again, where somebody has started it", source.str()));
    if (status && status->status == model::run_state::unknown) co_return not_known("whether it runs is not known");
    // Without a configuration there it has been moved already.
    if (status || status.error().code == errc::not_found) co_return succeeded("");
    const auto view = co_await pve().look();
    if (!view) co_return not_known(view.error().text());
    const auto node = view->nodes.find(source);
    const bool is_away = node == view->nodes.end() || node->second.online == false;
    if (!is_away) co_return not_known(status.error().text());
    co_return succeeded("");
}

asio::awaitable<finished> worker::isolate() {
    finished f;
    if (!saved_.chosen->is_source_gone) {
        finished stopped = co_await still_stopped();
        if (stopped.how != outcome::ok) co_return stopped;
    }
    if (saved_.chosen->is_source_gone && with_.lead != nullptr) {
        const auto is_back = co_await is_home_again();
        if (!is_back) co_return not_known(is_back.error().text());
        if (*is_back)
            co_return failed_with(
                fmt::format("{} is back, and the guest is its own again", saved_.chosen->source.str()));
    }
    if (saved_.chosen->how == strategy::relocate) {
        guard::request what = guard_request(guard::verb::relocate);
        what.target = saved_.target;
        const auto moved = co_await with_.store.relocate(std::move(what));
        if (!moved) co_return from_fault(moved.error());
        co_return f;
    }
    guard::request what = guard_request(guard::verb::park);
    const auto path = co_await with_.store.park(std::move(what));
    if (!path) co_return from_fault(path.error());
    f.parked_path = *path;
    co_return f;
}

asio::awaitable<finished> worker::roll_back() {
    const node_name home = saved_.chosen->source;
    if (!saved_.parked_path.empty()) {
        guard::request what = guard_request(guard::verb::unpark);
        const auto back = co_await with_.store.unpark(std::move(what));
        if (!back) co_return from_fault(back.error());
    } else if (saved_.chosen->how == strategy::relocate) {
        const auto away = co_await pve().guest_config(saved_.target, guest());
        if (away) {
            const auto status = co_await pve().guest_status(saved_.target, guest());
            if (!status) co_return from_fault(status.error());
            if (status->status != model::run_state::stopped) {
                finished f = succeeded(fmt::format("runs on {} after all", saved_.target.str()));
                f.code = "running";
                co_return f;
            }
            guard::request what = guard_request(guard::verb::relocate);
            what.source = saved_.target;
            what.target = home;
            what.digest = away->digest;
            const auto back = co_await with_.store.relocate(std::move(what));
            if (!back) co_return from_fault(back.error());
        } else if (away.error().code != errc::not_found) {
            co_return from_fault(away.error());
        }
    }
    auto up = co_await start_at_home();
    co_return up;
}

/// Somebody else may have destroyed or moved it meanwhile, or be about to: then it is his, if nothing of it is parked.
asio::awaitable<finished> worker::start_at_home() {
    const node_name home = saved_.chosen->source;
    finished up = co_await start_on(home);
    if (up.how != outcome::failed || !saved_.parked_path.empty()) co_return up;
    const auto status = co_await pve().guest_status(home, guest());
    if (!status && status.error().code == errc::not_found) {
        finished gone = succeeded(
            fmt::format("{} was destroyed or moved away from {} by somebody else", to_string(guest()), home.str()));
        gone.code = "gone";
        co_return gone;
    }
    const bool is_worked_on = status && !status->lock.empty();
    const bool is_patient = time().wall_now() - saved_.since < others_work;
    if (is_worked_on && is_patient) co_return not_known(up.text);
    co_return up;
}

}  // namespace detail

asio::awaitable<finished> carry_out(operation_context& with, operation what, record saved, policy rules,
                                    bool is_resumed, operation_news news) {
    detail::worker w(with, std::move(saved), std::move(rules), is_resumed, std::move(news));
    finished end;
    switch (what) {
        case operation::restart: end = co_await w.restart(); break;
        case operation::claim: end = co_await w.claim(); break;
        case operation::stop: end = co_await w.stop(); break;
        case operation::fence: end = co_await w.fence(); break;
        case operation::isolate: end = co_await w.isolate(); break;
        case operation::look_at_target: end = co_await w.look_at_target(); break;
        case operation::restore: end = co_await w.restore(); break;
        case operation::clean: end = co_await w.clean(); break;
        case operation::start: end = co_await w.start(); break;
        case operation::migrate: end = co_await w.migrate(); break;
        case operation::roll_back: end = co_await w.roll_back(); break;
        case operation::none:
        case operation::plan_move:
        case operation::preflight: break;
    }
    co_return end;
}

}  // namespace steward::failover
