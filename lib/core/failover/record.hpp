#pragma once
#include "base/ids.hpp"
#include "core/failover/phase.hpp"
#include "core/failover/plan.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace steward::failover {

/// One line of a guest's story.
struct story_line {
    phase at = phase::watching;
    wall_time when{};
    duration took{};   ///< time spent in that phase, once it is over
    std::string note;  ///< why it was entered
};

struct hold {
    std::string code;
    std::string text;
    std::string release;
    wall_time until{};  ///< not looked at again before; zero: at the next chance
};

/// Everything that must survive a crash, one per guest: written before each effect (reliability §3.1). At most 4 KiB as
/// JSON. No secrets.
struct record {
    static constexpr int format = 1;

    guest_id guest;
    std::uint64_t sequence = 0;  ///< rises with every write
    std::uint64_t epoch = 0;     ///< of the leader that wrote it; 0: a single instance
    phase at = phase::watching;
    wall_time since{};
    std::string reason;
    std::string section;           ///< the selector of the configuration that it was chosen by; "": it was named
    bool seen_up = false;          ///< its checks have succeeded at least once: else a failure proves a wrong check
    std::uint32_t generation = 1;  ///< of the instance that is the guest now
    std::uint32_t claim = 1;       ///< highest number ever used for a hand-over of this guest
    std::optional<hold> held;

    std::vector<wall_time> restarts;   ///< in place, within the policy's window
    std::vector<wall_time> failovers;  ///< committed, within a day

    // The hand-over that runs or ran last.
    bool ordered = false;  ///< by a person
    wish asked;
    std::optional<plan> chosen;
    node_name target;                ///< being tried, or where the guest now lives
    std::vector<std::string> tried;  ///< targets that failed, with the reason: "n1: storage full"
    wall_time attempt_since{};       ///< since when tasks on `target` can be ours
    std::string proof;               ///< that its source runs nothing: "stopped", "waitout"… (reliability §1.3)
    std::string parked_path;
    std::string task;               ///< UPID to adopt after a crash
    bool operation_done = false;    ///< the restart (restarting) is over and must now show its effect
    std::vector<story_line> story;  ///< of this hand-over, oldest first
};

/// At most 4096 bytes: the oldest story lines and long notes give way.
[[nodiscard]] std::string to_json(const record& r);
/// `unsupported` when a newer program has written it, `garbage` when it is no record at all.
[[nodiscard]] result<record> parse_record(std::string_view text);

/// Name of a guest's record in the cluster_store: a vmid is unique across both types (reliability P9).
[[nodiscard]] std::string record_name(guest_id guest);

}  // namespace steward::failover
