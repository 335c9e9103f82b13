#pragma once
#include "base/ids.hpp"
#include "core/backup/archives.hpp"
#include "core/failover/leave_notice.hpp"
#include "core/fencing/proof.hpp"
#include "model/snapshot.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

/// Preflight: may this guest be handed over, to whom, from which archive? A pure function of what was observed.
namespace steward::failover {

/// Whether a guest whose node still works is backed up before it is stopped (mirrors config::fresh_backup).
enum class fresh_backup { off, attempt, require };
inline constexpr duration fresh_backup_limit = std::chrono::hours(1);

/// What the configuration says about one guest (mirrors config::restart_policy and config::failover_policy).
struct policy {
    bool accept_weak_fence = false;  ///< a guard's word without a watchdog counts as a fence
    int restart_attempts = 1;
    duration restart_window = std::chrono::minutes(30);
    duration restart_settle = std::chrono::seconds(60);

    bool failover_enabled = true;
    bool needs_approval = false;     ///< a hand-over waits for a person
    bool only_targets = true;        ///< false: after `targets` come all other nodes
    std::vector<guest_id> apart;     ///< never on a node where one of them is
    std::vector<guest_id> together;  ///< only on the node where they are
    std::vector<node_name> targets;  ///< in order of preference; empty: all, the one with most memory to spare first
    std::vector<node_name> avoid;
    std::optional<storage_id> storage;
    std::vector<storage_id> backup_storages;
    duration max_backup_age = std::chrono::hours(26);
    backup::choice prefer = backup::choice::healthy;  ///< of several archives within max_backup_age
    fresh_backup before = fresh_backup::off;
    int attempts = 2;
    duration stop_timeout = std::chrono::seconds(60);
    duration stall_timeout = std::chrono::seconds(300);
    duration start_timeout = std::chrono::seconds(120);
    duration verify_timeout = std::chrono::seconds(300);
    duration cooldown = std::chrono::seconds(600);
    int max_per_day = 3;
    shutdown_policy shutdown = shutdown_policy::conditional;
    duration reboot_grace = std::chrono::minutes(10);
    duration evacuate_timeout = std::chrono::minutes(10);  ///< so long nodes that go down are waited for
    bool fails_back = false;  ///< by itself, once its home has been back for failback_stable
    duration failback_stable = std::chrono::minutes(10);
};

/// What an operator asked for on top.
struct wish {
    std::optional<node_name> to;
    bool force = false;  ///< accept a backup older than max_backup_age; never anything about safety
};

/// Everything that was read for one decision. What could not be read is absent and its reason stands in `problems`.
struct facts {
    guest_id guest;
    wall_time now{};
    std::optional<model::cluster_view> view;
    std::optional<model::guest_status> status;
    std::optional<model::guest_config> config;
    std::map<std::string, std::set<std::string>> privileges;  ///< our own, by ACL path
    std::vector<model::backup> backups;
    std::string unread_backups;                     ///< why a storage's list of them could not be read; empty: all were
    std::map<volid, model::guest_config> archived;  ///< configuration inside an archive
    std::string stopped_by;                         ///< who stopped it on purpose; empty: nobody did
    std::optional<fencing::evidence> source;        ///< about its node, when that is not online
    std::string path_problem;                       ///< why the observers' opinion does not count as the guest's fault
    std::set<node_name> closed;                     ///< nodes in maintenance: nothing is brought there
    std::map<guest_id, node_name> bound;            ///< where replacements of other guests are brought, or just came
    std::map<node_name, std::uint64_t> reserved;    ///< bytes of memory that other replacements will still take
    std::string divergence;                         ///< why the observers are not asked the same questions
    std::string storm;                              ///< why too much fails at once for anybody to be believed
    std::optional<std::string> parking_problem;     ///< why configurations cannot be parked right now
    std::vector<std::string> problems;              ///< reads that failed, for people
};

/// `migrate`: PVE moves it as it is; both nodes work, and nothing is claimed, stopped or parked.
enum class strategy { restore, relocate, migrate };
[[nodiscard]] const char* name_of(strategy s) noexcept;

struct rejected {
    std::string what;  ///< a node or an archive
    std::string why;
};

/// What will be done; frozen when it is claimed.
struct plan {
    strategy how = strategy::restore;
    node_name source;
    bool is_source_gone = false;  ///< its node cannot be reached: it must be proven fenced, and there is no way back
    std::string source_boot;      ///< the boot that was seen last; "" when none was
    std::string digest;
    std::vector<node_name> targets;  ///< in order of preference
    storage_id storage;              ///< restore: where new volumes go; empty: where the archive says (VM)
    std::optional<model::backup> archive;
    std::vector<std::string> tags;  ///< the guest's own, without earlier generations
    std::vector<rejected> rejections;
    std::string archive_code;        ///< what is wrong with the newest archive that is not good enough
    std::vector<rejected> warnings;  ///< code and text, for people; nothing stands in the way
};

/// Why not, and what would change that.
struct refusal {
    std::string code;     ///< "locked", "no_backup"…: stable, for machines
    std::string text;     ///< for people
    std::string release;  ///< what would release the hold
    std::vector<rejected> rejections;
    bool is_untouchable = false;  ///< forbids a restart in place as well
    std::string also;             ///< code of an alert beside that of the hold, once its text is new; empty: none
};

/// Why the guest may not even be restarted in place; nothing when it may.
[[nodiscard]] std::optional<refusal> may_touch(const facts& seen);
[[nodiscard]] std::variant<plan, refusal> make_plan(const facts& seen, const policy& rules, const wish& asked);

/// ACL paths whose privileges the plan needs to know, given what is known so far.
[[nodiscard]] std::vector<std::string> acl_paths(const facts& seen, const policy& rules);
/// Every privilege that a hand-over can need, on whichever of these paths.
[[nodiscard]] std::set<std::string> needed_privileges();
/// Why archives of that guest may exist that we do not see: PVE shows none to who lacks the rights, and that looks like
/// there being none (pve-facts G.4); a storage may not be there. Empty: we see them all.
[[nodiscard]] std::string hidden_backups(const facts& seen, const policy& rules);
/// What of that our token lacks.
[[nodiscard]] std::string rights_to_see_backups(const facts& seen, const policy& rules);
/// Storages that may hold archives of this guest, by node to ask; from the snapshot.
[[nodiscard]] std::vector<storage_id> backup_storages(const model::cluster_view& view, const policy& rules);

}  // namespace steward::failover
