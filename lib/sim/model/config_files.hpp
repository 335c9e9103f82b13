#pragma once
#include "base/ids.hpp"
#include "base/result.hpp"
#include "sim/model/file_tree.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace steward::sim {

/// A guest's configuration as PVE's parser sees it: description lines, then `key: value`, then sections, which are kept
/// as text (pve-facts F.4).
class guest_config {
  public:
    guest_config() = default;
    static guest_config parse(std::string_view text);
    /// As PVE writes it: keys sorted.
    [[nodiscard]] std::string text() const;

    [[nodiscard]] std::string get(std::string_view key) const;  ///< "" when missing
    void set(const std::string& key, std::string value);        ///< "" removes
    /// rootfs, mpN, scsiN, virtioN, sataN, ideN (no CD-ROM), unusedN and a saved state with their volids.
    [[nodiscard]] std::vector<std::pair<std::string, volid>> volumes() const;

    std::string description;  ///< raw lines, each with its '#'
    std::map<std::string, std::string, std::less<>> values;
    std::string sections;  ///< "[snapshot]…" and what follows
};

/// "local-lvm:vm-101-disk-0,size=8G" → 8 GiB; 0 without a size.
[[nodiscard]] std::uint64_t disk_size(const std::string& drive);
/// 8 GiB → "8G", 512 MiB → "512M".
[[nodiscard]] std::string size_text(std::uint64_t bytes);

/// pmxcfs as far as guests need it: who owns which vmid, unique in the cluster over nodes and types (pve-facts E.3).
class config_files {
  public:
    config_files(std::shared_ptr<file_tree> tree, std::vector<node_name> nodes);

    class place {
      public:
        place(node_name n, guest_id g) : node(std::move(n)), guest(g) {}
        node_name node;
        guest_id guest;
    };
    /// A guest with its file, read and understood.
    class entry {
      public:
        place where;
        std::string text;
        guest_config parsed;
    };
    /// Every guest of the cluster, by vmid.
    [[nodiscard]] const std::map<vmid, entry>& entries() const;
    [[nodiscard]] std::vector<place> guests() const;
    [[nodiscard]] std::optional<place> find(vmid id) const;
    /// Null when that guest is not there.
    [[nodiscard]] const entry* find(const node_name& node, guest_id guest) const;
    [[nodiscard]] std::optional<std::string> read(const node_name& node, guest_id guest) const;
    /// Other processes may have changed files since the last time: look.
    void look_outside() {
        if (tree_->is_shared()) seen_changes_.reset();
    }
    /// `exists` when the vmid lives elsewhere or as another type.
    result<void> write(const node_name& node, guest_id guest, const std::string& text);
    void remove(const node_name& node, guest_id guest);
    /// `not_found`, or `exists` when the target is a guest's path whose vmid is taken by another guest.
    result<void> rename(const std::string& from, const std::string& to);

    /// Whether a node may change files now; empty: it may. A write that it may not make is `no_quorum`.
    std::function<bool(const node_name&)> is_writable;

    [[nodiscard]] file_tree& tree() { return *tree_; }
    [[nodiscard]] const file_tree& tree() const { return *tree_; }

    /// "nodes/n1/lxc/101.conf"
    [[nodiscard]] static std::string path(const node_name& node, guest_id guest);

  private:
    class directory {
      public:
        node_name node;
        guest_type type = guest_type::ct;
        std::string path;  ///< "nodes/n1/lxc"
        std::optional<std::uint64_t> stamp;
    };
    void refresh() const;
    void read_again(const directory& where) const;
    void remember(place where, const std::string& text);

    std::shared_ptr<file_tree> tree_;
    std::vector<node_name> nodes_;
    // What the files say, understood once: asked for every guest in every list.
    mutable std::vector<directory> directories_;
    mutable std::map<vmid, entry> entries_;
    mutable std::optional<std::uint64_t> seen_changes_;
};

}  // namespace steward::sim
