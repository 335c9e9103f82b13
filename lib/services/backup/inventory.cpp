#include "services/backup/inventory.hpp"

#include "core/backup/archives.hpp"
#include "services/failover/archives.hpp"

namespace steward::backup {
namespace asio = boost::asio;

asio::awaitable<inventory> take_inventory(pve::client& pve, const model::cluster_view& view, storage_id only) {
    inventory all;
    for (const storage_id& storage : failover::backup_storages(view, failover::policy())) {
        if (!only.empty() && storage != only) continue;
        bool is_shared = false;
        for (const node_name& node : failover::nodes_to_ask(view, storage, is_shared)) {
            auto found = co_await pve.all_backups(node, storage);
            if (!found) {
                all.unread.insert(storage);
                all.problems.push_back(found.error().text());
                continue;
            }
            for (model::backup& b : *found) {
                if (!is_shared) b.only_on = node;
                all.by_guest[b.guest].push_back(std::move(b));
            }
        }
    }
    for (auto& [guest, archives] : all.by_guest) sort_newest_first(archives);
    co_return all;
}

node_name node_for(const model::cluster_view& view, const model::backup& archive) {
    if (!archive.only_on.empty()) return archive.only_on;
    bool is_shared = false;
    const auto nodes = failover::nodes_to_ask(view, storage_of(archive.volume), is_shared);
    return nodes.empty() ? node_name() : nodes.front();
}

}  // namespace steward::backup
