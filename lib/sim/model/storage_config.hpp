#pragma once
#include "base/ids.hpp"
#include "sim/model/options.hpp"
#include "sim/model/section_config.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace steward::sim {

/// One storage as storage.cfg describes it, with what PVE's parser adds (pve-facts G.5).
class storage_entry {
  public:
    storage_entry(storage_id name, std::string kind) : id(std::move(name)), type(std::move(kind)) {}
    storage_id id;
    std::string type;                  ///< "dir", "nfs", "lvmthin", …
    std::vector<std::string> content;  ///< "backup", "iso", … in the order of the file
    bool shared = false;               ///< one store for all nodes, else one per node
    bool disabled = false;
    std::vector<node_name> nodes;               ///< empty: all
    std::map<std::string, std::string> values;  ///< what the section says, `path` of network storages included

    [[nodiscard]] std::string get(const std::string& key) const;
    [[nodiscard]] bool holds(std::string_view what) const;
    /// Whether the node may use it: not disabled and not another node's.
    [[nodiscard]] bool is_enabled_on(const node_name& node) const { return !disabled && is_for(node); }
    [[nodiscard]] bool is_for(const node_name& node) const;
    /// Whether its content is files below a path: dir, nfs, cifs, cephfs, btrfs, glusterfs.
    [[nodiscard]] bool has_files() const;
    [[nodiscard]] bool is_backup_server() const { return type == "pbs"; }
    /// "/var/lib/vz"; empty without files.
    [[nodiscard]] std::string path() const { return get("path"); }
};

/// Where what lies: "vztmpl" → "/var/lib/vz/template/cache".
[[nodiscard]] std::string directory_of(const storage_entry& s, std::string_view content);

/// The file that a volume or archive of it is: "local:iso/a.iso" → "/var/lib/vz/template/iso/a.iso".
[[nodiscard]] std::string path_of(const storage_entry& s, const volid& id);

/// storage.cfg, read. `local` exists without being mentioned.
class storage_config {
  public:
    [[nodiscard]] static storage_config parse(std::string_view text);
    /// As PVE would have written what the options say.
    [[nodiscard]] static std::string text_of(const std::vector<storage_options>& storages);
    [[nodiscard]] const storage_entry* find(const storage_id& id) const;
    std::vector<storage_entry> storages;
};

/// What a type of storage can take and needs.
class storage_type {
  public:
    const char* name;
    bool is_shared;       ///< always one store for all nodes
    const char* content;  ///< comma list of what it can hold
    const char* default_content;
    const char* required;  ///< comma list; they cannot be changed afterwards
    const char* optional;  ///< comma list beyond nodes, disable, content, bwlimit
    const char* formats;   ///< comma list of image formats, the default first
};
[[nodiscard]] const storage_type* find_storage_type(std::string_view name);

}  // namespace steward::sim
