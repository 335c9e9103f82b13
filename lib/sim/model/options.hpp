#pragma once
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "pve/schema/schema.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What a simulated cluster consists of. Defaults are those of SIM/1 (reliability §4.1).
namespace steward::sim {

class file_tree;

class guest_options {
  public:
    guest_options() = default;
    guest_options(guest_id id, node_name where) : guest(id), node(std::move(where)) {}
    guest_id guest;
    node_name node;
    std::string name;  ///< empty: "ct101"
    storage_id storage = storage_id("local-lvm");
    std::uint64_t disk_bytes = 8ULL << 30U;
    std::uint32_t memory_mib = 512;
    bool running = true;
    duration running_for{};  ///< how long it has been running at the start
    bool onboot = true;
    bool is_template = false;
    bool is_protected = false;
    std::string lock;
    std::string tags;           ///< "a;b", as PVE writes them
    std::string config;         ///< the whole configuration file; empty: made of the above. Its volumes come to exist
    std::string address;        ///< empty: 127.1.0.x, from the vmid
    std::uint16_t port = 8080;  ///< of its web service; 0: the HTTPS front chooses one
    bool has_service = true;    ///< false: no socket of its own, for clusters with thousands of guests
    std::vector<duration> backup_ages = {std::chrono::hours(1)};  ///< archives that exist at the start
};

class storage_options {
  public:
    storage_options(storage_id name, std::string kind, std::vector<std::string> holds, bool is_shared)
        : id(std::move(name)), type(std::move(kind)), content(std::move(holds)), shared(is_shared) {}
    storage_id id;
    std::string type;                  ///< "dir", "lvmthin", "nfs", "rbd"
    std::vector<std::string> content;  ///< "backup", "rootdir", "images"
    bool shared = false;               ///< one store for all nodes, else one per node
    std::uint64_t bytes = 1ULL << 40U;
    std::map<std::string, std::string> more;  ///< further lines of its section in storage.cfg: "path", "server", …
    std::string filesystem;                   ///< of the directory; empty: what its type suggests
};

/// A template, image or snippet that lies on a storage from the start (on every node's own one).
class stored_file_options {
  public:
    stored_file_options(volid name, std::uint64_t size) : id(std::move(name)), bytes(size) {}
    volid id;  ///< "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
    std::uint64_t bytes = 0;
    duration age = std::chrono::hours(24);
};

class user_options {
  public:
    user_options(std::string userid, std::string secret) : id(std::move(userid)), password(std::move(secret)) {}
    std::string id;        ///< "steward@pve"
    std::string password;  ///< empty: cannot log in
    bool enabled = true;
    wall_time expires{};  ///< zero: never
};

class token_options {
  public:
    token_options(std::string full_id, std::string value, bool separated)
        : id(std::move(full_id)), secret(std::move(value)), privsep(separated) {}
    std::string id;  ///< "steward@pve!failover"
    std::string secret;
    bool privsep = true;
    wall_time expires{};  ///< zero: never
};

/// A role of the cluster's own.
class role_options {
  public:
    role_options(std::string id, std::set<std::string> privs) : name(std::move(id)), privileges(std::move(privs)) {}
    std::string name;
    std::set<std::string> privileges;
};

class acl_entry {
  public:
    acl_entry(std::string where, std::string who, std::set<std::string> privs)
        : path(std::move(where)), subject(std::move(who)), privileges(std::move(privs)) {}
    acl_entry(std::string where, std::string who, std::string which)
        : path(std::move(where)), subject(std::move(who)), role(std::move(which)) {}
    std::string path;                  ///< "/vms"
    std::string subject;               ///< user or full token id
    std::set<std::string> privileges;  ///< become a role of their own …
    std::string role;                  ///< … unless one is named
    bool propagate = true;
};

class task_durations {
  public:
    duration ct_restore = std::chrono::seconds(60);
    duration vm_restore = std::chrono::seconds(90);
    duration start = std::chrono::seconds(4);
    duration stop = std::chrono::seconds(5);
    duration shutdown = std::chrono::seconds(5);
    duration backup = std::chrono::seconds(30);
    duration destroy = std::chrono::seconds(3);
    duration create = std::chrono::seconds(5);
    duration clone = std::chrono::seconds(10);
    duration snapshot = std::chrono::seconds(2);
    duration migrate = std::chrono::seconds(10);  ///< without stop and start of a container
    duration copy_disk = std::chrono::seconds(10);
    duration membership_change = std::chrono::seconds(8);
    duration rejoin = std::chrono::milliseconds(2500);
    duration boot = std::chrono::seconds(30);
};

/// The emulator on the nodes.
class qemu_options {
  public:
    std::string version = "9.2.0";
    std::string machine = "pc-i440fx-9.2+pve1";
    bool is_proxmox = true;  ///< with Proxmox's additions: backup, ballooning that tells its limits
};

class options {
  public:
    std::string cluster_name = "simcl";
    std::vector<node_name> nodes;
    std::vector<guest_options> guests;
    std::vector<storage_options> storages;
    std::vector<stored_file_options> stored_files;
    std::map<node_name, std::chrono::seconds> utc_offsets;  ///< how far local time is ahead of UTC; missing: not at all
    std::vector<std::string> bridges = {"vmbr0"};           ///< of every node
    qemu_options qemu;
    std::vector<user_options> users;
    std::vector<token_options> tokens;
    std::vector<role_options> roles;
    std::vector<acl_entry> acl;
    task_durations takes;
    pve::schema::version version{8, 4};  ///< 7.4, 8.4, 9.1 or 9.2: endpoints, parameters and wording follow it
    std::uint64_t seed = 1;
    bool has_qdevice = false;        ///< one more vote, for the largest part
    bool boots_after_reset = false;  ///< a node that its watchdog resets comes back by itself
    time_point start{};              ///< take both from the time source that will drive the cluster
    wall_time wall_start{};
    std::shared_ptr<file_tree> files;  ///< empty: in memory
};

/// A release with its build: "8.4.1" and "2a5fa54a8503f96d". Of 8.4 as recorded, of others made up.
[[nodiscard]] std::string full_version(pve::schema::version release);
[[nodiscard]] std::string repository_id(pve::schema::version release);

/// n1…nN, storages local, local-lvm (per node), backup and nfs-vm (shared), root@pam, and the user and token that the
/// product needs with exactly the least role (pve-facts K "Failover").
[[nodiscard]] options make_options(int nodes, std::vector<guest_options> guests);

/// The token of make_options.
inline constexpr const char* failover_token_id = "steward@pve!failover";
inline constexpr const char* failover_token_secret = "5eca11ed-0000-4000-8000-000000000001";

/// "ct101@n1", "vm103@n3", "ct101@n1:nfs-vm" (disk on that storage).
[[nodiscard]] result<guest_options> parse_guest_options(std::string_view text);

/// So many guests from vmid 100 on, spread over the nodes, every fourth a VM, every fifth stopped, without services.
[[nodiscard]] std::vector<guest_options> many_guests(std::size_t count, const std::vector<node_name>& nodes);

/// "ct101", "vm103", "ct/101": the scenario format's spelling and the product's.
[[nodiscard]] result<guest_id> parse_guest_word(std::string_view text);

}  // namespace steward::sim
