#pragma once
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace steward::sim {

class cluster;

/// One thing that will go wrong with a guest, here or there, so many times.
class guest_fault {
  public:
    guest_fault(guest_id whom, std::string what) : guest(whom), kind(std::move(what)) {}
    guest_id guest;
    std::string
        kind;  ///< "stop-fails", "start-fails", "shutdown-hangs", "fail", "hang", "workerkill", "enospc", "slow"
    std::vector<node_name> nodes;  ///< empty: everywhere
    int left = -1;                 ///< negative: for ever
    double at = 0.5;               ///< fraction of the work; for "slow" the factor
};

enum class api_mode {
    code,          ///< answers only this status
    latency,       ///< every answer comes later
    hang,          ///< takes the request, does nothing, says nothing
    drop_request,  ///< closes the connection before anything happened
    drop_reply,    ///< … and after
    stall,         ///< half an answer, and then nothing
    truncate,      ///< half an answer, and then the end
    flood,         ///< an answer that is far too long
    garbage,
    list_empty,
    status_lie,
};

class api_fault {
  public:
    api_fault(api_mode how, int status) : mode(how), code(status) {}
    api_mode mode;
    int code = 0;
    duration extra{};               ///< latency
    std::uint64_t bytes = 0;        ///< flood
    std::optional<guest_id> about;  ///< status_lie: whose status …
    std::string lie;                ///< … is said to be "running" or "stopped"
    std::optional<time_point> until;
    bool is_proxied_only = false;  ///< only what the contacted node would pass on to another one
    bool is_restore_only = false;  ///< only the creation of a guest from an archive
};

/// What happened to a node's certificate since the start.
class certificate_fault {
  public:
    int changes = 0;
    bool expired = false;  ///< the one it presents now
};

/// Everything injected and not yet used up.
class fault_plan {
  public:
    std::vector<guest_fault> guests;
    std::map<node_name, api_fault> api;  ///< by contacted node
    std::set<node_name> silent_logs;     ///< workers there say nothing until their last line
    bool quorum_off = false;
    std::map<node_name, int> expected_votes;   ///< `pvecm expected`, by node, until its membership changes
    bool files_full = false;                   ///< pmxcfs takes no new file and no longer one
    std::map<node_name, duration> slow_files;  ///< what a write to pmxcfs takes there
    std::string ebusy_step;                    ///< the next "park", "unpark" or "relocate" ends without an answer …
    bool is_ebusy_applied = false;             ///< … and has happened all the same
    bool qdevice_off = false;
    bool names_lost = false;                 ///< no name can be resolved
    std::set<std::string> storages_offline;  ///< "backup" or "backup@n2"
    std::set<std::string> storages_full;
    std::map<std::string, std::string> storages_failing;  ///< what making a volume there ends with
    std::map<node_name, certificate_fault> certificates;
    std::set<std::string> storages_hung;
    std::map<std::string, double> storages_slow;  ///< how many times as long a restore from there takes

    /// The fault of one of these kinds for that guest on that node, counted down.
    [[nodiscard]] std::optional<guest_fault> take(guest_id guest, const node_name& node,
                                                  const std::set<std::string>& kinds);
    /// Whether there is one, without using it up.
    [[nodiscard]] bool holds(guest_id guest, const node_name& node, std::string_view kind) const;
};

/// One command in the words of SIM/1 (reliability §4.1): "guest ct101 crash", "restore ct101 fail 50% @ n3 x1",
/// "api n2 595 600", "status"… The value is what there is to print, "" for most. `invalid` says what is wrong.
result<std::string> apply_fault(cluster& model, std::string_view command);

/// "backup G none|missing|corrupt|unreadable|foreign|stale|age D": what becomes of the newest backup of a guest, of all
/// for `none` (backup_faults.cpp).
result<std::string> apply_backup_fault(cluster& model, const std::vector<std::string>& words);

/// The whole model as JSON, the answer to "status".
[[nodiscard]] std::string status_json(const cluster& model);

}  // namespace steward::sim
