#include "sim/model/storage_config.hpp"

#include "sim/model/text.hpp"

#include <algorithm>
#include <array>
#include <fmt/core.h>

namespace steward::sim {
namespace {

constexpr const char* backup_options = "prune-backups,max-protected-backups,maxfiles";
constexpr const char* file_options =
    "prune-backups,max-protected-backups,maxfiles,format,preallocation,mkdir,create-base-path,create-subdirs,"
    "content-dirs,is_mountpoint,shared,nocow,options,username,password,domain,smbversion,subdir,path,monhost,fuse,"
    "fs-name,keyring,server2,volume,transport";
constexpr const char* guests = "images,rootdir";
constexpr const char* all_files = "images,rootdir,vztmpl,iso,backup,snippets,none,import";

constexpr std::array<storage_type, 15> types = {{
    {"dir", false, all_files, "images", "path", file_options, "raw,qcow2,vmdk,subvol"},
    {"btrfs", false, all_files, "images", "path", file_options, "raw,subvol"},
    {"nfs", true, all_files, "images", "server,export", file_options, "raw,qcow2,vmdk"},
    {"cifs", true, all_files, "images", "server,share", file_options, "raw,qcow2,vmdk"},
    {"glusterfs", true, all_files, "images", "volume", file_options, "raw,qcow2,vmdk"},
    {"cephfs", true, "vztmpl,iso,backup,snippets,import", "backup", "", file_options, "raw"},
    {"pbs", true, "backup,none", "backup", "server,datastore",
     "namespace,port,username,password,encryption-key,master-pubkey,fingerprint,skip-cert-verification,"
     "prune-backups,max-protected-backups,maxfiles",
     "raw"},
    {"lvm", false, guests, "images", "vgname", "base,shared,saferemove,saferemove_throughput,tagged_only", "raw"},
    {"lvmthin", false, guests, "images", "thinpool,vgname", "", "raw"},
    {"zfspool", false, guests, "images", "pool", "blocksize,sparse,mountpoint", "raw,subvol"},
    {"rbd", true, guests, "images", "", "monhost,pool,data-pool,namespace,username,krbd,keyring", "raw"},
    {"iscsi", true, "images,none", "images", "portal,target", "", "raw"},
    {"iscsidirect", true, "images,none", "images", "portal,target", "", "raw"},
    {"zfs", true, "images", "images", "pool,portal,target,iscsiprovider",
     "blocksize,sparse,comstar_hg,comstar_tg,lio_tpg,nowritecache", "raw"},
    {"esxi", true, "import", "import", "server,username,password", "skip-cert-verification", "raw"},
}};

bool is_set(const config_section& s, const std::string& key) { return s.has(key) && s.get(key) != "0"; }

storage_entry entry_of(const config_section& s) {
    storage_entry e(storage_id(s.id), s.type);
    e.values = s.values;
    const storage_type* type = find_storage_type(s.type);
    const std::string held = s.get("content", type != nullptr ? type->default_content : "images");
    e.values["content"] = held;
    e.content = split_list(held);
    e.shared = (type != nullptr && type->is_shared) || is_set(s, "shared");
    e.disabled = is_set(s, "disable");
    for (const std::string& name : split_list(s.get("nodes"))) e.nodes.emplace_back(name);
    const bool is_mounted = e.has_files() && s.type != "dir" && s.type != "btrfs";
    if (is_mounted && !s.has("path")) e.values["path"] = "/mnt/pve/" + s.id;
    return e;
}

/// PVE's answer to a storage.cfg that does not mention `local`.
storage_entry built_in_local() {
    storage_entry e(storage_id("local"), "dir");
    e.values = {{"path", "/var/lib/vz"},
                {"content", "vztmpl,iso,backup,rootdir,images,snippets"},
                {"prune-backups", "keep-all=1"}};
    e.content = split_list(e.values["content"]);
    return e;
}

}  // namespace

const storage_type* find_storage_type(std::string_view name) {
    const auto found = std::find_if(types.begin(), types.end(), [&](const storage_type& t) { return t.name == name; });
    return found == types.end() ? nullptr : &*found;
}

std::string storage_entry::get(const std::string& key) const {
    const auto found = values.find(key);
    return found == values.end() ? std::string() : found->second;
}

bool storage_entry::holds(std::string_view what) const {
    return std::find(content.begin(), content.end(), what) != content.end();
}

bool storage_entry::is_for(const node_name& node) const {
    return nodes.empty() || std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

bool storage_entry::has_files() const {
    return type == "dir" || type == "nfs" || type == "cifs" || type == "cephfs" || type == "btrfs" ||
           type == "glusterfs";
}

std::string directory_of(const storage_entry& s, std::string_view content) {
    if (content == "vztmpl") return s.path() + "/template/cache";
    if (content == "iso") return s.path() + "/template/iso";
    if (content == "backup") return s.path() + "/dump";
    if (content == "images" || content == "rootdir") return s.path() + "/images";
    return s.path() + "/" + std::string(content);
}

std::string path_of(const storage_entry& s, const volid& id) {
    const std::string name = id.str().substr(id.str().find(':') + 1);
    if (s.type == "lvm" || s.type == "lvmthin") return fmt::format("/dev/{}/{}", s.get("vgname"), name);
    if (s.type == "zfspool") return fmt::format("/{}/{}", s.get("pool"), name);
    if (s.type == "rbd") return fmt::format("rbd:{}/{}", s.get("pool").empty() ? "rbd" : s.get("pool"), name);
    if (s.is_backup_server())
        return fmt::format("{}@{}:{}/{}", s.get("username").empty() ? "root@pam" : s.get("username"), s.get("server"),
                           s.get("datastore"), name);
    const std::size_t slash = name.find('/');
    const std::string kind = name.substr(0, slash);
    for (const std::string_view content : {"vztmpl", "iso", "backup", "snippets", "import"})
        if (kind == content) return directory_of(s, content) + name.substr(slash);
    return directory_of(s, "images") + "/" + name;
}

storage_config storage_config::parse(std::string_view text) {
    storage_config c;
    for (const config_section& s : section_config::parse(text).sections)
        if (find_storage_type(s.type) != nullptr) c.storages.push_back(entry_of(s));
    if (c.find(storage_id("local")) == nullptr) c.storages.insert(c.storages.begin(), built_in_local());
    return c;
}

std::string storage_config::text_of(const std::vector<storage_options>& storages) {
    section_config file;
    for (const storage_options& s : storages) {
        config_section& section = file.sections.emplace_back(s.type, s.id.str());
        section.values = s.more;
        std::string held;
        for (const std::string& word : s.content) held += (held.empty() ? "" : ",") + word;
        section.values["content"] = held;
        const storage_type* type = find_storage_type(s.type);
        if (s.shared && (type == nullptr || !type->is_shared)) section.values["shared"] = "1";
        if (s.type == "dir" && s.more.count("path") == 0)
            section.values["path"] = s.id.str() == "local" ? "/var/lib/vz" : "/srv/" + s.id.str();
        if (s.id.str() == "local" && s.more.count("prune-backups") == 0) section.values["prune-backups"] = "keep-all=1";
        if (s.type == "lvmthin") section.values.insert({{"thinpool", "data"}, {"vgname", "pve"}});
        if (s.type == "nfs") section.values.insert({{"server", "192.0.2.10"}, {"export", "/export/" + s.id.str()}});
    }
    return file.text();
}

const storage_entry* storage_config::find(const storage_id& id) const {
    const auto found =
        std::find_if(storages.begin(), storages.end(), [&](const storage_entry& e) { return e.id == id; });
    return found == storages.end() ? nullptr : &*found;
}

}  // namespace steward::sim
