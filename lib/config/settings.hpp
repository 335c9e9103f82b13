#pragma once
#include "base/ids.hpp"
#include "base/target_rules.hpp"
#include "base/time.hpp"
#include "model/selector.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

/// The configuration file as typed values. Defaults stand here once; docs/configuration.md repeats them for people.
namespace steward::config {

enum class mode { observe, armed };
enum class log_format { text, json };
/// How many daemons look after the cluster: one, or one on each node, which choose a leader.
enum class daemons { one, per_node };
/// What is told about each exchange with PVE: nothing, one event, or one with bodies, without secrets.
enum class wire_log { off, lines, bodies };

/// One of https://host:port.
struct endpoint {
    std::string host;
    std::uint16_t port = 8006;
};

struct cluster {
    std::string name;                       ///< must equal the cluster's name when given
    std::vector<endpoint> endpoints;        ///< tried in this order
    std::string ca_file;                    ///< exactly one of ca_file, fingerprint(s), insecure; none: system CA store
    std::vector<std::string> fingerprints;  ///< SHA-256 of node certificates, "AB:CD:…"; any of them is accepted
    bool insecure = false;
    std::string token_file;  ///< USER@REALM!TOKENID=SECRET, mode 0600
    std::string user;        ///< with password_file instead of token_file
    std::string password_file;
    std::string totp_file;      ///< base32 secret of the user's second factor
    int calls_in_flight = 8;    ///< per endpoint, at once
    int calls_per_second = 50;  ///< per endpoint, begun; 0: no limit
    duration request_timeout = std::chrono::seconds(20);
    duration poll_interval = std::chrono::seconds(10);  ///< how often the cluster's state is read
};

enum class check_kind {
    tcp,
    http,
    icmp,
    dns,
    exec,
    pve,    ///< what PVE says of the guest
    agent,  ///< the QEMU guest agent
};

/// What an answer must contain: a text, or what a regular expression finds.
struct expectation {
    std::string text;
    bool is_regex = false;
    bool operator==(const expectation&) const = default;
};

/// tcp: the conversation after the connection.
struct tcp_talk {
    std::string send;  ///< bytes, escapes undone
    std::optional<expectation> expect;
    bool operator==(const tcp_talk&) const = default;
};

struct check_header {
    std::string name;
    std::string value;
    std::string file;  ///< holds the value, when that is a secret
    bool operator==(const check_header&) const = default;
};

/// A value in a JSON body.
struct json_value {
    std::string pointer;  ///< RFC 6901
    std::string equals;
    bool operator==(const json_value&) const = default;
};

/// http, beyond the URL.
struct http_talk {
    std::string method = "GET";
    std::vector<check_header> headers;
    std::string body;
    std::string body_contains;
    std::string body_regex;
    std::optional<json_value> json;
    bool follows_same_host = false;  ///< `redirects: same-host`
    std::string sni;                 ///< https: the server's name, when it is not that of the URL
    std::string client_certificate;  ///< https: PEM file, with client_key
    std::string client_key;
    duration certificate_expiry{};  ///< https: warn that long before
    bool operator==(const http_talk&) const = default;
};

struct icmp_talk {
    int size = 56;  ///< bytes of payload
    int ttl = 64;
    int count = 1;  ///< requests in one probe; one echo is enough
    bool operator==(const icmp_talk&) const = default;
};

struct dns_talk {
    std::string query;
    std::string type = "A";
    std::string rcode = "NOERROR";
    std::optional<expectation> answer;  ///< a regular expression, or a whole answer
    bool operator==(const dns_talk&) const = default;
};

/// A program that speaks the language of Nagios plugins.
struct program_call {
    std::vector<std::string> argv;  ///< absolute path and its arguments; no shell
    std::string user;               ///< name or number; empty: the daemon's own
    std::string group;              ///< empty: the user's
    bool operator==(const program_call&) const = default;
};

struct check {
    check_kind kind = check_kind::tcp;
    std::string name;        ///< unique per guest; default: the target
    std::string host;        ///< tcp, icmp, dns; http: from the URL. "guest": its own address
    std::uint16_t port = 0;  ///< tcp, http, dns
    bool tls = false;        ///< http: https:// was given
    std::string path = "/";  ///< http
    std::string ca_file;     ///< https: private CA
    bool insecure = false;   ///< https: do not verify
    std::vector<std::pair<int, int>> status = {{200, 399}};  ///< http
    tcp_talk tcp;
    http_talk http;
    icmp_talk icmp;
    dns_talk dns;
    program_call exec;
    duration interval = std::chrono::seconds(10);
    duration timeout = std::chrono::seconds(3);
    int rise = 2;             ///< consecutive healthy answers to be up
    int fall = 3;             ///< consecutive unhealthy answers to be down
    duration start_period{};  ///< after its guest or its node was started: unhealthy answers do not count
    std::optional<duration> retry_interval;  ///< while in doubt; nothing: a third of `interval`, a second at least
    std::vector<std::string> parents;        ///< checks of its guest, or gateways, without which it says nothing

    [[nodiscard]] duration retry_every() const {
        constexpr duration least = std::chrono::seconds(1);
        const duration third = std::chrono::floor<std::chrono::milliseconds>(interval / 3);
        return std::min(interval, retry_interval.value_or(std::max(third, least)));
    }

    /// A reload keeps the state of a check that is equal in every field.
    bool operator==(const check&) const = default;
};

struct restart_policy {
    int attempts = 1;  ///< restarts in place within `window`; 0: never
    duration window = std::chrono::minutes(30);
    duration settle = std::chrono::seconds(60);  ///< time a restarted guest has to become healthy
};

/// What becomes of a guest whose node goes down on purpose.
enum class on_shutdown {
    conditional,  ///< it waits: after a shutdown for ever, after a reboot for `reboot_grace`
    freeze,       ///< it waits
    failover,     ///< it is handed over as soon as the node has gone
    evacuate,     ///< it is moved away before; what cannot be waits as with `conditional`
};

/// Whether a guest whose node still works is backed up before it is handed over, so that nothing is lost.
enum class fresh_backup {
    off,      ///< the newest backup that there is
    attempt,  ///< `try`: … when it fails
    require,  ///< or nothing is stopped
};

struct failover_policy {
    bool enabled = true;
    bool accept_weak_fence = false;                 ///< a guard's word without a watchdog counts
    int priority = 100;                             ///< of guests that wait for their turn the higher one comes first
    bool approval = false;                          ///< every hand-over waits for `steward approve`
    duration approval_ttl = std::chrono::hours(1);  ///< of one that was issued beforehand
    std::vector<node_name> targets;                 ///< allowed nodes in order of preference; empty: all
    bool strict = true;                             ///< false: when none of `targets` can, any other node may
    std::vector<guest_id> apart;                    ///< guests that it must not share a node with
    std::vector<guest_id> together;                 ///< guests that it must share a node with
    std::vector<node_name> avoid;
    std::optional<storage_id> storage;        ///< where restored volumes go; default: the storage of its first disk
    std::vector<storage_id> backup_storages;  ///< where to look; empty: all with content backup
    duration max_backup_age = std::chrono::hours(26);    ///< older than this is not restored without --force
    fresh_backup before = fresh_backup::off;             ///< the key is `fresh_backup`
    int attempts = 2;                                    ///< targets tried before going back
    duration stop_timeout = std::chrono::seconds(60);    ///< graceful shutdown, then hard stop
    duration stall_timeout = std::chrono::seconds(300);  ///< restore without progress
    duration start_timeout = std::chrono::seconds(120);
    duration verify_timeout = std::chrono::seconds(300);
    duration cooldown = std::chrono::seconds(600);
    int max_per_day = 3;
    on_shutdown shutdown = on_shutdown::conditional;
    duration reboot_grace = std::chrono::minutes(10);  ///< how long a node that reboots is waited for
    /// `shutdown: evacuate`: how long its node's shutdown waits for it to be moved away
    duration evacuate_timeout = std::chrono::minutes(10);
    bool fails_back = false;  ///< `failback: auto`: migrated home once its node has been back for …
    duration failback_stable = std::chrono::minutes(10);
};

/// Which of several archives is restored.
enum class archive_choice {
    healthy,  ///< of a healthy guest first, of an unhealthy one last
    newest,
};

struct backup_policy {
    std::optional<duration> max_age;  ///< the newest good backup is never older; nothing: it is not watched
    archive_choice prefer = archive_choice::healthy;
    bool stamps = true;  ///< the key is `stamp`: note in each archive how its guest was
};

struct guest {
    guest_id id;
    std::vector<check> checks;
    int required = 0;  ///< how many of them have to be up, the key is `require`; 0: all
    restart_policy restart;
    failover_policy failover;
    backup_policy backup;
    std::string section;  ///< the key of the selector that chose it; "": it has a section of its own
};

/// What holds for every guest that a selector chooses, now or later.
struct guest_section {
    std::string text;  ///< its key in the file
    model::selector which;
    guest rules;  ///< without an id
};

/// How a node is switched off from outside: a program that speaks ClusterLabs' fence agent language (`-o off`,
/// `-o status`).
struct fence_agent {
    std::vector<std::string> command;  ///< absolute path and its arguments; no shell
    duration timeout = std::chrono::seconds(60);
};

struct settings {
    std::string cluster_key;  ///< its key in `clusters`; "": it is the only one
    cluster pve;
    mode run_mode = mode::observe;
    daemons who = daemons::one;
    std::string node;  ///< this node's name; "": the host name up to its first dot
    std::string state_dir = "/var/lib/steward";
    std::string control_socket = "/run/steward/control.sock";
    std::string guard_socket = "/run/steward-guard/guard.sock";
    log_format terminal_log = log_format::text;
    std::string log_level = "info";  ///< debug info warning error
    wire_log log_wire = wire_log::off;
    std::map<node_name, fence_agent> agents;  ///< by the node that each can switch off
    std::set<node_name> ignored;              ///< nodes with which nothing is done
    std::vector<check> gateways;              ///< checks that those of guests may have as parents
    target_rules probe_targets;               ///< where probes may go: `probes`, and the API's own endpoints
    std::vector<guest> guests;                ///< ordered by id
    std::vector<guest_section> sections;      ///< of guests without a section of their own, in the file's order
};

/// What the file says of a guest: its own section alone; without one the first that chooses it, alone. Nothing: it is
/// not looked after. A template never is.
[[nodiscard]] std::optional<guest> rules_for(const settings& all, const model::guest_row& row);

}  // namespace steward::config
