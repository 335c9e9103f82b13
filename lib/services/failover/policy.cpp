#include "services/failover/guest_keeper.hpp"

/// The configuration's words as the machine's rules.
namespace steward {

static_assert(static_cast<int>(config::fresh_backup::require) == static_cast<int>(failover::fresh_backup::require));
static_assert(static_cast<int>(config::archive_choice::newest) == static_cast<int>(backup::choice::newest));
static_assert(static_cast<int>(config::on_shutdown::evacuate) == static_cast<int>(failover::shutdown_policy::evacuate));

failover::policy policy_of(const config::guest& g) {
    failover::policy p;
    p.accept_weak_fence = g.failover.accept_weak_fence;
    p.restart_attempts = g.restart.attempts;
    p.restart_window = g.restart.window;
    p.restart_settle = g.restart.settle;
    p.failover_enabled = g.failover.enabled;
    p.needs_approval = g.failover.approval;
    p.only_targets = g.failover.strict;
    p.apart = g.failover.apart;
    p.together = g.failover.together;
    p.targets = g.failover.targets;
    p.avoid = g.failover.avoid;
    p.storage = g.failover.storage;
    p.backup_storages = g.failover.backup_storages;
    p.max_backup_age = g.failover.max_backup_age;
    p.prefer = static_cast<backup::choice>(g.backup.prefer);
    p.before = static_cast<failover::fresh_backup>(g.failover.before);
    p.attempts = g.failover.attempts;
    p.stop_timeout = g.failover.stop_timeout;
    p.stall_timeout = g.failover.stall_timeout;
    p.start_timeout = g.failover.start_timeout;
    p.verify_timeout = g.failover.verify_timeout;
    p.cooldown = g.failover.cooldown;
    p.max_per_day = g.failover.max_per_day;
    p.shutdown = static_cast<failover::shutdown_policy>(g.failover.shutdown);
    p.reboot_grace = g.failover.reboot_grace;
    p.evacuate_timeout = g.failover.evacuate_timeout;
    p.fails_back = g.failover.fails_back;
    p.failback_stable = g.failover.failback_stable;
    p.restart_hooks = longest(g.own_hooks.restart.pre);
    p.handover_hooks = longest(g.own_hooks.handover.pre);
    return p;
}

}  // namespace steward
