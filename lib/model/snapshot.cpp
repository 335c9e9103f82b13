#include "model/snapshot.hpp"

namespace steward::model {

const guest_row* cluster_view::find(guest_id id) const {
    const auto it = guests.find(id);
    return it == guests.end() ? nullptr : &it->second;
}

const storage_row* cluster_view::find(const node_name& where, const storage_id& id) const {
    for (const storage_row& s : storages)
        if (s.node == where && s.id == id) return &s;
    return nullptr;
}

std::string guest_config::get(const std::string& key) const {
    const auto it = values.find(key);
    return it == values.end() ? std::string() : it->second;
}

}  // namespace steward::model
