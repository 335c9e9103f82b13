#pragma once
#include "base/ids.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace steward::sim {

/// What is wrong with a backup, to be found out when somebody reads it.
enum class archive_damage {
    none,
    corrupt,     ///< its end is missing or broken: the configuration can be read, unpacking fails half-way
    unreadable,  ///< not even the configuration comes out
    incomplete,  ///< somebody is still writing it: a backup server lists it with a size of 1 until its index is there
};

/// "none", "corrupt", "unreadable", "incomplete"
[[nodiscard]] const char* name_of(archive_damage damage) noexcept;

class archive {
  public:
    archive() = default;
    volid id;
    guest_id guest;
    wall_time created{};
    std::uint64_t bytes = 0;
    std::string config;
    std::string notes;
    bool is_protected = false;
    bool is_encrypted = false;  ///< who reads it needs the key
    std::string extension;      ///< "tar.gz", "vma"; empty: zstd of what the guest's type gives
    std::string firewall;       ///< the guest's firewall file as it was
    archive_damage damage = archive_damage::none;

    /// "tar.zst", "vma.zst", "pbs-ct", "pbs-vm"
    [[nodiscard]] std::string format() const;
};

/// Whether its configuration comes out.
[[nodiscard]] inline bool can_be_opened(const archive& a) {
    return a.damage != archive_damage::unreadable && a.damage != archive_damage::incomplete;
}

/// "vzdump-lxc-101-2026_01_02-03_04_05.tar.zst"; the time is the local one of the node (pve-facts G.3).
[[nodiscard]] std::string archive_name(guest_id guest, wall_time local, const std::string& extension);

/// "ct/101/2026-01-02T03:04:05Z": a snapshot's name on a backup server.
[[nodiscard]] std::string snapshot_name(guest_id guest, wall_time utc);

/// "tar.zst" for the parameter compress=zstd, "vma" for "0".
[[nodiscard]] std::string archive_extension(guest_type type, std::string_view compress);

/// What a name by the standard scheme says; nothing for other names, which pruning leaves alone.
class archive_name_parts {
  public:
    archive_name_parts(guest_id whose, wall_time when, std::string end)
        : guest(whose), local(when), extension(std::move(end)) {}
    guest_id guest;
    wall_time local;
    std::string extension;
};
[[nodiscard]] std::optional<archive_name_parts> parse_archive_name(std::string_view name);

/// "2026-01-02 03:04:05", as in logs; `format` is fmt's for a calendar time.
[[nodiscard]] std::string calendar_text(const char* format, wall_time t);

}  // namespace steward::sim
