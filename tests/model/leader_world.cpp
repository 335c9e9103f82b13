#include "leader_world.hpp"

#include "steps.hpp"

#include <algorithm>
#include <fmt/core.h>

namespace steward::model_check {

using namespace std::chrono_literals;
using leader::effect;
using leader::phase;

namespace {

constexpr std::uint8_t oldest = 30;           // steps; beyond every limit
constexpr std::uint8_t lock_expires = 24;     // pmxcfs: 120 s (P4)
constexpr std::uint8_t request_arrives = 12;  // 30 s of our client, 30 s of pveproxy (E1)
constexpr std::uint8_t most_epochs = 5;

enum action : std::uint8_t {
    nothing,
    majority_with_both,
    majority_with_first,
    majority_with_second,
    first_stands_still,
    second_stands_still,
    first_goes_on,
    second_goes_on,
    first_blocks,
    second_blocks,
    first_unheard,
    second_unheard,
    clock_is_set,
    first_steps_down,
    second_steps_down,
    count
};
constexpr std::array<const char*, count> names{"five seconds",
                                               "all nodes are together",
                                               "the second node is cut off",
                                               "the first node is cut off",
                                               "the first daemon stands still",
                                               "the second daemon stands still",
                                               "the first daemon goes on",
                                               "the second daemon goes on",
                                               "the first daemon's write blocks",
                                               "the second daemon's write blocks",
                                               "the first daemon's write is done, but reported as failed",
                                               "the second daemon's write is done, but reported as failed",
                                               "the clock that locks are judged by is set forward",
                                               "the first daemon is to stand down",
                                               "the second daemon is to stand down"};

std::uint8_t steps_until(time_point when) {
    const auto whole = (when - now + one_step - 1ns) / one_step;
    return static_cast<std::uint8_t>(std::clamp<std::int64_t>(whole, 0, oldest));
}

leader::state machine_of(const leader_world::Daemon& d) {
    leader::state m;
    m.at = static_cast<phase>(d.phase);
    m.epoch = d.epoch;
    m.lease_since = now - one_step * d.lease_age;
    m.entered = now - one_step * d.entered_age;
    m.next_renewal = now + one_step * d.renew_in;
    m.not_before = now + one_step * d.stand_aside;
    m.fit = {d.is_quorate != 0, true};
    return m;
}

void keep(const leader::state& m, leader_world::Daemon& d) {
    d.phase = static_cast<std::uint8_t>(m.at);
    d.epoch = static_cast<std::uint8_t>(m.epoch);
    d.lease_age = steps_since(m.lease_since, oldest);
    d.entered_age = steps_since(m.entered, 8);
    d.renew_in = steps_until(m.next_renewal);
    d.stand_aside = steps_until(m.not_before);
    d.is_quorate = m.fit.is_quorate ? 1 : 0;
}

}  // namespace

/// One step under way.
class leader_world::moment {
  public:
    moment(const leader_world& world, const State& from, int what) : world_(world), s(from), what_(what) {}

    bool happen() {
        if (!is_possible()) return false;
        if (is_fault() && ++s.faults > world_.most_faults_) return false;
        pass_time();
        change();
        for (std::size_t who : {0U, 1U}) {
            write(who);
            if (s.daemons.at(who).is_paused == 0) run(who);
        }
        return s.epoch <= most_epochs;
    }
    [[nodiscard]] const State& result() const { return s; }

  private:
    [[nodiscard]] bool is_about(std::size_t who, action first) const { return what_ == static_cast<int>(first + who); }

    [[nodiscard]] bool is_possible() const {
        const auto& [a, b] = s.daemons;
        switch (what_) {
            case majority_with_both: return s.majority != 3;
            case majority_with_first: return s.majority != 1;
            case majority_with_second: return s.majority != 2;
            case first_stands_still: return a.is_paused == 0;
            case second_stands_still: return b.is_paused == 0;
            case first_goes_on: return a.is_paused != 0;
            case second_goes_on: return b.is_paused != 0;
            // Only what may be under way can block; what has just begun is asked again a step later.
            case first_blocks:
            case first_unheard: return a.call != 0 && a.answer == 0;
            case second_blocks:
            case second_unheard: return b.call != 0 && b.answer == 0;
            // pmxcfs judges a lock by the difference of two calendar times of one node (P4). In the very moment in
            // which somebody asks is beyond this world: two may then act until they look at the epochs, a few seconds
            // later, and what they do meets claims, digests and taken vmids (L5).
            case clock_is_set: return s.owner != 0 && !asks(a) && !asks(b);
            case first_steps_down: return a.is_paused == 0 && is_leading(a);
            case second_steps_down: return b.is_paused == 0 && is_leading(b);
            default: return true;
        }
    }

    [[nodiscard]] bool is_fault() const {
        return what_ != nothing && what_ != majority_with_both && what_ != first_goes_on && what_ != second_goes_on;
    }

    static bool asks(const Daemon& d) { return static_cast<effect>(d.call) == effect::ask_expiry; }

    static bool is_leading(const Daemon& d) {
        const auto p = static_cast<phase>(d.phase);
        return p == phase::settling || p == phase::leading || p == phase::paused;
    }

    void pass_time() {
        count_up(s.lock_age, lock_expires);
        for (Daemon& d : s.daemons) {
            count_up(d.lease_age, oldest);
            count_up(d.entered_age, 8);
            count_down(d.renew_in);
            count_down(d.stand_aside);
            count_up(d.silence, oldest);
            if (d.call != 0) count_up(d.call_age, oldest);
            if (d.request_age != 0 && ++d.request_age > request_arrives) d.request_age = d.request_epoch = 0;
        }
    }

    void change() {
        switch (what_) {
            case majority_with_both: s.majority = 3; break;
            case majority_with_first: s.majority = 1; break;
            case majority_with_second: s.majority = 2; break;
            case first_stands_still: s.daemons[0].is_paused = 1; break;
            case second_stands_still: s.daemons[1].is_paused = 1; break;
            case first_goes_on: s.daemons[0].is_paused = 0; break;
            case second_goes_on: s.daemons[1].is_paused = 0; break;
            case clock_is_set: s.lock_age = lock_expires; break;
            case first_steps_down: tell(0, leader::step_down{}); break;
            case second_steps_down: tell(1, leader::step_down{}); break;
            default: break;
        }
    }

    [[nodiscard]] bool has_majority(std::size_t who) const { return (s.majority >> who & 1U) != 0; }

    /// The system call itself: whoever made it may stand still meanwhile.
    void write(std::size_t who) {
        Daemon& d = s.daemons.at(who);
        if (d.call == 0 || d.answer != 0) return;
        const bool is_over = d.call_age >= longest_block;
        if (!has_majority(who) || is_over) {
            if (is_over || d.call_age >= 2) d.answer = 2;
            return;
        }
        if (is_about(who, first_blocks)) return;
        const bool ok = carry_out(who, d);
        d.answer = is_about(who, first_unheard) ? 3 : ok ? 1 : 2;
    }

    bool carry_out(std::size_t who, const Daemon& d) {
        const auto mine = static_cast<std::uint8_t>(who + 1);
        switch (static_cast<effect>(d.call)) {
            case effect::ask_expiry:
                if (s.lock_age >= lock_expires) s.owner = 0;
                [[fallthrough]];
            case effect::acquire:
                if (s.owner != 0) return false;
                s.owner = mine;
                touch();
                return true;
            case effect::claim_epoch:
                if (s.epoch >= d.epoch) return false;
                s.epoch = d.epoch;
                return true;
            case effect::renew:
                if (s.owner != mine) return false;
                touch();
                return true;
            case effect::release:
                s.owner = 0;  // nobody asks whose it is (P7)
                return true;
            default: return false;
        }
    }

    void touch() {
        s.lock_age = 0;
        for (Daemon& d : s.daemons) d.has_news = 1;
    }

    void tell(std::size_t who, const leader::event& event) {
        Daemon& d = s.daemons.at(who);
        const leader::step next = leader::advance(machine_of(d), event, now);
        keep(next.now, d);
        begin(d, next.run);
    }

    void begin(Daemon& d, effect what) {
        if (what == effect::none || what == effect::drop) return;
        // What still arrives of a leader that gave its lock back meets claims, digests and taken vmids (L5).
        if (what == effect::release) d.request_age = d.request_epoch = 0;
        d.call = static_cast<std::uint8_t>(what);
        d.call_age = 0;
        d.answer = 0;
    }

    /// The order of services/leadership: what it waited for, its own age, then what it sees.
    void run(std::size_t who) {
        Daemon& d = s.daemons.at(who);
        send(d);  // others in the same process may have their turn first
        if (d.call != 0) {
            if (d.answer == 0) return;  // nothing is decided meanwhile
            hear(who);
        }
        if (d.call == 0) tell(who, leader::tick{});
        if (d.call == 0) tell(who, leader::fitness{has_majority(who), true});
        if (d.call == 0 && has_majority(who)) see(who);
        send(d);
    }

    void hear(std::size_t who) {
        Daemon& d = s.daemons.at(who);
        const auto call = static_cast<effect>(d.call);
        const time_point begun = now - one_step * d.call_age;
        const bool ok = d.answer == 1;
        const bool is_unknown = d.answer == 3;
        const std::uint8_t wanted = d.epoch;
        d.call = d.call_age = d.answer = 0;
        if (call == effect::claim_epoch) return tell(who, leader::epoch_answer{ok, wanted, is_unknown});
        if (call == effect::renew) return tell(who, leader::renewed{ok, begun});
        if (call == effect::release) return;
        tell(who, leader::acquired{ok, begun});
    }

    void see(std::size_t who) {
        Daemon& d = s.daemons.at(who);
        tell(who, leader::epoch_seen{s.epoch});
        if (d.has_news != 0 || s.owner == 0) d.silence = 0;
        d.has_news = 0;
        duration silence = one_step * d.silence;
        if (world_.weak_ == weakness::asks_early) silence += 75s;
        if (d.call == 0) tell(who, leader::lock_seen{s.owner != 0, silence});
    }

    void send(Daemon& d) const {
        if (!world_.acts(d)) return;
        d.request_age = 1;
        d.request_epoch = d.epoch;
    }

    const leader_world& world_;
    State s;
    int what_;
};

bool leader_world::acts(const Daemon& d) const {
    const auto p = static_cast<phase>(d.phase);
    if (d.is_paused != 0) return false;
    if (weak_ == weakness::acts_without_looking)
        return p == phase::leading || p == phase::settling || p == phase::paused;
    return leader::may_act(machine_of(d), now);
}

int leader_world::actions() const { return count; }
const char* leader_world::name_of(int action) const { return names.at(static_cast<std::size_t>(action)); }

std::optional<leader_world::State> leader_world::step(const State& from, int action) const {
    moment m(*this, from, action);
    if (!m.happen()) return std::nullopt;
    return m.result();
}

const char* leader_world::broken(const State& s) const {
    const auto& [a, b] = s.daemons;
    if (acts(a) && acts(b)) return "two leaders act at once (I2)";
    const auto meets = [this](const Daemon& acting, const Daemon& other) {
        return acts(acting) && other.request_age != 0 && other.request_epoch < acting.epoch;
    };
    if (meets(a, b) || meets(b, a)) return "a request of an earlier leader may still arrive (E1)";
    return nullptr;
}

std::string leader_world::describe(const State& s) const {
    std::string text = fmt::format("lock {}, {} s old, epoch {}",
                                   s.owner == 0   ? "free"
                                   : s.owner == 1 ? "the first's"
                                                  : "the second's",
                                   5 * s.lock_age, s.epoch);
    for (std::size_t who : {0U, 1U}) {
        const Daemon& d = s.daemons.at(who);
        text += fmt::format("; {} in epoch {}, renewed {} s ago{}{}{}", leader::name_of(static_cast<phase>(d.phase)),
                            d.epoch, 5 * d.lease_age, d.is_paused ? ", stands still" : "",
                            (s.majority >> who & 1U) != 0 ? "" : ", cut off", acts(d) ? ", ACTS" : "");
    }
    return text;
}

}  // namespace steward::model_check
