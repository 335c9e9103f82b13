#include "services/failover/archives.hpp"

#include "core/backup/archives.hpp"

#include <algorithm>

namespace steward::failover {
namespace asio = boost::asio;
namespace {

/// How many nodes are asked to open an encrypted archive.
constexpr std::size_t keys_tried = 3;

/// Who may open an archive: where it lies; of a shared storage anybody, the contacted node first. Of an encrypted one
/// not every node has the key.
std::vector<node_name> openers_of(const model::cluster_view& view, const model::backup& b) {
    if (!b.only_on.empty()) return {b.only_on};
    bool is_shared = false;
    std::vector<node_name> nodes = nodes_to_ask(view, storage_of(b.volume), is_shared);
    if (!b.encrypted) return nodes;
    for (const model::storage_row& s : view.storages) {
        const auto node = view.nodes.find(s.node);
        const bool is_there =
            s.id == storage_of(b.volume) && s.available && node != view.nodes.end() && node->second.online == true;
        if (is_there && std::find(nodes.begin(), nodes.end(), s.node) == nodes.end()) nodes.push_back(s.node);
    }
    if (nodes.size() > keys_tried) nodes.resize(keys_tried);
    return nodes;
}

}  // namespace

std::vector<node_name> nodes_to_ask(const model::cluster_view& view, const storage_id& storage, bool& is_shared) {
    std::vector<node_name> nodes;
    is_shared = false;
    for (const model::storage_row& s : view.storages) {
        if (s.id != storage || !s.available) continue;
        const auto node = view.nodes.find(s.node);
        if (node == view.nodes.end() || node->second.online != true) continue;
        if (s.shared) {
            is_shared = true;
            // The contacted node answers without a proxy hop.
            if (nodes.empty() || s.node == view.contacted) nodes = {s.node};
        } else {
            nodes.push_back(s.node);
        }
    }
    return nodes;
}

asio::awaitable<void> gather_backups(pve::client& pve, const policy& rules, facts& into) {
    for (const storage_id& storage : backup_storages(*into.view, rules)) {
        bool is_shared = false;
        for (const node_name& node : nodes_to_ask(*into.view, storage, is_shared)) {
            auto found = co_await pve.backups(node, storage, into.guest);
            if (!found) {
                into.unread_backups = found.error().text();
                into.problems.push_back(into.unread_backups);
                continue;
            }
            for (model::backup& b : *found) {
                if (!is_shared) b.only_on = node;
                into.backups.push_back(std::move(b));
            }
        }
    }
    backup::sort_best_first(into.backups, rules.prefer, rules.max_backup_age, into.now);
}

asio::awaitable<void> open_archives(pve::client& pve, facts& into, std::size_t most) {
    std::size_t opened = 0;
    for (const model::backup& b : into.backups) {
        if (opened++ >= most) co_return;
        if (into.archived.count(b.volume) != 0) continue;
        for (const node_name& node : openers_of(*into.view, b)) {
            auto inside = co_await pve.archived_config(node, b.volume);
            if (inside) {
                into.archived.emplace(b.volume, std::move(*inside));
                break;
            }
            into.problems.push_back(inside.error().text());
        }
    }
}

}  // namespace steward::failover
