#pragma once
#include "base/time.hpp"

#include <cstdint>
#include <optional>
#include <variant>

/// Who may act: at most one daemon, and only while it is sure (reliability §3.2, §1.4 E1, L1–L5). (state, event, now) →
/// (state, effect); it reads no clock and does no I/O. All times are of this node's own clock, which runs on while the
/// machine sleeps.
namespace steward::leader {

enum class phase {
    observer,   ///< somebody else leads, or nobody yet
    acquiring,  ///< asks for the lock
    claiming,   ///< has the lock; takes the next epoch
    settling,   ///< leads, adopts what was under way, begins nothing
    leading,
    paused,  ///< the last renewal is too old to act; perhaps the next one succeeds
};
[[nodiscard]] const char* name_of(phase p) noexcept;

class timing {
  public:
    static constexpr duration renewal = std::chrono::seconds(10);
    static constexpr duration act = std::chrono::seconds(30);  ///< after a renewal requests may be issued for so long …
    static constexpr duration hold = std::chrono::seconds(45);      ///< … and the lock is ours for so long
    static constexpr duration release = std::chrono::seconds(20);   ///< … and may be removed for so long (L4)
    static constexpr duration silence = std::chrono::seconds(120);  ///< before anybody asks for another's lock (L3)
    static constexpr duration stuck = std::chrono::seconds(180);    ///< so old, and still not to be had: for a person
    static constexpr duration settle = std::chrono::seconds(30);
    static constexpr duration aside = std::chrono::seconds(120);
    static constexpr duration retry = std::chrono::seconds(2);
};

// ---- events
/// Time has passed.
struct tick {};
/// The lock as it stands: whether it exists, and for how long its stamp has not changed before our eyes.
struct lock_seen {
    bool is_held = false;
    duration silence{};
};
/// The answers to the effects. `begun` is from before the call: a lease counts from there.
struct acquired {
    bool ok = false;
    time_point begun{};
};
struct epoch_answer {
    bool ok = false;  ///< ours now; else somebody has it, unless …
    std::uint64_t epoch = 0;
    bool is_unknown = false;  ///< … nobody could say
};
struct renewed {
    bool ok = false;
    time_point begun{};
};
/// The highest epoch that anybody has claimed.
struct epoch_seen {
    std::uint64_t epoch = 0;
};
/// Whether the node is part of the majority, and whether there is anything to lead (guests, mode).
struct fitness {
    bool is_quorate = false;
    bool is_wanted = false;
};
/// Somebody else should: this daemon ends, goes to maintenance, or cannot reach the API.
struct step_down {};

using event = std::variant<tick, lock_seen, acquired, epoch_answer, renewed, epoch_seen, fitness, step_down>;

// ---- effects
enum class effect {
    none,
    ask_expiry,   ///< utime 0 on the lock, then try mkdir
    acquire,      ///< mkdir
    claim_epoch,  ///< mkdir epoch/<state.epoch>
    renew,
    release,  ///< rmdir
    drop,     ///< cancel everything in flight; never rmdir
};

class state {
  public:
    phase at = phase::observer;
    std::uint64_t epoch = 0;   ///< ours, or the highest one seen
    time_point lease_since{};  ///< R: before the call whose success renewed the lease
    time_point entered{};
    time_point next_renewal{};
    time_point not_before{};  ///< while it stands aside
    fitness fit;
};

class step {
  public:
    state now;
    effect run = effect::none;
};

[[nodiscard]] step advance(state before, const event& what, time_point now);

/// Whether a request may be issued now (E1).
[[nodiscard]] bool may_act(const state& s, time_point now);
/// Whether new hand-overs may be claimed: acting, and settled.
[[nodiscard]] bool may_claim(const state& s, time_point now);
/// When `tick` is due.
[[nodiscard]] time_point next_tick(const state& s, time_point now);

}  // namespace steward::leader
