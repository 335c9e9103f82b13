#pragma once
#include "base/time.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace steward {

/// One condition that a decision depends on.
class gate {
  public:
    gate(std::string n, bool p, std::string t = {}) : name(std::move(n)), passes(p), text(std::move(t)) {}
    std::string name;  ///< "armed", "pause", "plan", "target n2"…
    bool passes;
    std::string text;  ///< why not, or what was counted; may be empty
};

/// Something that was decided or refused, with what it was decided on. It only tells: nothing reads it to act.
class decision {
  public:
    wall_time when{};
    std::string node;     ///< of the daemon that decided; "" in a daemon that is alone
    std::string about;    ///< "ct/101", "node/n2", "cluster"
    std::string kind;     ///< transition, hold, outcome, order, mode, pause, …: docs/ledger.md lists them
    std::string verdict;  ///< act, look, hold, wait, give_up, needs_person, done, watch, left_alone, accepted, refused…
    std::string code;     ///< of a hold, a refusal, an alert
    std::string text;     ///< why, for people
    std::string release;  ///< hold: what would end it
    std::string from;     ///< phase before
    std::string to;       ///< phase after
    std::string begins;   ///< operation that is begun; "" when none
    std::string by;       ///< the person who ordered it
    std::uint64_t epoch = 0;
    std::uint64_t generation = 0;                               ///< number of the hand-over
    std::vector<std::pair<std::string, std::string>> observed;  ///< what was known
    std::vector<gate> gates;
    std::uint64_t repeats = 0;  ///< the same was decided so often since it was written last
};

}  // namespace steward
