#pragma once
#include "core/failover/record.hpp"
#include "core/health/health.hpp"

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

/// The failover machine: (state, event, surroundings) → (state, effects). It reads no clock and does no I/O. The driver
/// writes the new record down before it carries out the effects (reliability §3.1).
namespace steward::failover {

// ---- events ------------------------------------------------------------------------------------------------------

/// What the guest's checks say now.
struct seen {
    health::standing now = health::standing::unknown;
    std::string reason;
};
/// Time has passed.
struct tick {};
/// Something that could release a hold has changed (armed, operator): look again now.
struct reconsider {};
/// The daemon has just started and found this record.
struct resumed {};
/// Preflight ended.
struct planned {
    std::variant<plan, refusal> answer;
    bool is_move = false;  ///< of `plan_move`: where it can go before its node does
};
/// An operator orders a hand-over.
struct ordered {
    wish asked;
};
/// An operator wants a failed_parked, held or disabled guest looked at again.
struct retry {};
/// An operator wants it left alone until a `retry`. Means nothing to a guest whose hand-over is under way.
struct disable {
    std::string by;
};
/// An operator gives up a hand-over that has not been committed. Means nothing afterwards.
struct abort_order {
    std::string by;
    bool is_quiet = false;  ///< nobody needs to be told: it is no longer looked after
};
/// Its configuration is on another node than before, and we did not put it there.
struct moved_by_hand {
    node_name from;
    node_name to;
};

enum class outcome {
    ok,
    failed,   ///< the world is known, and it is not what was wanted
    blocked,  ///< refused before anything happened; `code` says by what
    unknown,  ///< it may or may not have happened: look again
};
/// The running operation ended.
struct finished {
    outcome how = outcome::ok;
    std::string text;
    std::string code;                    ///< blocked: hold code; fence: the proof
    std::string parked_path;             ///< isolate
    std::optional<model::backup> fresh;  ///< stop: the backup that was made before; it is the one to restore
    std::string warning;                 ///< stop: why there is none although one was wanted; empty: nothing to tell
};
/// The running operation learned the UPID of its task; written down so that a restarted daemon adopts it.
struct task_started {
    std::string upid;
};

/// Whether Proxmox HA manages the guest, as the cluster's list says.
struct ha_seen {
    bool is_managed = false;
};
/// Whether it may run elsewhere than where its configuration is, and why; nothing: there is no doubt.
struct placement_seen {
    std::optional<refusal> doubt;
};
/// The node that the guest is being brought to cannot be reached any more.
struct target_gone {};
/// Its own node has been out of the cluster for a minute.
struct home_gone {
    node_name node;
};

/// Its home has been back for long enough, or an operator wants it there again.
struct go_home {
    bool is_ordered = false;
};

using event = std::variant<seen, tick, reconsider, resumed, planned, ordered, retry, finished, task_started, ha_seen,
                           target_gone, disable, abort_order, moved_by_hand, home_gone, go_home, placement_seen>;

// ---- effects -----------------------------------------------------------------------------------------------------
// At most one operation runs per guest; entering another phase cancels it.

enum class operation {
    none,
    restart,         ///< restart in place, or start a guest that crashed
    preflight,       ///< gather facts, make a plan
    plan_move,       ///< the same for a migration away from a node that is about to go down
    claim,           ///< take the number of this hand-over
    stop,            ///< shutdown, stop, verified by two sources
    fence,           ///< until a proof that the unreachable source runs nothing
    isolate,         ///< park, or relocate the configuration
    look_at_target,  ///< is something of ours there already?
    restore,
    clean,  ///< remove our own half-made replacement from the target
    start,
    migrate,    ///< home, or away from a node that goes down, by PVE's migration
    roll_back,  ///< configuration home (if it was moved), start the original
};
[[nodiscard]] const char* name_of(operation o) noexcept;

struct alert {
    std::string code;
    std::string text;
};

struct step;

/// State plus what need not survive a crash.
struct state {
    record saved;
    time_point entered{};
    std::optional<time_point> deadline;
    health::standing last = health::standing::unknown;
    std::string last_reason;
    time_point unknown_since{};
    std::optional<time_point> alone_since;  ///< nobody else finds it down
    bool is_alone_told = false;
    time_point next_failback{};  ///< not by itself before: the last try failed
    time_point next_move{};      ///< when it is asked again where it can go before its node does
};

struct step {
    state now;
    operation run = operation::none;  ///< to be started after the record is written
    bool cancel = false;              ///< the running operation no longer counts
    std::vector<alert> alerts;
    bool dirty = false;  ///< the record differs and must be written
};

/// Restores and evacuations of other guests that are under way or claimed (I10).
class traffic {
  public:
    static constexpr int most = 2;  ///< in the whole cluster; one per target
    int under_way = 0;
    int ahead = 0;  ///< guests that wait for their turn as well, and come first
    std::set<node_name> targets;
};

struct surroundings {
    const policy& rules;
    bool armed = false;
    std::string no_claims;  ///< why no hand-over may begin now although all is well; empty: it may
    time_point now;
    wall_time wall;
    const refusal* paused = nullptr;  ///< nothing may be begun for this guest, but by order; null: it may
    /// Asked only by who wants to begin: to count a thousand guests at every answer of a probe would cost more than the
    /// probe. Empty: nobody counts.
    std::function<traffic()> others = nullptr;
    std::optional<leave_notice> leaving = std::nullopt;  ///< what its node says
    bool is_home_gone = false;                           ///< its node is out of the cluster
    std::string alone = {};        ///< we find it down, and nobody else does: who says what; empty: no such thing
    bool is_contradicted = false;  ///< … because another daemon finds it up; otherwise no other can say
    std::string lock = {};         ///< that PVE holds on it while its node is there; bad answers then say nothing
};

/// The hold of a guest that may run elsewhere than where its configuration is.
inline constexpr const char* placement_mismatch = "placement_mismatch";

/// Whether it is held after its configuration was parked: it goes on by itself, and nothing else can be done for it.
[[nodiscard]] bool is_parked(const record& r) noexcept;

/// Whether its replacement runs, but has never passed its checks. What its reason then begins with:
inline constexpr const char* unverified = "unverified: ";
[[nodiscard]] bool is_unverified(const record& r) noexcept;

/// Whether the guest rests on the node that a hand-over brought it to, and could be taken home from there.
[[nodiscard]] bool can_go_home(const record& r) noexcept;

/// Whether that guest keeps others from being restored or moved away, and where.
[[nodiscard]] bool is_traffic(const record& r) noexcept;

/// Whether that guest is about to be handed over and waits for nothing but time: for its turn, for its node to have
/// been gone for long enough, or for its plan.
[[nodiscard]] bool is_waiting(const record& r) noexcept;

/// Whether something is being changed for a guest in that phase.
[[nodiscard]] bool is_acting(phase p) noexcept;

/// The node that its replacement, or the guest on its way home or away, is being brought to or has just come to; ""
/// when none.
[[nodiscard]] node_name bound_for(const record& r);

/// Whether a hand-over in that phase can still be given up for free.
[[nodiscard]] bool can_abort(phase p) noexcept;

/// Whether an `ha_seen`, `placement_seen`, `target_gone`, `moved_by_hand` or `home_gone` tells that state something
/// new.
[[nodiscard]] bool is_news(const state& now, const event& what);

[[nodiscard]] step advance(state before, const event& what, const surroundings& around);

/// A guest that has no record yet.
[[nodiscard]] state first_state(guest_id guest, time_point now, wall_time wall);

}  // namespace steward::failover
