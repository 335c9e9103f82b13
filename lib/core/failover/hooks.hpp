#pragma once
#include "core/failover/machine.hpp"

#include <optional>
#include <string>

namespace steward::failover {

/// What people's own programs can be run around.
enum class hook_event { restart, handover };
enum class hook_point {
    pre,     ///< before anything is touched; can forbid it
    post,    ///< it has come to a good end
    failed,  ///< it has come to any other end
};
[[nodiscard]] const char* name_of(hook_event e) noexcept;
[[nodiscard]] const char* name_of(hook_point p) noexcept;

/// The hold of a guest for which a required pre hook has said no.
inline constexpr const char* hook_failed = "hook_failed";

class hook_moment {
  public:
    hook_moment(hook_event e, hook_point p, std::string r) : event(e), point(p), result(std::move(r)) {}
    hook_event event;
    hook_point point;
    std::string result;  ///< post, failed: the phase, or the code of the hold, that it ended with
};

/// The operation that pre hooks come before: a restart in place, or, for a hand-over, taking its number. Both are
/// begun again with the same number after a crash, and so are their hooks.
[[nodiscard]] std::optional<hook_event> hooks_before(operation o) noexcept;

/// What has just come to its end by that step; nothing while it goes on, or when none was under way.
[[nodiscard]] std::optional<hook_moment> hooks_after(const record& before, const record& after);

/// The same for the same attempt, across crashes and leaders: "handover.ct-101.g2", "restart.ct-101.1800000000".
[[nodiscard]] std::string hook_id(hook_event e, const record& r);

}  // namespace steward::failover
