#pragma once
#include "sim/api/call.hpp"

#include <optional>
#include <string>

/// What the storage, backup and restore endpoints share. Private to lib/sim.
namespace steward::sim::api {

/// Why a storage cannot be used on the node of the call, in PVE's order: unknown, disabled, another node's, hung,
/// offline. A hung one answers 596 after half a minute (pve-facts G.5).
[[nodiscard]] std::optional<reply> storage_obstacle(const call& c, const storage_id& id);

/// What a volume's name says, whether it exists or not.
class volume_name {
  public:
    volid id;
    std::string content;  ///< "backup", "iso", "images", "rootdir", …
    std::optional<vmid> owner;
    [[nodiscard]] std::string inner() const { return id.str().substr(id.str().find(':') + 1); }
};
/// `invalid` with PVE's sentence when the storage has no volumes of such names.
[[nodiscard]] result<volume_name> parse_volume(const call& c, const volid& id);

/// Whether the caller may see a volume. `target`: the guest that is made of it, which may have its own backups.
[[nodiscard]] std::optional<reply> check_volume_access(const call& c, const volume_name& v,
                                                       std::optional<vmid> target = std::nullopt);

/// The volume of a path {storage}/content/{volume}, where the storage may be said twice.
[[nodiscard]] std::optional<reply> named_volume(const call& c, volume_name& into);

[[nodiscard]] bool is_root(const identity& who);

/// How many protected backups of a guest the caller may have there; -1: any number.
[[nodiscard]] long protected_limit(const call& c, const storage_entry& s);

/// The value of a property of storage.cfg or jobs.cfg: numbers where the schema has them.
[[nodiscard]] boost::json::value property_value(const std::string& key, const std::string& text);

/// The guests of a pool, from user.cfg.
[[nodiscard]] std::vector<vmid> pool_guests(const call& c, const std::string& pool);

}  // namespace steward::sim::api
