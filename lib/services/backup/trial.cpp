#include "services/backup/trial.hpp"

#include "core/backup/archives.hpp"
#include "core/handover/config_text.hpp"
#include "pve/task.hpp"
#include "services/backup/inventory.hpp"
#include "services/backup/trial_place.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::backup {
namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr duration longest_restore = 24h;
constexpr duration longest_silence = 1h;
constexpr duration power_limit = 2min;
/// What runs for so long, and cannot be asked, is taken to work: an init that fails has ended by then.
constexpr duration until_trusted = 15s;

std::string tag_for(guest_id guest) { return trial_tag + to_string(guest.id); }

asio::awaitable<result<void>> end_of(pve::client& pve, upid task, duration limit, duration silence) {
    pve::task_limits limits;
    limits.deadline = pve.time().now() + limit;
    limits.stall = silence;
    const auto end = co_await pve::follow_task(pve, std::move(task), limits, pve::task_progress());
    if (!end) co_return end.error();
    if (end->ok) co_return result<void>();
    std::string why = end->text;
    for (const std::string& line : end->tail) why += "\n    " + line;
    co_return fault(errc::task_failed, "", std::move(why));
}

}  // namespace

bool is_trial_copy(const model::guest_row& guest) {
    // Whoever restores a backup of a copy under the original's number has no copy any more.
    return std::any_of(guest.tags.begin(), guest.tags.end(),
                       [&](const auto& t) { return t.starts_with(trial_tag) && t != tag_for(guest.id); });
}

std::vector<model::guest_row> left_copies(const model::cluster_view& view) {
    std::vector<model::guest_row> all;
    for (const auto& [id, row] : view.guests)
        if (is_trial_copy(row)) all.push_back(row);
    return all;
}

bool trial::ends(trial_end how, std::string text) {
    report_.end = how;
    report_.text = std::move(text);
    return false;
}

asio::awaitable<result<void>> trial::follow(upid task, duration limit) {
    task_ = task;
    if (is_stopped_) co_await stop();  // it was asked to while PVE had not answered yet
    auto end = co_await end_of(pve_, std::move(task), limit, longest_silence);
    task_.reset();
    co_return end;
}

asio::awaitable<void> trial::stop() {
    is_stopped_ = true;
    if (!task_) co_return;
    // A restore that is interrupted removes what it has made (pve-facts G.6).
    const auto asked = co_await pve_.stop_task(*task_);
    if (!asked) say_("the task under way cannot be stopped (" + asked.error().text() + "): it is waited for");
}

/// Which archive, where to, and whether we may: nothing is changed yet.
asio::awaitable<bool> trial::prepare() {
    auto view = co_await pve_.look();
    if (!view) co_return ends(trial_end::unseen, view.error().text());
    view_ = std::move(*view);
    storage_id any;
    inventory all = co_await take_inventory(pve_, view_, std::move(any));
    const auto known = all.by_guest.find(asked_.guest);
    const model::backup* newest = nullptr;
    if (known != all.by_guest.end())
        for (const model::backup& b : known->second)
            if (newest == nullptr && is_good(b)) newest = &b;
    if (newest == nullptr && !all.problems.empty()) co_return ends(trial_end::unseen, all.problems.front());
    if (newest == nullptr)
        co_return ends(trial_end::refused, "there is no good backup of " + to_string(asked_.guest) +
                                               " that our token may see (VM.Backup, Datastore.AllocateSpace)");
    archive_ = *newest;
    report_.archive = archive_.volume;
    auto inside = co_await pve_.archived_config(node_for(view_, archive_), archive_.volume);
    if (!inside)
        co_return ends(trial_end::broken, archive_.volume.str() + " cannot be opened: " + inside.error().text());
    inside_ = std::move(*inside);
    if (std::string why = reaches_outside(asked_.guest, inside_); !why.empty())
        co_return ends(trial_end::refused, std::move(why));
    const trial_place place = place_for(view_, asked_, archive_, inside_);
    if (place.node.empty()) co_return ends(trial_end::refused, "no node can take the copy: " + place.why);
    report_.node = place.node;
    asked_.storage = place.storage;
    const auto free = co_await pve_.free_vmid();
    if (!free) co_return ends(trial_end::unseen, free.error().text());
    report_.copy = guest_id(asked_.guest.type, *free);
    std::string missing = co_await missing_rights();
    if (!missing.empty()) co_return ends(trial_end::refused, std::move(missing));
    co_return true;
}

asio::awaitable<std::string> trial::missing_rights() {
    trial_place where;
    where.node = report_.node;
    where.storage = asked_.storage;
    std::string missing;
    for (const needed_right& r : rights_for(asked_.guest, report_.copy.id, where, archive_, inside_)) {
        const auto held = co_await pve_.privileges(r.path);
        if (!held) co_return held.error().text();
        const bool is_held =
            std::any_of(r.any_of.begin(), r.any_of.end(), [&](const std::string& p) { return held->contains(p); });
        if (!is_held) missing += fmt::format("{}{} on {}", missing.empty() ? "" : ", ", r.any_of.front(), r.path);
    }
    if (missing.empty()) co_return missing;
    co_return "our token lacks " + missing + ": grant it (pveum acl modify)";
}

asio::awaitable<bool> trial::restore() {
    say_(fmt::format("restoring {} as {} on {}", archive_.volume.str(), to_string(report_.copy), report_.node.str()));
    pve::restore_order order;
    order.guest = report_.copy;
    order.target = report_.node;
    order.archive = archive_.volume;
    order.storage = asked_.storage;
    order.tags = {tag_for(asked_.guest)};
    order.is_copy = true;
    const time_point began = pve_.time().now();
    report_.is_left = true;  // from here on it may be there, whatever PVE answers
    auto task = co_await pve_.restore(std::move(order));
    if (!task) co_return ends(trial_end::unseen, "the restore could not be begun: " + task.error().text());
    const auto done = co_await follow(std::move(*task), longest_restore);
    if (is_stopped_) co_return false;
    if (!done) co_return ends(trial_end::broken, "the restore failed: " + done.error().text());
    report_.restore = pve_.time().now() - began;
    co_return true;
}

/// Two guests with one address would be worse than no trial: what was written is read again before anything starts.
asio::awaitable<bool> trial::isolate() {
    const auto cut = co_await pve_.cut_off(report_.node, report_.copy);
    if (!cut) co_return ends(trial_end::unseen, "its network links could not be taken down: " + cut.error().text());
    const auto config = co_await pve_.guest_config(report_.node, report_.copy);
    if (!config) co_return ends(trial_end::unseen, config.error().text());
    if (!is_cut_off(*config))
        co_return ends(trial_end::unseen,
                       "a network link of the copy is still up after it was taken down: not started");
    co_return true;
}

asio::awaitable<bool> trial::start() {
    say_(fmt::format("starting {} with its links down", to_string(report_.copy)));
    auto task = co_await pve_.start(report_.node, report_.copy);
    if (!task) co_return ends(trial_end::unseen, "it could not be started: " + task.error().text());
    const auto done = co_await follow(std::move(*task), power_limit);
    if (is_stopped_) co_return false;
    if (!done) co_return ends(trial_end::broken, "it does not start: " + done.error().text());
    co_return true;
}

/// The agent of a virtual machine that has one; of anything else that it runs on.
asio::awaitable<bool> trial::wait_until_it_answers() {
    const bool can_ask = asked_.guest.type == guest_type::ct || has_agent(inside_);
    const time_point began = pve_.time().now();
    std::string last = "it does not run";
    while (!is_stopped_ && pve_.time().now() - began < asked_.limit) {
        const auto status = co_await pve_.guest_status(report_.node, report_.copy);
        const bool runs = status && status->status == model::run_state::running;
        if (!status) last = status.error().text();
        if (status && !runs) co_return ends(trial_end::broken, "it was started, and does not run any more");
        if (runs && (status->detail == "io-error" || status->detail == "internal-error"))
            co_return ends(trial_end::broken, "it stands still: " + status->detail);
        result<void> answer = fault(errc::unsupported, "", "it cannot be asked");
        if (runs && can_ask) answer = co_await pve_.ask_inside(report_.node, report_.copy);
        report_.up = pve_.time().now() - began;
        if (runs && !answer) last = answer.error().text();
        // An init that fails takes a moment for it, and a container has interfaces before that.
        const bool is_trusted = report_.up >= until_trusted;
        const bool cannot_tell = !answer && answer.error().code == errc::unsupported;
        if (runs && is_trusted && (answer || cannot_tell)) co_return true;
        if (runs && answer && asked_.guest.type == guest_type::vm) co_return true;
        co_await pve_.time().sleep_for(1s);
    }
    if (is_stopped_) co_return false;
    co_return ends(trial_end::broken,
                   fmt::format("nothing in it answered within {}: {}", format_duration(asked_.limit), last));
}

/// Where the forecast finds it: the number of the copy says nothing about whose restore that was.
asio::awaitable<void> trial::remember() {
    model::archive_stamp stamp = archive_.stamp;
    stamp.verified = pve_.time().wall_now();
    stamp.restore_took = std::chrono::ceil<std::chrono::seconds>(report_.restore);
    const auto done = co_await pve_.stamp_archive(node_for(view_, archive_), archive_.volume, stamp);
    if (!done) say_("that could not be written into the archive's notes: " + done.error().text());
}

asio::awaitable<trial_report> trial::run() {
    bool is_good = co_await prepare();
    if (is_good && !is_stopped_) is_good = co_await restore();
    if (is_good && !is_stopped_) is_good = co_await isolate();
    if (is_good && !is_stopped_) is_good = co_await start();
    if (is_good && !is_stopped_) is_good = co_await wait_until_it_answers();
    if (is_stopped_)
        ends(trial_end::stopped, "it was interrupted");
    else if (is_good)
        ends(trial_end::works, fmt::format("restored in {}, works after {}", describe_duration(report_.restore),
                                           describe_duration(report_.up)));
    if (is_good && !is_stopped_) co_await remember();
    const bool has_restored = report_.restore > duration::zero();
    if (!report_.is_left || (asked_.keeps && has_restored && !is_stopped_)) co_return report_;
    say_("destroying " + to_string(report_.copy));
    const auto gone = co_await destroy_copy(pve_, report_.node, report_.copy);
    report_.is_left = !gone;
    if (!gone) report_.text += "; the copy could not be destroyed: " + gone.error().text();
    co_return report_;
}

asio::awaitable<result<void>> destroy_copy(pve::client& pve, node_name node, guest_id copy) {
    constexpr int tries = 3;
    result<void> last;
    for (int i = 0; i < tries; ++i) {
        if (i > 0) co_await pve.time().sleep_for(3s);
        const auto config = co_await pve.guest_config(node, copy);
        if (!config && config.error().code == errc::not_found) co_return result<void>();
        last = config ? result<void>() : result<void>(config.error());
        if (!config) continue;
        // Somebody else may have taken the number meanwhile.
        const std::string tags = config->get("tags");
        if (tags.find(trial_tag) == std::string::npos || handover::has_tag(tags, tag_for(copy)))
            co_return fault(errc::refused, to_string(copy),
                            "it does not carry the tag " + std::string(trial_tag) + "…");
        const auto status = co_await pve.guest_status(node, copy);
        if (status && status->status == model::run_state::running) {
            auto stopping = co_await pve.stop(node, copy);
            last = stopping ? result<void>() : result<void>(stopping.error());
            if (stopping) last = co_await end_of(pve, std::move(*stopping), power_limit, duration::zero());
            if (!last) continue;
        }
        auto task = co_await pve.destroy(node, copy);
        last = task ? result<void>() : result<void>(task.error());
        if (task) last = co_await end_of(pve, std::move(*task), longest_silence, duration::zero());
        if (last) co_return last;
    }
    co_return last;
}

}  // namespace steward::backup
