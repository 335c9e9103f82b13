#pragma once
#include "base/result.hpp"
#include "base/time.hpp"

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace steward {

/// A checked string with a type of its own, so that a node is never passed where a storage is meant.
template <class Tag>
class name {
  public:
    name() = default;
    /// For text that is known to be good (answers of PVE, tests). Text from people goes through `parse_…`.
    explicit name(std::string text) : text_(std::move(text)) {}
    [[nodiscard]] const std::string& str() const noexcept { return text_; }
    [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
    auto operator<=>(const name&) const = default;

  private:
    std::string text_;
};

using node_name = name<struct node_tag>;      ///< member of the cluster, "pve1"
using storage_id = name<struct storage_tag>;  ///< entry of storage.cfg, "local-lvm"
using volid = name<struct volid_tag>;         ///< "storage:volume", kept verbatim as PVE gave it

/// Letters, digits and inner '-', at most 63 (pve-facts C.1).
[[nodiscard]] result<node_name> parse_node_name(std::string_view text);
/// A letter, then letters, digits, '-', '_', '.'; at least 2 characters (PVE's pve-storage-id).
[[nodiscard]] result<storage_id> parse_storage_id(std::string_view text);
/// The storage part of "storage:volume"; empty when there is no colon.
[[nodiscard]] storage_id storage_of(const volid& volume);

/// Cluster-wide guest number, 100…999999999; 0 means none.
class vmid {
  public:
    constexpr vmid() = default;
    constexpr explicit vmid(std::uint32_t number) : number_(number) {}
    [[nodiscard]] constexpr std::uint32_t number() const noexcept { return number_; }
    auto operator<=>(const vmid&) const = default;

  private:
    std::uint32_t number_ = 0;
};
[[nodiscard]] result<vmid> parse_vmid(std::string_view text);
[[nodiscard]] std::string to_string(vmid id);

enum class guest_type : std::uint8_t { ct, vm };
/// "lxc" or "qemu": the word in API paths.
[[nodiscard]] const char* api_word(guest_type type) noexcept;
/// "lxc" or "qemu-server": the directory below /etc/pve/nodes/<node>.
[[nodiscard]] const char* config_directory(guest_type type) noexcept;

/// A guest as people write it: "ct/101", "vm/200".
class guest_id {
  public:
    constexpr guest_id() = default;
    constexpr guest_id(guest_type kind, vmid number) : type(kind), id(number) {}
    auto operator<=>(const guest_id&) const = default;

    guest_type type = guest_type::ct;
    vmid id;
};
/// Reads "ct/101" and "vm/200" ("lxc/101" and "qemu/200" are PVE's own spelling of the same).
[[nodiscard]] result<guest_id> parse_guest_id(std::string_view text);
[[nodiscard]] std::string to_string(guest_id guest);

/// Id of a PVE task with its parts (grammar: pve-facts C.1). `text` is the whole, with its final colon.
class upid {
  public:
    upid() = default;
    std::string text;
    node_name node;
    std::uint32_t pid = 0;
    std::uint64_t pstart = 0;  ///< process start in clock ticks since boot
    wall_time started{};
    std::string type;  ///< "vzrestore"
    std::string id;    ///< mostly a vmid, may be empty
    std::string user;  ///< "root@pam" or "svc@pve!token"
};
[[nodiscard]] result<upid> parse_upid(std::string_view text);

}  // namespace steward

template <class Tag>
struct std::hash<steward::name<Tag>> {
    std::size_t operator()(const steward::name<Tag>& n) const noexcept { return std::hash<std::string>{}(n.str()); }
};
template <>
struct std::hash<steward::guest_id> {
    std::size_t operator()(steward::guest_id g) const noexcept {
        return (static_cast<std::size_t>(g.id.number()) << 1U) | static_cast<std::size_t>(g.type);
    }
};
