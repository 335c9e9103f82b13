#pragma once
#include <optional>
#include <string>
#include <string_view>

/// A guest configuration as bytes: a head of `key: value` lines, then sections of snapshots and pending changes, each
/// begun by a line `[name]` (pve-facts F.4). Only the head is the guest as it is.
namespace steward::handover {

/// The value of `key` in the head; nothing when it is not there. The last one counts, as for PVE.
[[nodiscard]] std::optional<std::string> head_value(std::string_view text, std::string_view key);

/// The same configuration with `lock: migrate` and `onboot: 0` in its head, all other bytes kept: PVE then refuses to
/// start or change the guest, and does not start it at boot (reliability §1.3).
[[nodiscard]] std::string locked_text(std::string_view original);

/// The same configuration without a lock in its head, all other bytes kept.
[[nodiscard]] std::string unlocked_text(std::string_view locked);

/// Whether a list of tags, as PVE or a person wrote it, has that one.
[[nodiscard]] bool has_tag(std::string_view tags, std::string_view wanted);

/// Whether it may be what an unfinished restore leaves: nothing but what PVE writes before it has read the archive
/// (a lock, and a VM's memory), or more, but then with the tag that was asked for (reliability P13). Never with
/// snapshots: a restore brings none.
[[nodiscard]] bool is_half_made(std::string_view text, std::string_view tag);

}  // namespace steward::handover
