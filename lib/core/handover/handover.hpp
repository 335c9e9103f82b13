#pragma once
#include "base/guard_frames.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What to do next so that a configuration changes hands. Decided from what the files are, never from what was done
/// before: so a guard that was killed between two steps, or is asked twice, goes on from where the world is.
namespace steward::handover {

using guard::reply;
using guard::request;

/// The files that matter for one request, each with its content when it is there.
class observed {
  public:
    observed() = default;
    std::optional<std::string> home;      ///< nodes/<source>/<directory>/<vmid>.conf
    std::optional<std::string> parked;    ///< parked_path()
    std::optional<std::string> original;  ///< kept_path(): the bytes before we touched them
    std::optional<std::string> away;      ///< relocate, unlock: the same vmid on the target node
    std::optional<std::string> record;    ///< unlock, of a cluster that is led: what is written of this hand-over
    std::string taken_by;                 ///< another configuration of this vmid anywhere else; "" when none
    bool has_target = false;              ///< relocate: the target node's directory exists
};

enum class step : std::uint8_t {
    finish,          ///< nothing is left to do, or it is refused: `answer` says which
    keep_original,   ///< original := home
    lock_home,       ///< home := locked text
    park_home,       ///< rename home → parked: the commit point
    lock_parked,     ///< parked := locked text (an unpark was cut off here)
    unlock_parked,   ///< parked := original
    bring_home,      ///< rename parked → home
    unlock_home,     ///< home := original (a park was cut off before its commit)
    move_to_target,  ///< rename home → away: the commit point of relocate
    unlock_away,     ///< away := away without its lock
};

class decision {
  public:
    decision(step s) : what(s) {}
    decision(reply r) : answer(std::move(r)) {}
    step what = step::finish;
    reply answer;
};

/// park, unpark, relocate or unlock.
[[nodiscard]] decision next_step(const request& r, const observed& seen);

/// "nodes/n2/lxc": below the pmxcfs root.
[[nodiscard]] std::string node_directory(const node_name& node, guest_type type);
/// "101.conf".
[[nodiscard]] std::string config_name(vmid id);
inline constexpr const char* parked_directory = "priv/steward/parked";
/// "101.n2.g7.conf" and "101.n2.g7.orig": names in `parked_directory`.
[[nodiscard]] std::string parked_name(const request& r);
[[nodiscard]] std::string kept_name(const request& r);
inline constexpr const char* record_directory = "priv/steward/records";
/// "guest.101": its hand-over's record, a name in `record_directory`.
[[nodiscard]] std::string record_name(vmid id);
/// "steward-g7": marks a replacement as ours (reliability §1.3 step 3).
[[nodiscard]] std::string generation_tag(std::uint32_t generation);

/// What a name in `parked_directory` says: "101.n2.g7.conf" is guest 101, taken from n2 as generation 7. Nothing when
/// it is no configuration's.
class parked_name_parts {
  public:
    vmid id;
    node_name source;
    std::uint32_t generation = 0;
};
[[nodiscard]] std::optional<parked_name_parts> parse_parked_name(const std::string& file);
/// Whether one of those files was taken from that node.
[[nodiscard]] bool was_parked(const std::vector<std::string>& files, vmid id, const node_name& source);

}  // namespace steward::handover
