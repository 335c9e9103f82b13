#pragma once
#include "core/fencing/proof.hpp"
#include "core/fencing/self_fence.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace steward::model_check {

/// One node with its guard (the real machine), watchdog-mux and one guest; and the leader, who takes the guest over as
/// soon as the real judgement gives a proof. In steps of five seconds; anything may go wrong at each of them. The other
/// nodes always have a majority: without one nobody takes anything over.
class fence_world {
  public:
    /// What may be taken away, to see that it was needed.
    enum class weakness {
        none,
        waits_less,        ///< the leader counts 45 s too much (E2)
        no_embargo,        ///< after a boot guests start before a lease was written
        believes_in_none,  ///< a node that promised nothing is waited out all the same
        keeps_no_promise,  ///< the guard ends nothing
    };

    /// All of it in bytes; times are in steps.
    struct State {
        std::uint8_t is_on = 1;
        std::uint8_t is_frozen = 0;   ///< the whole machine
        std::uint8_t is_stalled = 0;  ///< the guard's process only
        std::uint8_t is_cut = 0;      ///< off the network
        std::uint8_t unreachable = 0;
        // the guard
        std::uint8_t phase = 0;
        std::uint8_t promise = 0;
        std::uint8_t written = 0;
        std::uint8_t has_watchdog = 0;
        std::uint8_t is_relied_on = 0;
        std::uint8_t has_renewed = 0;
        std::uint8_t suspended = 0;
        std::uint8_t is_slow = 0;
        std::uint8_t fed_age = 0;
        std::uint8_t lease_age = 0;
        std::uint8_t has_guests = 0;  ///< as it knows them
        std::uint8_t runs_guests = 0;
        std::uint8_t leaving = 0;
        std::uint8_t in_flight = 0;  ///< a renewal that has begun, one step ago is 1; 0: none
        std::uint8_t sent = 0;       ///< the promise in it
        std::uint8_t is_done = 0;    ///< it stands there already, only the answer is not there yet
        std::uint8_t pause = 0;      ///< until the next one
        std::uint8_t must_feed = 0;  ///< the age was looked at, the feed is its next instruction
        // watchdog-mux
        std::uint8_t mux = 0;      ///< 0: no client; else one more than the steps since it was fed
        std::uint8_t dies_in = 0;  ///< the device is fed no more
        // the guest
        std::uint8_t is_here = 0;
        std::uint8_t may_start = 0;  ///< the embargo is over
        std::uint8_t is_there = 0;   ///< the other copy, which also means that the configuration has moved
        // what stands in the lease, and the leader's view
        std::uint8_t boot = 0;
        std::uint8_t stored = 0;
        std::uint8_t has_lease = 0;
        std::uint8_t silence = 0;
        std::uint8_t is_fast = 0;  ///< the leader's clock has gained a step
        std::uint8_t faults = 0;   ///< so far
    };

    /// So many faults at most, at any moments; what mends one is none.
    fence_world(lease::contract wanted, int most_faults, weakness w = weakness::none)
        : wanted_(wanted), most_faults_(most_faults), weak_(w) {}

    [[nodiscard]] State first() const { return {}; }
    [[nodiscard]] int actions() const;
    [[nodiscard]] const char* name_of(int action) const;
    [[nodiscard]] std::optional<State> step(const State& from, int action) const;
    [[nodiscard]] const char* broken(const State& s) const;
    [[nodiscard]] std::string describe(const State& s) const;

  private:
    class moment;
    lease::contract wanted_;
    int most_faults_;
    weakness weak_;
    node_name node_{"n1"};
};

}  // namespace steward::model_check
