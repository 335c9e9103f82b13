#include "core/leader/leader.hpp"

#include <algorithm>

namespace steward::leader {

namespace {

bool has_lock(phase p) {
    return p == phase::claiming || p == phase::settling || p == phase::leading || p == phase::paused;
}

class stepper {
  public:
    stepper(state before, time_point now) : now_(now) { out_.now = before; }

    state& s() { return out_.now; }
    void enter(phase p) {
        s().at = p;
        s().entered = now_;
    }
    void run(effect e) { out_.run = e; }

    /// Whatever was ours is not any more. The lock stays: it may be somebody else's already (L4, P7).
    void lose() {
        enter(phase::observer);
        run(effect::drop);
    }

    void on(const tick&) { check_age(); }

    /// L1: whatever the file system shows.
    void check_age() {
        const duration age = now_ - s().lease_since;
        if (!has_lock(s().at)) return;
        if (age >= timing::hold) return lose();
        if (age >= timing::act && (s().at == phase::leading || s().at == phase::settling)) enter(phase::paused);
        if (s().at == phase::settling && now_ - s().entered >= timing::settle) enter(phase::leading);
        if (now_ < s().next_renewal) return;
        s().next_renewal = now_ + timing::retry;
        run(s().at == phase::claiming ? effect::claim_epoch : effect::renew);
    }

    void on(const lock_seen& seen) {
        if (s().at != phase::observer || !s().fit.is_quorate || !s().fit.is_wanted || now_ < s().not_before) return;
        if (seen.is_held && seen.silence < timing::silence) return;
        enter(phase::acquiring);
        run(seen.is_held ? effect::ask_expiry : effect::acquire);
    }

    void on(const acquired& got) {
        if (s().at != phase::acquiring) return;
        if (!got.ok) {
            s().not_before = now_ + timing::retry;
            return enter(phase::observer);
        }
        s().lease_since = got.begun;
        s().next_renewal = now_ + timing::renewal;
        ++s().epoch;
        enter(phase::claiming);
        run(effect::claim_epoch);
    }

    void on(const epoch_answer& answer) {
        if (s().at != phase::claiming) return;
        if (now_ - s().lease_since >= timing::hold) return lose();
        if (answer.ok && answer.epoch == s().epoch) return enter(phase::settling);
        if (answer.is_unknown) {
            s().next_renewal = now_ + timing::retry;
            return;
        }
        ++s().epoch;
        run(effect::claim_epoch);
    }

    void on(const renewed& r) {
        if (!has_lock(s().at)) return;
        if (!r.ok) return check_age();
        // A call that began long ago proves as much as its beginning does.
        s().lease_since = std::max(s().lease_since, r.begun);
        s().next_renewal = std::max(now_, r.begun + timing::renewal);
        if (now_ - s().lease_since >= timing::hold) return lose();
        if (s().at == phase::paused && now_ - s().lease_since < timing::act) enter(phase::leading);
    }

    void on(const epoch_seen& seen) {
        if (seen.epoch <= s().epoch) return;
        s().epoch = seen.epoch;
        if (has_lock(s().at)) lose();
    }

    void on(const fitness& f) {
        s().fit = f;
        if (!f.is_quorate && has_lock(s().at)) lose();
        if (!f.is_wanted && has_lock(s().at)) give_back(duration::zero());
    }

    void on(const step_down&) {
        s().not_before = now_ + timing::aside;
        if (has_lock(s().at)) give_back(timing::aside);
    }

    void give_back(duration aside) {
        s().not_before = now_ + aside;
        const bool is_surely_ours = now_ - s().lease_since < timing::release;
        enter(phase::observer);
        run(is_surely_ours ? effect::release : effect::drop);
    }

    step take() { return out_; }

  private:
    time_point now_;
    step out_;
};

}  // namespace

const char* name_of(phase p) noexcept {
    switch (p) {
        case phase::observer: return "observer";
        case phase::acquiring: return "acquiring";
        case phase::claiming: return "claiming";
        case phase::settling: return "settling";
        case phase::leading: return "leading";
        case phase::paused: return "paused";
    }
    return "observer";
}

step advance(state before, const event& what, time_point now) {
    stepper s(before, now);
    std::visit([&](const auto& e) { s.on(e); }, what);
    return s.take();
}

bool may_act(const state& s, time_point now) {
    return (s.at == phase::leading || s.at == phase::settling) && now - s.lease_since < timing::act;
}

bool may_claim(const state& s, time_point now) { return s.at == phase::leading && may_act(s, now); }

time_point next_tick(const state& s, time_point now) {
    if (!has_lock(s.at)) return now + timing::renewal;
    time_point due = s.lease_since + timing::hold;
    due = std::min(due, s.next_renewal);
    if (s.at == phase::settling) due = std::min(due, s.entered + timing::settle);
    if (s.at != phase::paused) due = std::min(due, s.lease_since + timing::act);
    return std::max(due, now);
}

}  // namespace steward::leader
