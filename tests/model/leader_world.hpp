#pragma once
#include "core/leader/leader.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace steward::model_check {

/// Two daemons (the real machine) that want to lead, and pmxcfs with its lock directory and its epochs. A third node
/// sides with either or both of them. In steps of five seconds; anything may go wrong at each of them.
class leader_world {
  public:
    enum class weakness {
        none,
        acts_without_looking,  ///< whoever led acts, however old its lease is (E1)
        asks_early,            ///< for the lock's expiry, after 45 s (L3)
    };

    struct Daemon {
        std::uint8_t phase = 0;
        std::uint8_t epoch = 0;
        std::uint8_t lease_age = 30;
        std::uint8_t entered_age = 8;
        std::uint8_t renew_in = 0;
        std::uint8_t stand_aside = 0;
        std::uint8_t is_quorate = 0;  ///< as it knows
        std::uint8_t is_paused = 0;
        std::uint8_t call = 0;           ///< under way: leader::effect
        std::uint8_t call_age = 0;       ///< steps
        std::uint8_t answer = 0;         ///< 0: none yet, 1: done, 2: refused, 3: nobody knows
        std::uint8_t silence = 0;        ///< of the lock, before its eyes
        std::uint8_t has_news = 0;       ///< the lock was renewed since it looked
        std::uint8_t request_age = 0;    ///< the youngest that may still arrive; 0: none
        std::uint8_t request_epoch = 0;  ///< in which it was sent
    };
    struct State {
        std::array<Daemon, 2> daemons;
        std::uint8_t majority = 3;  ///< bit 0: with the first, bit 1: with the second
        std::uint8_t owner = 0;     ///< of the lock, by the node that wrote it: 1 or 2; 0: it is free
        std::uint8_t lock_age = 0;
        std::uint8_t epoch = 0;   ///< the highest claimed
        std::uint8_t faults = 0;  ///< so far
    };

    /// So many faults at most, at any moments; what mends one is none.
    explicit leader_world(int most_faults, weakness w = weakness::none) : most_faults_(most_faults), weak_(w) {}

    [[nodiscard]] State first() const { return {}; }
    [[nodiscard]] int actions() const;
    [[nodiscard]] const char* name_of(int action) const;
    [[nodiscard]] std::optional<State> step(const State& from, int action) const;
    [[nodiscard]] const char* broken(const State& s) const;
    [[nodiscard]] std::string describe(const State& s) const;

  private:
    class moment;
    [[nodiscard]] bool acts(const Daemon& d) const;
    int most_faults_;
    weakness weak_;
};

}  // namespace steward::model_check
