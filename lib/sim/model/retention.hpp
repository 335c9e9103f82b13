#pragma once
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace steward::sim {

/// How many backups stay: "keep-last=3,keep-daily=7" (pve-facts G.1).
class retention {
  public:
    /// Errors in PVE's words.
    static result<retention> parse(std::string_view text);
    /// True without any number: nothing is removed.
    [[nodiscard]] bool keeps_all() const { return counts.empty(); }
    /// How many at most: the sum of all.
    [[nodiscard]] long limit() const;
    /// As logs show it.
    [[nodiscard]] std::string text() const;

    std::map<std::string, long> counts;  ///< "keep-last" → 3; no zeros
};

/// One backup as pruning sees it.
class prune_row {
  public:
    prune_row(volid name, std::string kind, std::optional<vmid> guest, wall_time when)
        : id(std::move(name)), type(std::move(kind)), owner(guest), created(when) {}
    volid id;
    std::string type;  ///< "lxc", "qemu", "unknown"
    std::optional<vmid> owner;
    wall_time created;  ///< true time
    std::string mark;   ///< "keep", "remove", "protected", "renamed"; the latter two before marking
};

/// Marks the rows of every type and guest apart; periods are those of the node's local time, `offset` ahead of UTC
/// (pve-facts G.4).
void mark_for_pruning(std::vector<prune_row>& rows, const retention& keep, std::chrono::seconds offset);

}  // namespace steward::sim
