#pragma once
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "core/failover/plan.hpp"

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

/// What a person (or another feature) wants left alone for a while: the whole cluster, a node, or a guest.
namespace steward::failover {

enum class pause_kind {
    pause,        ///< nothing is begun
    maintenance,  ///< a node is being worked on: nothing is begun for its guests, and nothing comes to it
    planned_off,  ///< a node is switched off on purpose
};
[[nodiscard]] const char* name_of(pause_kind k) noexcept;

/// One wish. `object` is "cluster", "node/n3" or "ct/101".
class pause {
  public:
    std::string object;
    pause_kind kind = pause_kind::pause;
    std::string reason;
    std::string by;
    wall_time since{};
    wall_time until{};  ///< zero: until somebody takes it back
};

/// All of them, at most 4 KiB as JSON. Not more than one per object: the newer replaces the older.
class pauses {
  public:
    /// Errors: `invalid` when there are too many, or its reason is too long.
    [[nodiscard]] result<void> add(pause p);
    /// Whether there was one.
    bool remove(const std::string& object);
    /// Takes out those that are over, and returns them.
    std::vector<pause> expire(wall_time now);
    [[nodiscard]] const pause* find(const std::string& object) const;
    [[nodiscard]] const std::vector<pause>& all() const { return all_; }

  private:
    std::vector<pause> all_;
};
[[nodiscard]] std::string to_json(const pauses& p);
/// `garbage` when it is none.
[[nodiscard]] result<pauses> parse_pauses(std::string_view text);

inline constexpr const char* whole_cluster = "cluster";
[[nodiscard]] std::string pause_object(const node_name& node);
[[nodiscard]] std::string pause_object(guest_id guest);

/// Why nothing may be begun for that guest, which is on that node; nothing when it may. The most particular one speaks.
[[nodiscard]] std::optional<refusal> paused(const pauses& all, guest_id guest, const node_name& home);
/// Nodes that nothing is brought to.
[[nodiscard]] std::set<node_name> closed_nodes(const pauses& all);

}  // namespace steward::failover
