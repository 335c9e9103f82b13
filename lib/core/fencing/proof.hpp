#pragma once
#include "base/time.hpp"
#include "core/lease/node_lease.hpp"

#include <optional>
#include <string>

/// Whether a node is proven to run nothing (reliability §1.3). Without proof nothing of it is started elsewhere.
namespace steward::fencing {

enum class proof {
    stopped,   ///< the source says so itself, by two ways
    released,  ///< it stopped everything and left
    reboot,    ///< it is back with another boot id
    agent,     ///< a fence agent says it is off, and it gave no sign of life since
    waitout,   ///< its watchdog must have fired by now
    selfstop,  ///< its guard must have killed everything by now; only where that is accepted
    manual,    ///< a person says so, by name
};
[[nodiscard]] const char* name_of(proof p) noexcept;

class timing {
  public:
    /// D_max = 5 + 62 + 62 + 10 + 1 = 140 s after its last renewal a node with a watchdog is dead (E2); with clocks
    /// that differ by 0.1 % and a second on top 141.6, so 150.
    static constexpr duration take = std::chrono::seconds(150);
    /// A node is offline when it has been out of the membership for so long (E4).
    static constexpr duration off = std::chrono::seconds(60);
    static constexpr duration after_agent = std::chrono::seconds(10);
    /// A guard that has let its guests go is not taken at its word before it has missed so many renewals.
    static constexpr duration after_release = std::chrono::seconds(30);
};

/// A person's word, written down: about that boot of that node and no other.
class confirmation {
  public:
    std::string boot_id;
    std::string by;
    wall_time when{};
};

/// In place of a person: a fence agent did it and was verified.
inline constexpr const char* by_fence_agent = "fence agent";

[[nodiscard]] std::string to_text(const confirmation& c);
/// Nothing when the text is none.
[[nodiscard]] std::optional<confirmation> parse_confirmation(const std::string& text);

/// What is known about a node that cannot be reached.
class evidence {
  public:
    node_name node;
    bool is_member = false;                  ///< of our membership, right now
    std::optional<duration> gone_for;        ///< out of it for so long; nothing: it is in
    std::optional<lease::node_lease> lease;  ///< the last one seen
    std::optional<duration> silence;         ///< since then
    std::string boot_at_claim;               ///< its boot when the fencing began; "" when unknown
    std::optional<confirmation> confirmed;
    bool has_agent = false;                ///< a fence agent is configured that could switch it off
    std::string agent_failure;             ///< what it said when it was tried last; "" when it may be tried
    std::optional<duration> off_by_agent;  ///< a fence agent reported off, and was verified, so long ago
    bool has_same_guests = true;           ///< its daemon is configured like ours: its guard ends what we think it ends
    bool accepts_weak = false;             ///< the guest's accept_weak_fence
    bool shows_life = false;               ///< the guest still answers somebody in the majority
};

/// A proof, or why there is none (yet).
class verdict {
  public:
    std::optional<proof> given;
    std::string code;     ///< "no_fence", "life_evidence"; "" while it is only a matter of time
    std::string text;     ///< for people
    std::string release;  ///< what would change it
};
[[nodiscard]] verdict judge(const evidence& e);
/// Whether its fence agent should switch the node off now: it is gone for long enough, nobody saw it alive, and neither
/// was that done nor has it just failed.
[[nodiscard]] bool wants_agent(const evidence& e);

}  // namespace steward::fencing
