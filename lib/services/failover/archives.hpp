#pragma once
#include "core/failover/plan.hpp"
#include "pve/client.hpp"

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <vector>

/// Reads which archives there are and what is inside. What could not be read is missing and noted in `problems`.
namespace steward::failover {

/// Of each guest so many are opened: an older one than the third is no choice any more.
inline constexpr std::size_t archives_opened = 3;

/// Where a storage's archives must be asked for: once when it is shared, else on every node that has it.
[[nodiscard]] std::vector<node_name> nodes_to_ask(const model::cluster_view& view, const storage_id& storage,
                                                  bool& is_shared);
/// The guest's archives on all storages that its policy allows, best first.
[[nodiscard]] boost::asio::awaitable<void> gather_backups(pve::client& pve, const policy& rules, facts& into);
/// Opens the first ones: is it this guest's, and how much room does it need? Which are open already stay so.
[[nodiscard]] boost::asio::awaitable<void> open_archives(pve::client& pve, facts& into, std::size_t most);

}  // namespace steward::failover
