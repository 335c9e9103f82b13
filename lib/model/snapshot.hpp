#pragma once
#include "base/ids.hpp"
#include "base/time.hpp"
#include "model/archive_stamp.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// What was observed, as immutable values. Anything that could not be read is absent, not false (reliability I9).
namespace steward::model {

enum class run_state { running, stopped, unknown };

struct node {
    node_name name;
    std::optional<bool> online;         ///< the contacted node's opinion
    std::uint64_t free_memory = 0;      ///< bytes; 0 when unknown
    bool is_in_ha_maintenance = false;  ///< `ha-manager crm-command node-maintenance enable`
    std::uint64_t memory = 0;           ///< bytes in all; 0 when unknown
};

struct guest_row {
    guest_id id;
    node_name node;
    std::string name;
    run_state status = run_state::unknown;
    bool is_template = false;
    std::string lock;               ///< "" when unlocked
    std::vector<std::string> tags;  ///< lower case, sorted
    std::string pool;               ///< "" when it is in none
    std::string hastate;            ///< "" when HA does not manage it
    std::uint64_t max_memory = 0;
    std::uint64_t used_memory = 0;  ///< zero when it does not run
    duration uptime{};              ///< zero when it does not run
};

struct storage_row {
    storage_id id;
    node_name node;
    bool shared = false;
    bool available = false;
    std::vector<std::string> content;  ///< "backup", "rootdir", "images"
    std::optional<std::uint64_t> free_bytes;
};

/// One look at the whole cluster (cluster/status + cluster/resources).
struct cluster_view {
    wall_time taken{};
    std::string cluster_name;        ///< "" on a stand-alone node
    std::optional<bool> is_quorate;  ///< absent: could not be read
    node_name contacted;
    std::map<node_name, node> nodes;
    std::map<guest_id, guest_row> guests;
    std::vector<storage_row> storages;

    [[nodiscard]] const guest_row* find(guest_id id) const;
    [[nodiscard]] const storage_row* find(const node_name& where, const storage_id& id) const;
};

/// A guest's own configuration, as its node reports it.
struct guest_config {
    std::string digest;  ///< SHA-1 of the file (pve-facts F.4)
    std::map<std::string, std::string> values;
    [[nodiscard]] std::string get(const std::string& key) const;  ///< "" when missing
};

struct guest_status {
    run_state status = run_state::unknown;
    std::string detail;  ///< QEMU's qmpstatus: "paused", "io-error"
    std::string lock;
    bool ha_managed = false;
    duration uptime{};
};

struct backup {
    volid volume;
    guest_id guest;
    node_name only_on;  ///< the node that has it when its storage is not shared; empty: wherever the storage is
    wall_time created{};
    std::uint64_t bytes = 0;
    bool verify_failed = false;  ///< PBS verification says the archive is bad
    bool encrypted = false;
    bool is_protected = false;
    archive_stamp stamp;
};

/// A disk on a storage, whether or not a configuration names it.
struct disk {
    volid volume;
    wall_time created{};  ///< by the clock of the node that was asked; 1970 when its storage does not know
};

}  // namespace steward::model
