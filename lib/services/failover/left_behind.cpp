#include "core/handover/handover.hpp"
#include "services/failover/operation_parts.hpp"

#include <algorithm>
#include <fmt/core.h>

/// A restore whose worker was killed cleans nothing up: its guest stays locked (create), and PVE does not remove what
/// is locked; its disks are there, but no configuration names them (pve-facts G.6).
namespace steward::failover::detail {
namespace asio = boost::asio;
using namespace std::chrono_literals;
namespace {

/// What writes `lock: create` for a vmid that nobody has.
bool makes_guests(const std::string& type) {
    return type == "vzrestore" || type == "qmrestore" || type == "vzcreate" || type == "qmcreate";
}

/// Whether an original that was parked on that node names it.
bool is_retained(const std::vector<stored_record>& parked, const node_name& node, const volid& volume) {
    return std::any_of(parked.begin(), parked.end(), [&](const stored_record& p) {
        const auto parts = handover::parse_parked_name(p.name);
        return parts && parts->source == node && p.text.find(volume.str()) != std::string::npos;
    });
}

bool names(const model::guest_config& config, const volid& volume) {
    return std::any_of(config.values.begin(), config.values.end(), [&](const auto& option) {
        return option.second.substr(0, option.second.find(',')) == volume.str();
    });
}

}  // namespace

/// The lock goes only when no task of that vmid is left there and we were the last to make it; the guard looks at the
/// file and the record itself.
asio::awaitable<finished> worker::unlock_left_behind() {
    const auto tasks = co_await pve().tasks_of(saved_.target, guest().id);
    if (!tasks) co_return not_known(tasks.error().text());
    const pve::task_row* maker = nullptr;
    for (const pve::task_row& t : *tasks) {
        if (t.running) co_return not_known(fmt::format("{} works on it on {}", t.id.user, saved_.target.str()));
        if (!maker && makes_guests(t.id.type)) maker = &t;
    }
    const bool is_ours =
        maker && maker->id.user == with_.own_user && maker->id.started + clock_slack >= saved_.attempt_since;
    if (!is_ours) co_return failed_with("it is locked (create), and not by a restore of ours");
    const auto left = co_await pve().guest_config(saved_.target, guest());
    if (!left) co_return not_known(left.error().text());
    // Before the lock goes: as long as it is there the next leader knows that something was left.
    std::string left_disks = co_await free_left_disks(*left, maker->id.started);
    guard::request what = guard_request(guard::verb::unlock);
    what.target = saved_.target;
    what.digest = left->digest;
    const auto unlocked = co_await with_.store.unlock(std::move(what));
    if (!unlocked) co_return from_fault(unlocked.error());
    co_return succeeded(std::move(left_disks));
}

/// Those that were made there for this vmid since that task began, by the clock of the same node, on a storage that no
/// other node has: nobody else could make them. What is kept of an original is older, and named by what was parked;
/// what the guest itself names PVE removes with it. Says what is left all the same.
asio::awaitable<std::string> worker::free_left_disks(model::guest_config named, wall_time since) {
    const std::string left = "; the disks that it had begun may be left there";
    const auto view = co_await pve().look();
    const auto* storage = view ? view->find(saved_.target, saved_.chosen->storage) : nullptr;
    if (storage == nullptr || storage->shared) co_return left;
    const auto parked = co_await with_.store.load_parked();
    if (!parked) co_return left;
    const auto disks = co_await pve().disks(saved_.target, saved_.chosen->storage, guest());
    if (!disks) co_return left;
    bool is_all_gone = !disks->empty();
    for (const model::disk& d : *disks) {
        if (d.created < since || is_retained(*parked, saved_.target, d.volume) || names(named, d.volume)) continue;
        auto task = co_await pve().free_disk(saved_.target, d.volume);
        const finished freed = co_await follow(std::move(task), 60s, duration::zero());
        if (freed.how != outcome::ok) is_all_gone = false;
    }
    co_return is_all_gone ? std::string() : left;
}

}  // namespace steward::failover::detail
