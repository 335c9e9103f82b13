#pragma once
#include "base/time.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace steward::sim::scenario {

/// What can be seen to happen while a scenario runs; the words of SIM/1.
enum class sight {
    run,         ///< an instance of a guest begins on a node
    stop,        ///< … ends, in whatever way
    kill,        ///< … ended by the guard
    state,       ///< a failover machine enters a phase
    held,        ///< … holds; `name` is the reason's code
    alert,       ///< `name` is its code
    reset,       ///< a watchdog resets a node
    leader,      ///< a node becomes the leader; "none": nobody is
    fence,       ///< a node is proven down; `name` is the proof
    node_state,  ///< what Steward says of a node: online, offline, maintenance, gone
    guard,       ///< a guard's own state
    claim,       ///< a generation is taken for a hand-over
    abort,       ///< … and given up before its commit
    park,        ///< a configuration is parked: the commit
    restore,     ///< a restore task begins
    archive,     ///< … from a backup; `name` is newest, second, third or older
    backup,      ///< a backup of a guest begins, by whomever
    start,       ///< a start task of ours begins
    write,       ///< a changing call to PVE by the daemon of `node`; `name` is "POST /nodes/n1/lxc/101/status/stop"
    reject,      ///< an operator's command is refused; `name` is "failover", `node` or `guest` its object
    hook,        ///< a program of people's own is run for a guest; `name` is pre, post or failed
    exit,        ///< a process that was started on `node` ends at once; `name` says why
    crash,       ///< a daemon of `node` ended by itself
    broken,      ///< an invariant does not hold; `name` is I1…I12
};
[[nodiscard]] const char* name_of(sight s) noexcept;

class happening {
  public:
    happening(duration when, sight what) : at(when), kind(what) {}
    duration at;  ///< since the scenario's zero
    sight kind;
    std::string guest;  ///< "ct101"; empty when it is about a node or everything
    std::string node;
    std::string name;
    std::string text;     ///< for people
    bool stands = false;  ///< an alert whose reason was there before zero, and still is
};
/// "  260.0 s  run ct102 @ n1"
[[nodiscard]] std::string to_string(const happening& h);

/// How a guest stands when everything is over.
class end_of_guest {
  public:
    std::string runs_on;  ///< "n1", "n1+n2", "" when it is stopped
    std::string phase;    ///< "watching", "failed_parked"
    std::string held;     ///< the code of its hold
    bool is_healthy = false;
    bool is_unverified = false;  ///< runs, but its checks never succeeded after the hand-over
    int generation = 0;
    int priority = 0;                     ///< of guests that wait for their turn the higher one comes first
    std::optional<duration> lost_at;      ///< when it first was not retained any more
    bool is_retained = false;             ///< the configuration and every volume of the start still exist
    std::vector<std::string> remains_on;  ///< nodes with a configuration or volumes of it
};

class timeline {
  public:
    std::vector<happening> all;      ///< in order
    std::vector<std::string> nodes;  ///< that there are
    std::map<std::string, end_of_guest> guests;
    std::map<std::string, int> peaks;  ///< "restores" → how many ran at once at most
};

}  // namespace steward::sim::scenario
