#pragma once
#include "model/snapshot.hpp"
#include "pve/client.hpp"

#include <boost/asio/awaitable.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace steward::backup {

/// Every archive that our token may see, on every storage that answers.
class inventory {
  public:
    std::map<guest_id, std::vector<model::backup>> by_guest;  ///< newest first
    std::set<storage_id> unread;                              ///< nobody knows what lies there
    std::vector<std::string> problems;                        ///< why
};

/// `only`: not the other storages; empty: all that hold backups.
[[nodiscard]] boost::asio::awaitable<inventory> take_inventory(pve::client& pve, const model::cluster_view& view,
                                                               storage_id only);

/// Who can be asked about an archive: the node that has it, or any that has its storage.
[[nodiscard]] node_name node_for(const model::cluster_view& view, const model::backup& archive);

}  // namespace steward::backup
