#pragma once
#include <optional>
#include <string_view>

namespace steward::failover {

/// Where a guest stands (reliability §3.1).
enum class phase {
    watching,
    suspect,     ///< first bad answer
    restarting,  ///< restart in place under way, or given time to help
    confirming,  ///< preflight: plan, target, backup, permissions
    frozen,      ///< its node went down on purpose: waited for
    held,        ///< may not act; hold says why and what would release it
    claimed,     ///< this hand-over has a number that nobody else can take
    stopping,    ///< until the source is proven stopped
    fencing,     ///< the source cannot be reached: until its node is proven to run nothing
    isolating,   ///< lock and park the configuration: the commit point
    parked,      ///< committed; looking at the target before (re)starting a restore
    restoring,
    cleaning,  ///< removing our own half-made replacement from a target
    restored,
    starting,
    verifying,     ///< running; probes must confirm
    evacuating,    ///< being migrated away from a node that is about to go down
    failing_back,  ///< being migrated to where it was before a hand-over
    rolling_back,  ///< bringing the original up again at home
    done,
    rolled_back,
    aborted_safe,    ///< given up before the commit: nothing was moved
    failed_parked,   ///< after the commit, no way forward or back without a person; configuration and volumes are kept
    operator_moved,  ///< a person moved its configuration by hand while it could not be moved safely by us
    disabled,        ///< a person wants it left alone until `steward retry`
};

[[nodiscard]] const char* name_of(phase p) noexcept;
[[nodiscard]] std::optional<phase> parse_phase(std::string_view text) noexcept;

/// A hand-over is under way: an operation runs or must be resumed after a restart.
[[nodiscard]] bool is_in_flight(phase p) noexcept;

}  // namespace steward::failover
