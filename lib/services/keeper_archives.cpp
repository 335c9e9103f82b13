#include "base/log.hpp"
#include "core/backup/archives.hpp"
#include "core/backup/health_stamp.hpp"
#include "services/backup/inventory.hpp"
#include "services/keeper.hpp"

#include <algorithm>

/// What the guests' archives are worth: how old the newest is, and how its guest was when each was taken.
namespace steward {
namespace asio = boost::asio;
namespace {

/// Where a number had another guest before, archives of both have it. Of one byte is what a backup server has begun and
/// not ended, or does not know the size of: the former cannot be opened.
bool is_of_use(const failover::facts& seen, const model::backup& archive) {
    const auto inside = seen.archived.find(archive.volume);
    if (inside == seen.archived.end()) return archive.bytes > 1;
    const char* key = seen.guest.type == guest_type::ct ? "hostname" : "name";
    return inside->second.get(key) == seen.config->get(key);
}

}  // namespace

void keeper::see_archives(const failover::facts& seen, const failover::policy& rules) {
    backup::archive_sight sight;
    for (const model::backup& b : seen.backups) {
        if (!backup::is_good(b) || !is_of_use(seen, b)) continue;
        if (!sight.newest || sight.newest->created < b.created) sight.newest = b;
    }
    sight.blind = failover::hidden_backups(seen, rules);
    archives_[seen.guest] = std::move(sight);
    tell_freshness(seen.guest);
}

std::optional<backup::freshness_report> keeper::freshness_of(guest_id guest) const {
    const guest_keeper* who = find(guest);
    const auto seen = archives_.find(guest);
    if (who == nullptr || seen == archives_.end() || !who->settings().backup.max_age) return std::nullopt;
    return backup::judge_freshness(seen->second, *who->settings().backup.max_age, world_.time.wall_now());
}

const model::backup* keeper::newest_backup(guest_id guest) const {
    const auto seen = archives_.find(guest);
    return seen == archives_.end() || !seen->second.newest ? nullptr : &*seen->second.newest;
}

/// Once, until it is another state: a disaster is no time to learn that the backups had stopped.
void keeper::tell_freshness(guest_id guest) {
    const auto now = freshness_of(guest);
    if (!now) {
        told_freshness_.erase(guest);
        return;
    }
    const auto [known, is_first] = told_freshness_.try_emplace(guest, backup::freshness::fresh);
    if (known->second == now->state) return;
    known->second = now->state;
    if (now->state == backup::freshness::fresh) {
        log::info("backup.fresh", {{"guest", to_string(guest)}});
        return;
    }
    const char* code = now->state == backup::freshness::unknown ? "backup_unknown" : "backup_overdue";
    log::warning("alert", {{"guest", to_string(guest)}, {"code", code}, {"reason", now->text}});
    if (cluster_ != nullptr && cluster_->on_alert) cluster_->on_alert(code, now->text);
}

/// Only what this daemon saw itself: an archive of a time in which nobody looked stays as it is.
asio::awaitable<void> keeper::stamp_archives(guest_id guest, std::vector<model::backup> archives,
                                             model::cluster_view view) {
    for (model::backup& b : archives) {
        const guest_keeper* who = find(guest);
        const bool may_write = world_.armed && who != nullptr && who->settings().backup.stamps;
        if (!may_write) co_return;
        if (b.stamp.health != model::guest_health::unknown || unstampable_.count(b.volume) != 0) continue;
        b.stamp.health = backup::health_when_taken(who->past(), b.created, world_.time.wall_now());
        if (b.stamp.health == model::guest_health::unknown) continue;
        const node_name node = backup::node_for(view, b);
        const auto done = co_await world_.pve.stamp_archive(node, b.volume, b.stamp);
        if (done) {
            log::info("backup.stamped",
                      {{"guest", to_string(guest)}, {"archive", b.volume.str()}, {"health", name_of(b.stamp.health)}});
            continue;
        }
        unstampable_.insert(b.volume);
        log::warning("backup.unstamped", {{"archive", b.volume.str()}, {"reason", done.error().text()}});
    }
}

}  // namespace steward
