#include "config/load.hpp"
#include "config/yaml_tree.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>

using namespace steward;
using namespace steward::config;
using namespace std::chrono_literals;

namespace {

const std::string cluster_text =
    "cluster:\n"
    "  endpoint: https://192.0.2.11:8006\n"
    "  token_file: /etc/steward/token\n";

std::string in_cluster(const std::string& lines) { return cluster_text + lines; }
std::string on_top(const std::string& lines) { return cluster_text + lines; }
std::string in_check(const std::string& lines) {
    return cluster_text + "guests:\n  ct/101:\n    checks:\n      - " + lines + "\n";
}
std::string in_guest(const std::string& lines) {
    return cluster_text + "guests:\n  ct/101:\n    checks: [tcp: 192.0.2.31:22]\n" + lines;
}

struct row {
    const char* name;
    std::string text;
    std::function<bool(const settings&)> holds;
};

const check& first(const settings& s) { return s.guests.at(0).checks.at(0); }

void run(const std::vector<row>& rows) {
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            const loaded got = parse(r.text, "steward.yaml");
            for (const diagnostic& d : got.problems) FAIL_CHECK(to_string(d));
            if (got.problems.empty()) CHECK(r.holds(got.values));
        }
    }
}

std::string contents(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::vector<std::string> yaml_blocks(const std::string& markdown) {
    std::vector<std::string> blocks;
    for (std::size_t at = 0; (at = markdown.find("```yaml\n", at)) != std::string::npos;) {
        at += 8;
        const auto end = markdown.find("```", at);
        blocks.push_back(markdown.substr(at, end - at));
        at = end + 3;
    }
    return blocks;
}

}  // namespace

TEST_CASE("config: each key of cluster has its effect") {
    run({
        {"nothing but the necessary", cluster_text,
         [](const settings& s) {
             return s.pve.endpoints.size() == 1 && s.pve.endpoints[0].host == "192.0.2.11" &&
                    s.pve.endpoints[0].port == 8006 && s.pve.token_file == "/etc/steward/token" && s.guests.empty() &&
                    s.run_mode == mode::observe && !s.pve.insecure && s.pve.request_timeout == 20s;
         }},
        {"several endpoints in order, port 8006 by default, IPv6, trailing slash",
         "cluster: {endpoints: ['https://n1.example/', 'https://[2001:db8::1]:443'], token_file: /t}",
         [](const settings& s) {
             return s.pve.endpoints.size() == 2 && s.pve.endpoints[0].host == "n1.example" &&
                    s.pve.endpoints[0].port == 8006 && s.pve.endpoints[1].host == "2001:db8::1" &&
                    s.pve.endpoints[1].port == 443;
         }},
        {"name", in_cluster("  name: home\n"), [](const settings& s) { return s.pve.name == "home"; }},
        {"ca_file", in_cluster("  ca_file: /etc/pve/pve-root-ca.pem\n"),
         [](const settings& s) { return s.pve.ca_file == "/etc/pve/pve-root-ca.pem"; }},
        {"one fingerprint, small letters",
         in_cluster("  fingerprint: ab:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:"
                    "10:11:12:13:14:15:16:17:18:19:1a:1b:1c:1d:1e:1f\n"),
         [](const settings& s) {
             return s.pve.fingerprints.size() == 1 && s.pve.fingerprints[0].starts_with("AB:01");
         }},
        {"two fingerprints",
         in_cluster(
             "  fingerprint:\n"
             "    - 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\n"
             "    - 01:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\n"),
         [](const settings& s) { return s.pve.fingerprints.size() == 2; }},
        {"insecure", in_cluster("  insecure: true\n"), [](const settings& s) { return s.pve.insecure; }},
        {"insecure: false beside a CA is no contradiction", in_cluster("  insecure: false\n  ca_file: /ca\n"),
         [](const settings& s) { return !s.pve.insecure && s.pve.ca_file == "/ca"; }},
        {"user and password",
         "cluster: {endpoint: 'https://n1', user: steward@pve, password_file: /run/credentials/password}",
         [](const settings& s) {
             return s.pve.user == "steward@pve" && s.pve.password_file == "/run/credentials/password" &&
                    s.pve.token_file.empty();
         }},
        {"user with a second factor",
         "cluster: {endpoint: 'https://n1', user: steward@pve, password_file: /p, totp_file: /run/credentials/totp}",
         [](const settings& s) { return s.pve.totp_file == "/run/credentials/totp"; }},
        {"calls_in_flight", in_cluster("  calls_in_flight: 3\n"),
         [](const settings& s) { return s.pve.calls_in_flight == 3; }},
        {"calls_per_second", in_cluster("  calls_per_second: 0\n"),
         [](const settings& s) { return s.pve.calls_per_second == 0; }},
        {"request_timeout", in_cluster("  request_timeout: 5s\n"),
         [](const settings& s) { return s.pve.request_timeout == 5s; }},
        {"poll_interval", in_cluster("  poll_interval: 1m30s\n"),
         [](const settings& s) { return s.pve.poll_interval == 90s; }},
    });
}

TEST_CASE("config: each key at the top has its effect") {
    run({
        {"mode", on_top("mode: armed\n"), [](const settings& s) { return s.run_mode == mode::armed; }},
        {"mode said explicitly", on_top("mode: observe\n"),
         [](const settings& s) { return s.run_mode == mode::observe; }},
        {"state_dir", on_top("state_dir: /srv/steward\n"),
         [](const settings& s) { return s.state_dir == "/srv/steward"; }},
        {"control_socket", on_top("control_socket: /tmp/c\n"),
         [](const settings& s) { return s.control_socket == "/tmp/c"; }},
        {"guard_socket", on_top("guard_socket: /tmp/g\n"),
         [](const settings& s) { return s.guard_socket == "/tmp/g"; }},
        {"daemons", on_top("daemons: per-node\n"), [](const settings& s) { return s.who == daemons::per_node; }},
        {"daemons said explicitly", on_top("daemons: one\n"), [](const settings& s) { return s.who == daemons::one; }},
        {"node", on_top("node: pve1\n"), [](const settings& s) { return s.node == "pve1"; }},
        {"hooks: those of all guests, then the guest's own",
         on_top("hooks:\n"
                "  handover: {pre: [{command: [/h/all, -x], timeout: 5s, required: true}]}\n"
                "  restart: {post: [{command: /h/r}]}\n"
                "guests:\n  ct/101:\n    checks: [tcp: 192.0.2.31:22]\n    hooks:\n      handover:\n"
                "        pre: [{command: [/h/own]}, {command: [/h/more]}]\n        failed: [{command: [/h/failed]}]\n"),
         [](const settings& s) {
             const hooks& h = s.guests.at(0).own_hooks;
             return h.handover.pre.size() == 3 &&
                    h.handover.pre[0].command == std::vector<std::string>{"/h/all", "-x"} &&
                    h.handover.pre[0].is_required && h.handover.pre[0].timeout == 5s &&
                    h.handover.pre[1].command[0] == "/h/own" && !h.handover.pre[1].is_required &&
                    h.handover.pre[1].timeout == 30s && h.handover.failed.size() == 1 && h.restart.post.size() == 1 &&
                    h.restart.pre.empty();
         }},
        {"nodes.fence",
         on_top("nodes:\n  n2: {fence: {command: [/usr/sbin/fence_x, -a, \"192.0.2.2\"], timeout: 30s}}\n"),
         [](const settings& s) {
             const auto found = s.agents.find(node_name("n2"));
             return found != s.agents.end() && found->second.timeout == 30s &&
                    found->second.command == std::vector<std::string>{"/usr/sbin/fence_x", "-a", "192.0.2.2"};
         }},
        {"a fence agent's timeout by default", on_top("nodes: {n2: {fence: {command: /usr/sbin/fence_x}}}\n"),
         [](const settings& s) { return s.agents.at(node_name("n2")).timeout == 60s; }},
        {"nodes.ignored", on_top("nodes: {n2: {ignored: true}, n3: {ignored: false}}\n"),
         [](const settings& s) { return s.ignored == std::set{node_name("n2")}; }},
        {"a node without anything", on_top("nodes: {n2: {}}\n"), [](const settings& s) { return s.agents.empty(); }},
        {"log", on_top("log: {format: json, level: debug}\n"),
         [](const settings& s) { return s.terminal_log == log_format::json && s.log_level == "debug"; }},
        {"log.wire", on_top("log: {wire: bodies}\n"),
         [](const settings& s) { return s.log_wire == wire_log::bodies && s.log_level == "info"; }},
        {"log.wire off", on_top("log: {wire: off}\n"), [](const settings& s) { return s.log_wire == wire_log::off; }},
        {"an empty section of guests", on_top("guests: {}\n"), [](const settings& s) { return s.guests.empty(); }},
        {"CRLF line ends and a byte order mark",
         "\xef\xbb\xbf"
         "cluster:\r\n  endpoint: https://n1\r\n  token_file: /t\r\n",
         [](const settings& s) { return s.pve.token_file == "/t"; }},
        {"selectors instead of guests, in the file's order",
         on_top("guests:\n  '@tag-web': {checks: [icmp: h]}\n  100-110: {checks: [icmp: h], restart: {attempts: 4}}\n"
                "  '@all,-ct/105': {checks: [icmp: h]}\n  web-*: {checks: [icmp: h]}\n  101: {checks: [icmp: h]}\n"
                "  ct/103: {checks: [icmp: h]}\n"),
         [](const settings& s) {
             return s.guests.size() == 1 && s.sections.size() == 5 && s.sections[0].text == "@tag-web" &&
                    s.sections[1].rules.restart.attempts == 4 && s.sections[1].rules.section == "100-110" &&
                    s.sections[2].which.words.size() == 2 && s.sections[4].text == "101";
         }},
        {"guests are ordered by type and number",
         on_top(
             "guests:\n  vm/200: {checks: [icmp: h]}\n  ct/300: {checks: [icmp: h]}\n  lxc/101: {checks: [icmp: h]}\n"),
         [](const settings& s) {
             return s.guests.size() == 3 && to_string(s.guests[0].id) == "ct/101" &&
                    to_string(s.guests[1].id) == "ct/300" && to_string(s.guests[2].id) == "vm/200";
         }},
    });
}

TEST_CASE("config: each key of a check has its effect") {
    run({
        {"tcp", in_check("tcp: 192.0.2.31:5432"),
         [](const settings& s) {
             const check& c = first(s);
             return c.kind == check_kind::tcp && c.host == "192.0.2.31" && c.port == 5432 &&
                    c.name == "192.0.2.31:5432" && c.interval == 10s && c.timeout == 3s && c.rise == 2 && c.fall == 3;
         }},
        {"tcp to IPv6", in_check("tcp: '[2001:db8::1]:22'"),
         [](const settings& s) { return first(s).host == "2001:db8::1" && first(s).port == 22; }},
        {"icmp", in_check("icmp: guest-1.example"),
         [](const settings& s) { return first(s).kind == check_kind::icmp && first(s).host == "guest-1.example"; }},
        {"icmp to IPv6 needs no brackets", in_check("icmp: '2001:db8::1'"),
         [](const settings& s) { return first(s).host == "2001:db8::1"; }},
        {"http", in_check("http: http://192.0.2.31:8080/health?deep=1"),
         [](const settings& s) {
             const check& c = first(s);
             return c.kind == check_kind::http && !c.tls && c.port == 8080 && c.path == "/health?deep=1" &&
                    c.status == std::vector<std::pair<int, int>>{{200, 399}};
         }},
        {"http ports by default", in_check("http: http://a\n      - http: https://a?b"),
         [](const settings& s) {
             const check& tls = s.guests.at(0).checks.at(1);
             return first(s).port == 80 && first(s).path == "/" && tls.port == 443 && tls.tls && tls.path == "/?b";
         }},
        {"status", in_check("{http: http://a, status: '200-299, 401'}"),
         [](const settings& s) {
             return first(s).status == std::vector<std::pair<int, int>>{{200, 299}, {401, 401}};
         }},
        {"status as a list", in_check("{http: http://a, status: [200, 500-503]}"),
         [](const settings& s) {
             return first(s).status == std::vector<std::pair<int, int>>{{200, 200}, {500, 503}};
         }},
        {"ca_file of a check", in_check("{http: https://a, ca_file: /ca.pem}"),
         [](const settings& s) { return first(s).ca_file == "/ca.pem"; }},
        {"insecure of a check", in_check("{http: https://a, insecure: true}"),
         [](const settings& s) { return first(s).insecure; }},
        {"name", in_check("{tcp: 'a:1', name: database}"),
         [](const settings& s) { return first(s).name == "database"; }},
        {"interval and timeout", in_check("{tcp: 'a:1', interval: 2s, timeout: 500ms}"),
         [](const settings& s) { return first(s).interval == 2s && first(s).timeout == 500ms; }},
        {"start_period", in_check("{tcp: 'a:1', start_period: 2m}"),
         [](const settings& s) { return first(s).start_period == 2min; }},
        {"retry_interval", in_check("{tcp: 'a:1', interval: 30s, retry_interval: 2s}"),
         [](const settings& s) { return first(s).retry_every() == 2s; }},
        {"without retry_interval", in_check("{tcp: 'a:1', interval: 30s}"),
         [](const settings& s) { return first(s).retry_every() == 10s; }},
        {"retry_interval of a short interval", in_check("{tcp: 'a:1', interval: 2s, timeout: 1s}"),
         [](const settings& s) { return first(s).retry_every() == 1s; }},
        {"retry_interval of a very short interval", in_check("{tcp: 'a:1', interval: 200ms, timeout: 100ms}"),
         [](const settings& s) { return first(s).retry_every() == 200ms; }},
        {"pve", in_check("pve: running"),
         [](const settings& s) { return first(s).kind == check_kind::pve && first(s).name == "pve running"; }},
        {"the guest's own address", in_check("tcp: guest:22"),
         [](const settings& s) { return first(s).host == "guest" && first(s).port == 22; }},
        {"rise and fall", in_check("{tcp: 'a:1', rise: 4, fall: 1}"),
         [](const settings& s) { return first(s).rise == 4 && first(s).fall == 1; }},
    });
}

TEST_CASE("config: what a guest's checks come to, and on what they depend") {
    using names = std::vector<std::string>;
    const auto two = [](const std::string& keys) {
        return cluster_text + "gateways:\n  - {icmp: 192.0.2.1, name: gw, interval: 5s}\n" +
               "  - {icmp: 192.0.2.2, name: far, parents: gw}\n" +
               "guests:\n  ct/101:\n    checks: [{tcp: 'a:1', name: a}, {tcp: 'b:1', name: b, parents: [a]}]\n" + keys;
    };
    const auto parents = [](const settings& s, std::size_t i) { return s.guests.at(0).checks.at(i).parents; };
    run({
        {"agent", cluster_text + "guests: {vm/103: {checks: [agent: ping]}}",
         [](const settings& s) { return first(s).kind == check_kind::agent && first(s).name == "agent ping"; }},
        {"all is the default", two(""), [](const settings& s) { return s.guests.at(0).required == 0; }},
        {"require: all", two("    require: all\n"), [](const settings& s) { return s.guests.at(0).required == 0; }},
        {"require: any", two("    require: any\n"), [](const settings& s) { return s.guests.at(0).required == 1; }},
        {"require: 2", two("    require: 2\n"), [](const settings& s) { return s.guests.at(0).required == 2; }},
        {"gateways", two(""),
         [](const settings& s) {
             return s.gateways.size() == 2 && s.gateways[0].name == "gw" && s.gateways[0].interval == 5s &&
                    s.gateways[1].parents == names{"gw"};
         }},
        {"a check has its own parents", two(""),
         [=](const settings& s) { return parents(s, 0).empty() && parents(s, 1) == names{"a"}; }},
        {"those of the guest are those of all checks", two("    parents: far\n"),
         [=](const settings& s) {
             return parents(s, 0) == names{"far"} && parents(s, 1) == names{"a", "far"};
         }},
        {"but the parent's own", two("    parents: [a, gw]\n"),
         [=](const settings& s) {
             return parents(s, 0) == names{"gw"} && parents(s, 1) == names{"a", "gw"};
         }},
    });
}

TEST_CASE("config: each key of restart and failover has its effect") {
    const auto restart = [](const settings& s) { return s.guests.at(0).restart; };
    const auto failover = [](const settings& s) { return s.guests.at(0).failover; };
    run({
        {"restart", in_guest("    restart: {attempts: 0, window: 1h, settle: 5s}\n"),
         [=](const settings& s) {
             return restart(s).attempts == 0 && restart(s).window == 1h && restart(s).settle == 5s;
         }},
        {"enabled", in_guest("    failover: {enabled: false}\n"),
         [=](const settings& s) { return !failover(s).enabled; }},
        {"targets and avoid", in_guest("    failover: {targets: [n2, n1], avoid: n3}\n"),
         [=](const settings& s) {
             return failover(s).targets == std::vector{node_name("n2"), node_name("n1")} &&
                    failover(s).avoid == std::vector{node_name("n3")};
         }},
        {"storage", in_guest("    failover: {storage: local-lvm}\n"),
         [=](const settings& s) { return failover(s).storage == storage_id("local-lvm"); }},
        {"backup_storages", in_guest("    failover: {backup_storages: [backup, pbs]}\n"),
         [=](const settings& s) {
             return failover(s).backup_storages == std::vector{storage_id("backup"), storage_id("pbs")};
         }},
        {"max_backup_age", in_guest("    failover: {max_backup_age: 3d}\n"),
         [=](const settings& s) { return failover(s).max_backup_age == 72h; }},
        {"attempts", in_guest("    failover: {attempts: 5}\n"),
         [=](const settings& s) { return failover(s).attempts == 5; }},
        {"time limits",
         in_guest("    failover: {stop_timeout: 1s, stall_timeout: 2s, start_timeout: 3s, verify_timeout: 4s, "
                  "cooldown: 5s}\n"),
         [=](const settings& s) {
             const failover_policy f = failover(s);
             return f.stop_timeout == 1s && f.stall_timeout == 2s && f.start_timeout == 3s && f.verify_timeout == 4s &&
                    f.cooldown == 5s;
         }},
        {"approval", in_guest("    failover: {approval: true}\n"),
         [=](const settings& s) { return failover(s).approval; }},
        {"accept_weak_fence", in_guest("    failover: {accept_weak_fence: true}\n"),
         [=](const settings& s) { return failover(s).accept_weak_fence; }},
        {"strict and apart", in_guest("    failover: {targets: n2, strict: false, apart: [ct/102, vm/103]}\n"),
         [=](const settings& s) {
             return !failover(s).strict && failover(s).apart == std::vector{guest_id(guest_type::ct, vmid(102)),
                                                                            guest_id(guest_type::vm, vmid(103))};
         }},
        {"together", in_guest("    failover: {together: [ct/102]}\n"),
         [=](const settings& s) { return failover(s).together == std::vector{guest_id(guest_type::ct, vmid(102))}; }},
        {"priority", in_guest("    failover: {priority: 900}\n"),
         [=](const settings& s) { return failover(s).priority == 900; }},
        {"max_per_day", in_guest("    failover: {max_per_day: 7}\n"),
         [=](const settings& s) { return failover(s).max_per_day == 7; }},
        {"shutdown and reboot_grace", in_guest("    failover: {shutdown: failover, reboot_grace: 15m}\n"),
         [=](const settings& s) {
             return failover(s).shutdown == on_shutdown::failover && failover(s).reboot_grace == 15min;
         }},
        {"evacuate and evacuate_timeout", in_guest("    failover: {shutdown: evacuate, evacuate_timeout: 30m}\n"),
         [=](const settings& s) {
             return failover(s).shutdown == on_shutdown::evacuate && failover(s).evacuate_timeout == 30min;
         }},
        {"approval_ttl", in_guest("    failover: {approval_ttl: 5m}\n"),
         [=](const settings& s) { return failover(s).approval_ttl == 5min; }},
        {"fresh_backup", in_guest("    failover: {fresh_backup: require}\n"),
         [=](const settings& s) { return failover(s).before == fresh_backup::require; }},
        {"failback and failback_stable", in_guest("    failover: {failback: auto, failback_stable: 1h}\n"),
         [=](const settings& s) { return failover(s).fails_back && failover(s).failback_stable == 1h; }},
        {"backup: max_age", in_guest("    backup: {max_age: 26h}\n"),
         [](const settings& s) { return s.guests.at(0).backup.max_age == 26h && s.guests.at(0).backup.stamps; }},
        {"backup: not watched unless it is said", in_guest(""),
         [](const settings& s) { return !s.guests.at(0).backup.max_age; }},
        {"backup: prefer", in_guest("    backup: {prefer: newest}\n"),
         [](const settings& s) { return s.guests.at(0).backup.prefer == archive_choice::newest; }},
        {"backup: stamp", in_guest("    backup: {stamp: false}\n"),
         [](const settings& s) { return !s.guests.at(0).backup.stamps; }},
        {"backup: inherited key by key",
         in_guest("    backup: {prefer: newest}\n") + "defaults: {backup: {max_age: 2d, prefer: healthy}}\n",
         [](const settings& s) {
             return s.guests.at(0).backup.max_age == 48h && s.guests.at(0).backup.prefer == archive_choice::newest;
         }},
        {"defaults reach every guest, key by key",
         in_guest("    restart: {settle: 9s}\n    failover: {attempts: 4}\n") +
             "defaults:\n  check: {interval: 30s, timeout: 1s, rise: 5, fall: 6}\n  restart: {attempts: 7, settle: "
             "8s}\n"
             "  failover: {targets: [n9], attempts: 3}\n",
         [=](const settings& s) {
             const check& c = first(s);
             return c.interval == 30s && c.timeout == 1s && c.rise == 5 && c.fall == 6 && restart(s).attempts == 7 &&
                    restart(s).settle == 9s && failover(s).attempts == 4 &&
                    failover(s).targets == std::vector{node_name("n9")};
         }},
    });
}

TEST_CASE("config: several clusters share what stands on top, and nothing else") {
    const loaded got = parse(
        "clusters:\n"
        "  prod:\n"
        "    name: pve-prod\n"
        "    endpoint: https://192.0.2.11\n"
        "    token_file: /t1\n"
        "    mode: armed\n"
        "    guard_socket: /run/prod.sock\n"
        "    nodes: {n1: {ignored: true}}\n"
        "    defaults: {restart: {attempts: 5}}\n"
        "    guests: {ct/101: {checks: [icmp: h]}}\n"
        "  lab:\n"
        "    endpoint: https://192.0.2.21\n"
        "    token_file: /t2\n"
        "    guests: {ct/101: {checks: [icmp: h]}, '@all': {checks: [icmp: h]}}\n"
        "state_dir: /srv/steward\n"
        "control_socket: /run/c.sock\n"
        "defaults: {restart: {attempts: 3, settle: 7s}}\n",
        "steward.yaml");
    for (const diagnostic& d : got.problems) FAIL_CHECK(to_string(d));
    REQUIRE(got.clusters.size() == 2);
    const settings& prod = got.clusters[0];
    const settings& lab = got.clusters[1];
    CHECK(prod.cluster_key == "prod");
    CHECK(prod.pve.name == "pve-prod");
    CHECK(prod.run_mode == mode::armed);
    CHECK(prod.state_dir == "/srv/steward/prod");
    CHECK(prod.guard_socket == "/run/prod.sock");
    CHECK(prod.ignored.count(node_name("n1")) == 1);
    CHECK(prod.guests.at(0).restart.attempts == 5);
    CHECK(prod.guests.at(0).restart.settle == 7s);
    CHECK(lab.cluster_key == "lab");
    CHECK(lab.pve.token_file == "/t2");
    CHECK(lab.pve.name.empty());
    CHECK(lab.run_mode == mode::observe);
    CHECK(lab.state_dir == "/srv/steward/lab");
    CHECK(lab.guard_socket == "/run/steward-guard/lab.sock");
    CHECK(lab.ignored.empty());
    CHECK(lab.guests.at(0).restart.attempts == 3);
    CHECK(lab.sections.size() == 1);
    for (const settings& s : got.clusters) CHECK(s.control_socket == "/run/c.sock");
    // The other form is one cluster without a name.
    const loaded one = parse(cluster_text, "steward.yaml");
    REQUIRE(one.clusters.size() == 1);
    CHECK(one.clusters[0].cluster_key.empty());
    CHECK(one.clusters[0].state_dir == "/var/lib/steward");
}

TEST_CASE("config: the documentation's examples are read without a complaint") {
    const std::string page = contents(STEWARD_SOURCE_DIR "/docs/configuration.md");
    const auto blocks = yaml_blocks(page);
    REQUIRE(blocks.size() >= 2);
    for (const std::string& block : blocks) {
        const loaded got = parse(block, "docs/configuration.md");
        for (const diagnostic& d : got.problems) FAIL_CHECK(to_string(d) << "\nin\n" << block);
    }
    // The first block spells every default out: it must mean the same as saying nothing.
    const settings spelled = parse(blocks[0], "docs").values;
    const settings silent = parse(cluster_text + "guests: {ct/101: {checks: [tcp: '192.0.2.31:5432']}}", "x").values;
    CHECK(spelled.pve.request_timeout == silent.pve.request_timeout);
    CHECK(spelled.pve.poll_interval == silent.pve.poll_interval);
    CHECK(spelled.run_mode == silent.run_mode);
    CHECK(spelled.state_dir == silent.state_dir);
    CHECK(spelled.control_socket == silent.control_socket);
    CHECK(spelled.guard_socket == silent.guard_socket);
    CHECK(spelled.terminal_log == silent.terminal_log);
    CHECK(spelled.log_level == silent.log_level);
    const guest& a = spelled.guests.at(0);
    const guest& b = silent.guests.at(0);
    CHECK(a.checks.at(0).interval == b.checks.at(0).interval);
    CHECK(a.checks.at(0).timeout == b.checks.at(0).timeout);
    CHECK(a.checks.at(0).rise == b.checks.at(0).rise);
    CHECK(a.checks.at(0).fall == b.checks.at(0).fall);
    CHECK(a.restart.attempts == b.restart.attempts);
    CHECK(a.restart.window == b.restart.window);
    CHECK(a.restart.settle == b.restart.settle);
    CHECK(a.failover.enabled == b.failover.enabled);
    CHECK(a.failover.max_backup_age == b.failover.max_backup_age);
    CHECK(a.failover.attempts == b.failover.attempts);
    CHECK(a.failover.stop_timeout == b.failover.stop_timeout);
    CHECK(a.failover.stall_timeout == b.failover.stall_timeout);
    CHECK(a.failover.start_timeout == b.failover.start_timeout);
    CHECK(a.failover.verify_timeout == b.failover.verify_timeout);
    CHECK(a.failover.cooldown == b.failover.cooldown);
    CHECK(a.failover.max_per_day == b.failover.max_per_day);
    CHECK(a.failover.shutdown == b.failover.shutdown);
    CHECK(a.failover.reboot_grace == b.failover.reboot_grace);
    CHECK(a.failover.evacuate_timeout == b.failover.evacuate_timeout);
    CHECK(a.failover.fails_back == b.failover.fails_back);
    CHECK(a.failover.failback_stable == b.failover.failback_stable);
    CHECK(a.failover.before == b.failover.before);
    CHECK(a.failover.approval_ttl == b.failover.approval_ttl);
    CHECK(a.failover.approval == b.failover.approval);
    CHECK(a.failover.accept_weak_fence == b.failover.accept_weak_fence);
    CHECK(a.failover.strict == b.failover.strict);
    CHECK(a.failover.priority == b.failover.priority);
}

TEST_CASE("config: only open brackets are a flood: a large site may close ten thousand of them") {
    std::string text = "guests: [";
    for (int i = 0; i < 12'000; ++i) text += "{},";
    CHECK(read_yaml(text + "]").readable);
    CHECK_FALSE(read_yaml(std::string(1'001, '[')).readable);
}
