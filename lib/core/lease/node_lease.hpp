#pragma once
#include "base/daemon_words.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What every node says about itself every ten seconds, and how long it has been silent (reliability §1.3, §1.4 E3).
namespace steward::lease {

/// What a guard promises: what becomes of the node's guests when the lease is no longer renewed.
enum class contract {
    none,      ///< nothing: silence proves nothing
    selfstop,  ///< the guard kills them, without a watchdog that would see to it if it cannot
    watchdog,  ///< the node is reset
    released,  ///< all of them are stopped: a clean shutdown
    frozen,    ///< a planned reboot
};
[[nodiscard]] const char* name_of(contract c) noexcept;
[[nodiscard]] std::optional<contract> parse_contract(std::string_view text) noexcept;

/// Whether all of a node's managed guests were stopped when that was promised.
[[nodiscard]] bool is_empty_handed(contract c) noexcept;

/// What a node that is going down is going down for.
enum class departure { none, shutdown, reboot };
[[nodiscard]] const char* name_of(departure d) noexcept;
[[nodiscard]] std::optional<departure> parse_departure(std::string_view text) noexcept;

/// One node's lease as it stands in pmxcfs: at most 4 KiB of `key=value` lines, because the guard writes it.
class node_lease {
  public:
    node_name node;
    std::string boot_id;
    std::uint64_t renewals = 0;  ///< of this boot; any change is a sign of life
    contract promise = contract::none;
    departure leaving = departure::none;
    std::string config_digest;     ///< of the daemon's configuration: observers with other ones do not vote
    bool is_fit = true;            ///< its daemon trusts its own eyes (reliability I6)
    std::uint64_t leads = 0;       ///< the epoch in which its daemon leads; 0: it does not
    std::vector<guest_id> down;    ///< that its checks find down …
    std::vector<guest_id> unsure;  ///< … or cannot judge. All others are up
    question asks;                 ///< the others to look at …
    std::vector<guest_id> asked;   ///< … these guests; only whoever leads does
    question answers;              ///< the last question for which its daemon has looked
};
/// What the daemon said goes in for so long after it was heard; whom its configuration is about, for ever.
inline constexpr duration words_last = std::chrono::seconds(30);
void add_words(node_lease& to, const daemon_words& words, bool is_fresh);
[[nodiscard]] std::string to_text(const node_lease& l);
/// `garbage` when it is none.
[[nodiscard]] result<node_lease> parse_node_lease(std::string_view text);

/// The leases that one observer has seen, by its own clock. A lease that it sees for the first time counts from then.
class lease_watch {
  public:
    void observe(const node_lease& seen, time_point now);
    /// For how long no renewal has been seen; nothing when there was never any lease.
    [[nodiscard]] std::optional<duration> silence(const node_name& node, time_point now) const;
    [[nodiscard]] const node_lease* last(const node_name& node) const;
    /// Whether it was renewed before our eyes, not only found.
    [[nodiscard]] bool has_changed(const node_name& node) const;
    [[nodiscard]] time_point first_seen(const node_name& node) const;
    /// After a pause of the observer itself nothing that was counted before can be trusted: all counts begin anew.
    void start_again(time_point now);

  private:
    class known_lease {
      public:
        node_lease lease;
        time_point changed;
        time_point first;
    };
    std::map<node_name, known_lease> known_;
};

}  // namespace steward::lease
