#include "services/failover/gather.hpp"

#include "base/sha1.hpp"
#include "pve/model_of.hpp"
#include "services/failover/archives.hpp"
#include "services/leadership/leadership.hpp"

#include <algorithm>
#include <array>

namespace steward::failover {
namespace asio = boost::asio;
namespace {

bool is_stop(const std::string& type) {
    constexpr std::array<std::string_view, 6> types{"vzstop",     "vzshutdown", "qmstop",
                                                    "qmshutdown", "hastop",     "vzsuspend"};
    return std::find(types.begin(), types.end(), type) != types.end();
}

bool is_start(const std::string& type) {
    constexpr std::array<std::string_view, 5> types{"vzstart", "qmstart", "vzreboot", "qmreboot", "hastart"};
    return std::find(types.begin(), types.end(), type) != types.end();
}

/// The newest successful power task decides: a stop by somebody else was meant.
std::string who_stopped(const std::vector<pve::task_row>& newest_first, const std::string& own_user) {
    for (const pve::task_row& t : newest_first) {
        if (t.running || t.exit_text != "OK") continue;
        if (is_start(t.id.type)) return {};
        if (is_stop(t.id.type)) return t.id.user == own_user ? std::string() : t.id.user;
    }
    return {};
}

asio::awaitable<void> gather_privileges(pve::client& pve, const policy& rules, facts& into) {
    for (const std::string& path : acl_paths(into, rules)) {
        auto held = co_await pve.privileges(path);
        if (held)
            into.privileges.emplace(path, std::move(*held));
        else
            into.problems.push_back(held.error().text());
    }
}

/// Nobody can be asked on that node.
asio::awaitable<void> look_from_afar(const leadership& lead, node_name node, bool accepts_weak_fence, facts& into) {
    into.source = co_await lead.evidence(node, into.guest, accepts_weak_fence);
    const auto config = co_await lead.store().read_config(node, into.guest);
    if (!config) into.problems.push_back(config.error().text());
    if (!config || !*config) co_return;
    into.config = pve::parse_config_text(**config);
    into.config->digest = sha1_hex(**config);  // what PVE would say (pve-facts F.4)
}

/// Archives, our rights, and whether a configuration can be moved.
asio::awaitable<void> gather_rest(pve::client& pve, cluster_store& store, const policy& rules, facts& into) {
    co_await gather_backups(pve, rules, into);
    co_await open_archives(pve, into, archives_opened);
    co_await gather_privileges(pve, rules, into);
    const auto parking = co_await store.check_parking();
    if (!parking) into.parking_problem = parking.error().text();
}

}  // namespace

asio::awaitable<facts> gather_guest(pve::client& pve, guest_id guest, std::string own_user, leadership* lead,
                                    bool accepts_weak_fence) {
    facts seen;
    seen.guest = guest;
    seen.now = pve.time().wall_now();
    auto view = co_await pve.look();
    if (!view) {
        seen.problems.push_back(view.error().text());
        co_return seen;
    }
    seen.view = std::move(*view);
    // It may be newer than what its daemon knows: a node that is just back is not taken for one that was never away.
    if (lead != nullptr) lead->see_members(*seen.view);
    const auto* row = seen.view->find(guest);
    if (!row) co_return seen;
    const auto node = seen.view->nodes.find(row->node);
    const bool is_removed = node == seen.view->nodes.end() && lead != nullptr && lead->is_gone(row->node);
    const bool is_gone = is_removed || (node != seen.view->nodes.end() && node->second.online == false);
    if (is_gone && lead != nullptr) {
        co_await look_from_afar(*lead, row->node, accepts_weak_fence, seen);
        co_return seen;
    }

    auto status = co_await pve.guest_status(row->node, guest);
    if (!status) {
        seen.problems.push_back(status.error().text());
        co_return seen;
    }
    auto config = co_await pve.guest_config(row->node, guest);
    if (!config) {
        seen.problems.push_back(config.error().text());
        co_return seen;
    }
    if (status->status == model::run_state::stopped) {
        const auto tasks = co_await pve.tasks_of(row->node, guest.id);
        if (!tasks) {
            // Without the task list a planned stop cannot be told from a crash.
            seen.problems.push_back(tasks.error().text());
            co_return seen;
        }
        seen.stopped_by = who_stopped(*tasks, own_user);
    }
    seen.status = std::move(*status);
    seen.config = std::move(*config);
    co_return seen;
}

asio::awaitable<facts> gather_facts(pve::client& pve, cluster_store& store, guest_id guest, policy rules,
                                    std::string own_user, leadership* lead) {
    facts seen = co_await gather_guest(pve, guest, std::move(own_user), lead, rules.accept_weak_fence);
    if (!seen.view || !seen.config) co_return seen;
    co_await gather_rest(pve, store, rules, seen);
    co_return seen;
}

asio::awaitable<facts> gather_facts_as_if_dead(pve::client& pve, cluster_store& store, guest_id guest, policy rules,
                                               std::string own_user, leadership* lead) {
    facts seen = co_await gather_guest(pve, guest, std::move(own_user), lead, rules.accept_weak_fence);
    if (!seen.view || !seen.config) co_return seen;
    const node_name home = seen.view->find(guest)->node;
    seen.status.reset();
    seen.stopped_by.clear();
    if (const auto node = seen.view->nodes.find(home); node != seen.view->nodes.end()) node->second.online = false;
    fencing::evidence dead;
    dead.node = home;
    dead.gone_for = fencing::timing::take;
    if (lead != nullptr) dead = lead->evidence_once_dead(home, rules.accept_weak_fence);
    seen.source = std::move(dead);
    co_await gather_rest(pve, store, rules, seen);
    co_return seen;
}

}  // namespace steward::failover
