#pragma once
#include "core/failover/machine.hpp"

#include <optional>
#include <string>
#include <vector>

/// Plays a failover machine in a test.
namespace steward::failover {

using health::standing;
using namespace std::chrono_literals;

inline constexpr guest_id ct101{guest_type::ct, vmid(101)};

inline plan some_plan(strategy how = strategy::restore) {
    plan p;
    p.how = how;
    p.source = node_name("n1");
    p.targets = {node_name("n2"), node_name("n3")};
    return p;
}

/// Its node is gone, and proven to be.
inline plan from_dead_node() {
    plan p = some_plan();
    p.is_source_gone = true;
    return p;
}

/// Plays events against the machine, one second apart, and remembers what it wanted done.
class player {
  public:
    player() : at_(first_state(ct101, time_point(1h), wall_time(1'800'000'000s))) { at_.saved.seen_up = true; }

    /// Takes up what an earlier daemon has written.
    explicit player(record found) : player() { at_.saved = std::move(found); }

    player& say(const event& e) {
        now_ += 1s;
        surroundings around{
            rules,   armed,       no_claims, now_, wall(), paused ? &*paused : nullptr, [this] { return others; },
            leaving, is_home_gone};
        around.alone = alone;
        around.is_contradicted = is_contradicted;
        around.lock = lock;
        step s = advance(at_, e, around);
        at_ = std::move(s.now);
        last_run = s.run;
        is_written = s.dirty;
        is_cancelled = s.cancel;
        for (alert& a : s.alerts) {
            alerts.push_back(std::move(a.code));
            told.push_back(std::move(a.text));
        }
        return *this;
    }
    /// Its checks fail often enough, and no restart in place is left.
    player& fail() {
        rules.restart_attempts = 0;
        return say(seen{standing::suspicious, "refused"}).down();
    }
    player& down() { return say(seen{standing::down, "refused"}); }
    player& up() { return say(seen{standing::up, "ok"}); }
    player& done(std::string code = "") {
        finished f;
        f.code = std::move(code);
        return say(f);
    }
    player& ends(outcome end, std::string code = "") {
        finished f;
        f.how = end;
        f.code = std::move(code);
        f.text = "some reason";
        return say(f);
    }
    player& wait(duration d) { return pass(d).say(tick{}); }
    /// Nobody says that time has passed.
    player& pass(duration d) {
        now_ += d;
        return *this;
    }
    /// From watching to the given phase of a hand-over without incidents.
    player& until(phase p) {
        fail();
        if (at() == p) return *this;
        say(planned{some_plan(how)});
        for (int i = 0; i < 12 && at() != p; ++i) {
            if (at() == phase::parked)
                done("");
            else if (at() == phase::restored)
                done("present");
            else if (at() == phase::isolating) {
                finished f;
                f.parked_path = how == strategy::restore ? "priv/parked" : "";
                say(f);
            } else
                done();
        }
        return *this;
    }

    [[nodiscard]] phase at() const { return at_.saved.at; }
    [[nodiscard]] std::string held() const { return at_.saved.held ? at_.saved.held->code : std::string(); }
    [[nodiscard]] const record& saved() const { return at_.saved; }
    [[nodiscard]] const state& now() const { return at_; }
    [[nodiscard]] time_point time() const { return now_; }
    [[nodiscard]] wall_time wall() const {
        return wall_time(1'800'000'000s) + std::chrono::duration_cast<std::chrono::seconds>(now_ - time_point(1h)) +
               wall_step;
    }
    /// Until its limit, from now on; nothing when it has none.
    [[nodiscard]] std::optional<duration> limit() const {
        if (!at_.deadline) return std::nullopt;
        return *at_.deadline - now_;
    }

    policy rules;
    bool armed = true;
    std::string no_claims;             ///< why no hand-over may begin
    std::chrono::seconds wall_step{};  ///< by how much somebody has set the wall clock
    strategy how = strategy::restore;
    std::optional<refusal> paused;        ///< why nothing may be begun
    std::optional<leave_notice> leaving;  ///< what its node says
    bool is_home_gone = false;            ///< its node is out of the cluster
    traffic others;                       ///< restores of other guests
    std::string alone;                    ///< why nobody else finds it down
    bool is_contradicted = false;         ///< because somebody else finds it up
    std::string lock;                     ///< that PVE holds on it
    operation last_run = operation::none;
    bool is_written = false;          ///< the last event changed the record
    bool is_cancelled = false;        ///< it ended what ran
    std::vector<std::string> alerts;  ///< their codes
    std::vector<std::string> told;    ///< and texts

  private:
    state at_;
    time_point now_{1h};
};

}  // namespace steward::failover
