#include "config/load.hpp"
#include "support/temporary_directory.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

using namespace steward;
using namespace steward::config;

namespace {

struct row {
    const char* name;
    std::string text;
    std::vector<std::string> complaints;  // "line:column: text"
};

std::vector<std::string> complaints(const loaded& got) {
    std::vector<std::string> all;
    for (const diagnostic& d : got.problems) {
        const std::string line = to_string(d);
        all.push_back(line.substr(d.file.size() + 1));
    }
    return all;
}

void run(const std::vector<row>& rows) {
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) { CHECK(complaints(parse(r.text, "steward.yaml")) == r.complaints); }
    }
}

std::string in_cluster(const std::string& line) {
    return "cluster:\n  endpoint: https://n1\n  token_file: /t\n  " + line + "\n";
}
std::string on_top(const std::string& line) {
    return "cluster: {endpoint: 'https://n1', token_file: /t}\n" + line + "\n";
}
std::string in_defaults(const std::string& line) { return on_top("defaults:\n  " + line); }
// The check starts in line 5, column 9.
std::string in_check(const std::string& line) { return on_top("guests:\n  ct/101:\n    checks:\n      - " + line); }

}  // namespace

TEST_CASE("config: text that is no configuration at all gives one complaint") {
    std::string nested;
    for (std::size_t depth = 0; depth < 17; ++depth) nested += std::string(depth, ' ') + "a:\n";
    nested += std::string(17, ' ') + "b: 1\n";
    run({
        {"empty", "", {"1:1: the file is empty (start with cluster:)"}},
        {"comments only", "# nothing\n\n", {"1:1: the file is empty (start with cluster:)"}},
        {"a word", "hello", {"1:1: the file: is a single value, wanted a section of keys"}},
        {"a list", "- a\n- b\n", {"1:1: the file: is a list, wanted a section of keys"}},
        {"broken YAML", "cluster:\n  name: [a\n", {"3:1: not YAML: end of sequence flow not found"}},
        {"tabs as indent", "cluster:\n\tname: a\n", {"2:6: not YAML: illegal map value"}},
        {"binary", std::string("cluster: \0", 10), {"1:10: byte 0x00 is not UTF-8 text"}},
        {"another encoding", "cluster:\n  name: caf\xe9\n", {"2:12: byte 0xe9 is not UTF-8 text"}},
        {"UTF-16",
         "\xff\xfe"
         "c",
         {"1:1: byte 0xff is not UTF-8 text"}},
        {"the byte at which yaml-cpp ends its input",
         "a: 1\n\x04"
         "b: 2\n",
         {"2:1: byte 0x04 is not UTF-8 text"}},
        {"too deep", nested, {"17:17: nested deeper than 16 levels"}},
        {"a flood of brackets", std::string(20'000, '['), {"1:1001: too many open brackets: this is no configuration"}},
        {"10 MiB", std::string(10'485'760, 'a'), {" is larger than 1 MiB (10485760 bytes): this is no configuration"}},
    });
}

TEST_CASE("config: what YAML would take and we do not") {
    run({
        {"duplicate key", in_cluster("token_file: /u"), {"4:3: duplicate key \"token_file\" (first in line 3)"}},
        {"duplicate section", on_top("mode: armed\nmode: observe"), {"3:1: duplicate key \"mode\" (first in line 2)"}},
        {"duplicate guest",
         on_top("guests:\n  ct/101: {checks: [icmp: a]}\n  ct/101: {checks: [icmp: b]}"),
         {"4:3: duplicate key \"ct/101\" (first in line 3)"}},
        {"anchor and alias",
         on_top("defaults: &d {}\nguests: *d"),
         {"2:11: anchors (&name) are not supported, write the value out",
          "3:9: aliases (*name) are not supported, write the value out"}},
        {"tag", on_top("mode: !!str armed"), {"2:7: tags (!name) are not supported"}},
        {"second document", on_top("---\nmode: armed"), {"3:1: a second document (---) is not supported"}},
        {"key that is a list", on_top("[a, b]: c"), {"2:1: a key must be a plain word"}},
        {"yes is no boolean",
         in_cluster("insecure: yes"),
         {"4:13: cluster.insecure: \"yes\" is neither true nor false"}},
        {"True is no boolean",
         in_cluster("insecure: True"),
         {"4:13: cluster.insecure: \"True\" is neither true nor false"}},
        {"quoted is no boolean",
         in_cluster("insecure: \"true\""),
         {"4:13: cluster.insecure: \"true\" is neither true nor false"}},
        {"010 is no number",
         in_defaults("check: {rise: 010}"),
         {"3:17: defaults.check.rise: \"010\" is not a whole number"}},
        {"quoted is no number",
         in_defaults("check: {rise: '2'}"),
         {"3:17: defaults.check.rise: \"2\" is not a whole number"}},
        {"nor are -1, 1.5, 1e3, 0x10",
         in_defaults("failover: {attempts: -1, max_per_day: 0x10}\n  check: {rise: 1.5, fall: 1e3}"),
         {"3:24: defaults.failover.attempts: \"-1\" is not a whole number",
          "3:41: defaults.failover.max_per_day: \"0x10\" is not a whole number",
          "4:17: defaults.check.rise: \"1.5\" is not a whole number",
          "4:28: defaults.check.fall: \"1e3\" is not a whole number"}},
        {"larger than an int",
         in_defaults("check: {rise: 99999999999999}"),
         {"3:17: defaults.check.rise: \"99999999999999\" is not a whole number"}},
    });
}

TEST_CASE("config: cluster, its endpoints, trust and credentials") {
    run({
        {"missing altogether", "mode: observe\n", {"1:1: cluster is missing (cluster: {endpoints: …, token_file: …})"}},
        {"without a value", "cluster:\n", {"1:1: cluster: has no value (wanted a section of keys)"}},
        {"neither endpoints nor credentials",
         "cluster:\n  name: home\n",
         {"2:3: cluster: endpoints is missing (endpoints: [https://192.0.2.11:8006])",
          "2:3: cluster: token_file is missing (or user and password_file)"}},
        {"a second factor of a token",
         in_cluster("totp_file: /totp"),
         {"4:14: cluster.totp_file: user is missing beside it: a token has no second factor"}},
        {"no calls at all",
         in_cluster("calls_in_flight: 0"),
         {"4:20: cluster.calls_in_flight: 0 is out of range (1 to 100)"}},
        {"a negative rate",
         in_cluster("calls_per_second: -1"),
         {"4:21: cluster.calls_per_second: \"-1\" is not a whole number"}},
        {"both spellings",
         in_cluster("endpoints: [https://n2]"),
         {"2:13: cluster.endpoint: endpoints is given as well: keep one of them"}},
        {"an empty list", "cluster: {token_file: /t, endpoints: []}", {"1:38: cluster.endpoints: is an empty list"}},
        {"http",
         "cluster: {token_file: /t, endpoints: [http://n1]}",
         {"1:39: cluster.endpoints[0]: \"http://n1\" is not an API endpoint (try https://192.0.2.11:8006)"}},
        {"a path",
         "cluster: {token_file: /t, endpoint: https://n1/api2}",
         {"1:37: cluster.endpoint: \"https://n1/api2\" is not an API endpoint (only host and port: "
          "https://192.0.2.11:8006)"}},
        {"a port out of range",
         "cluster: {token_file: /t, endpoint: 'https://n1:70000'}",
         {"1:37: cluster.endpoint: \"https://n1:70000\" is not an API endpoint (the port is a number from 1 to "
          "65535)"}},
        {"half an address",
         "cluster: {token_file: /t, endpoint: 'https://192.0.2'}",
         {"1:37: cluster.endpoint: \"https://192.0.2\" is not an API endpoint (the host is neither a name nor an "
          "address)"}},
        {"bare IPv6",
         "cluster: {token_file: /t, endpoint: 'https://2001:db8::1'}",
         {"1:37: cluster.endpoint: \"https://2001:db8::1\" is not an API endpoint (write an IPv6 address in brackets: "
          "[2001:db8::1]:443)"}},
        {"an empty name", in_cluster("name: ''"), {"4:9: cluster.name: is empty"}},
        {"a list as name", in_cluster("name: [a]"), {"4:9: cluster.name: is a list, wanted a single value"}},
        {"no value", in_cluster("name:"), {"4:3: cluster.name: has no value (wanted a single value)"}},
        {"ca_file and insecure",
         in_cluster("insecure: true\n  ca_file: /ca"),
         {"4:13: cluster.insecure: contradicts ca_file: keep one of them"}},
        {"fingerprint and insecure",
         in_cluster("insecure: true\n  fingerprint: "
                    "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F"),
         {"4:13: cluster.insecure: contradicts fingerprint: keep one of them"}},
        {"ca_file and fingerprint",
         in_cluster("ca_file: /ca\n  fingerprint: "
                    "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F"),
         {"5:16: cluster.fingerprint: contradicts ca_file: keep one of them"}},
        {"a SHA-1 fingerprint",
         in_cluster("fingerprint: 00:01"),
         {"4:16: cluster.fingerprint: \"00:01\" is not a SHA-256 fingerprint (32 bytes AB:CD:…, as the node's "
          "certificate "
          "page shows it)"}},
        {"a relative file",
         in_cluster("ca_file: ca.pem"),
         {"4:12: cluster.ca_file: \"ca.pem\" is not an absolute path (it starts with /)"}},
        {"a token in the file itself",
         in_cluster("token: a@pve!t=0"),
         {"4:3: cluster: unknown key \"token\" (did you mean token_file?)"}},
        {"user beside token",
         in_cluster("user: a@pve"),
         {"4:9: cluster.user: contradicts token_file: keep one of them"}},
        {"user alone",
         "cluster: {endpoint: 'https://n1', user: steward@pve}",
         {"1:41: cluster.user: password_file is missing beside it"}},
        {"user without realm",
         "cluster: {endpoint: 'https://n1', user: steward, password_file: /p}",
         {"1:41: cluster.user: \"steward\" has no realm (try steward@pve)"}},
        {"password alone",
         "cluster: {endpoint: 'https://n1', password_file: /p}",
         {"1:50: cluster.password_file: user is missing beside it (user: steward@pve)"}},
        {"a number without unit",
         in_cluster("request_timeout: 20"),
         {"4:20: cluster.request_timeout: \"20\" is not a duration (a unit is missing, try 20s)"}},
        {"a wrong unit",
         in_cluster("poll_interval: 5x"),
         {"4:18: cluster.poll_interval: \"5x\" is not a duration (try 5s; units are ms, s, m, h, d)"}},
        {"too short",
         in_cluster("poll_interval: 0s"),
         {"4:18: cluster.poll_interval: 0s is out of range (100ms to 1h)"}},
    });
}

TEST_CASE("config: several clusters") {
    const std::string two =
        "clusters:\n"
        "  a: {endpoint: 'https://n1', token_file: /t}\n"
        "  b: {endpoint: 'https://n2', token_file: /u}\n";
    run({
        {"both forms",
         "cluster: {endpoint: 'https://n1', token_file: /t}\nclusters:\n  a: {endpoint: 'https://n1', token_file: "
         "/t}\n",
         {"3:3: clusters: cluster is given as well: keep one of them"}},
        {"none", "clusters: {}\n", {"1:11: clusters: names no cluster"}},
        {"a name that is none",
         "clusters: {'Prod 1': {endpoint: 'https://n1', token_file: /t}}\n",
         {"1:12: clusters: \"Prod 1\" is no name for a cluster (a-z, 0-9 and -, at most 32 characters)"}},
        {"what is a cluster's own",
         two + "guests: {}\nguard_socket: /g\n",
         {"4:9: guests: belongs below clusters.NAME", "5:15: guard_socket: belongs below clusters.NAME"}},
        {"mistakes are named with their cluster",
         "clusters:\n  a: {endpoint: 'https://n1'}\n  b: {endpoint: 'https://n2', token_file: /u, guests: {ct/1: "
         "{checks: "
         "[icmp: h]}}}\n",
         {"2:6: clusters.a: token_file is missing (or user and password_file)",
          "3:56: clusters.b.guests: \"1\" is not a vmid (a number from 100 to 999999999)"}},
        {"one daemon per node",
         two + "daemons: per-node\n",
         {"2:3: clusters: takes daemons: one: with per-node each daemon belongs to the cluster of its own node, by "
          "that "
          "node's guard, and can take part in no other"}},
        {"one guard for two",
         "clusters:\n  a: {endpoint: 'https://n1', token_file: /t, guard_socket: /g}\n  b: {endpoint: 'https://n2', "
         "token_file: /u, guard_socket: /g}\n",
         {"2:3: clusters.b.guard_socket: is that of a as well: a guard belongs to one cluster"}},
    });
}

TEST_CASE("config: unknown keys come with what was probably meant") {
    run({
        {"at the top", on_top("guest: {}"), {"2:1: unknown key \"guest\" (did you mean guests?)"}},
        {"a selector that is none",
         on_top("guests:\n  '@colour-red': {checks: [icmp: h]}\n  110-100: {checks: [icmp: h]}\n  '*': {}"),
         {"3:3: guests: selector \"@colour-red\": knows @all, @tag-NAME, @pool-NAME and @node-NAME",
          "4:3: guests: selector \"110-100\": ends before it begins",
          "5:8: guests.*: has no checks: nothing would ever notice that it failed"}},
        {"a name without a star is more likely a slip of the pen",
         on_top("guests:\n  ct101: {checks: [icmp: h]}"),
         {"3:3: guests: \"ct101\" is not a guest (try ct/101 or vm/200)"}},
        {"in backup",
         in_defaults("backup: {max_ag: 1d, prefer: oldest, max_age: 5s}"),
         {"3:12: defaults.backup: unknown key \"max_ag\" (did you mean max_age?)",
          "3:32: defaults.backup.prefer: \"oldest\" is unknown (try healthy or newest)",
          "3:49: defaults.backup.max_age: 5s is out of range (1m to 3650d)"}},
        {"nothing like it", on_top("zzz: 1"), {"2:1: unknown key \"zzz\""}},
        {"in log", on_top("log: {lvel: info}"), {"2:7: log: unknown key \"lvel\" (did you mean level?)"}},
        {"in defaults", in_defaults("checks: {}"), {"3:3: defaults: unknown key \"checks\" (did you mean check?)"}},
        {"in a check",
         in_check("icmp: a\n        intervall: 5s"),
         {"6:9: guests.ct/101.checks[0]: unknown key \"intervall\" (did you mean interval?)"}},
        {"in failover",
         in_defaults("failover: {cool_down: 5m}"),
         {"3:14: defaults.failover: unknown key \"cool_down\" (did you mean cooldown?)"}},
        {"in restart",
         in_defaults("restart: {attemps: 1}"),
         {"3:13: defaults.restart: unknown key \"attemps\" (did you mean attempts?)"}},
        {"in a guest",
         on_top("guests:\n  ct/101: {checks: [icmp: a], fail_over: {}}"),
         {"3:31: guests.ct/101: unknown key \"fail_over\" (did you mean failover?)"}},
    });
}

TEST_CASE("config: words, paths and limits at the top") {
    run({
        {"mode", on_top("mode: armd"), {"2:7: mode: \"armd\" is unknown (try observe or armed)"}},
        {"level",
         on_top("log: {level: warn}"),
         {"2:14: log.level: \"warn\" is unknown (try debug, info, warning or error)"}},
        {"wire", on_top("log: {wire: yes}"), {"2:13: log.wire: \"yes\" is unknown (try off, lines or bodies)"}},
        {"format", on_top("log: {format: xml}"), {"2:15: log.format: \"xml\" is unknown (try text or json)"}},
        {"log as a word", on_top("log: json"), {"2:6: log: is a single value, wanted a section of keys"}},
        {"state_dir",
         on_top("state_dir: var"),
         {"2:12: state_dir: \"var\" is not an absolute path (it starts with /)"}},
        {"a socket path that the kernel would cut",
         on_top("guard_socket: /" + std::string(107, 'a')),
         {"2:15: guard_socket: is longer than the 107 characters of a socket path"}},
        {"daemons", on_top("daemons: many"), {"2:10: daemons: \"many\" is unknown (try one or per-node)"}},
        {"node", on_top("node: a.b"), {"2:7: node: \"a.b\" is no name of a node"}},
        {"a fence agent without a command",
         on_top("nodes: {n2: {fence: {timeout: 30s}}}"),
         {"2:21: nodes.n2.fence.command: is missing (command: [/usr/sbin/fence_ipmilan, -a, 192.0.2.12, …])"}},
        {"a fence agent by a relative path",
         on_top("nodes: {n2: {fence: {command: [fence_x]}}}"),
         {"2:31: nodes.n2.fence.command: begins with an absolute path"}},
        {"an unknown key of a node",
         on_top("nodes: {n2: {fense: {}}}"),
         {"2:14: nodes.n2: unknown key \"fense\" (did you mean fence?)"}},
    });
}

TEST_CASE("config: guests and their checks") {
    const std::string pair = "[icmp: a]";
    run({
        {"a bad name",
         on_top("guests:\n  pct/101: {checks: " + pair + "}\n  ct/99: {checks: " + pair + "}"),
         {"3:3: guests: \"pct/101\" is not a guest (try ct/101 or vm/200)",
          "4:3: guests: \"99\" is not a vmid (a number from 100 to 999999999)"}},
        {"one vmid twice",
         on_top("guests:\n  ct/101: {checks: " + pair + "}\n  vm/101: {checks: " + pair + "}"),
         {"4:3: guests.vm/101: vmid 101 is already used by ct/101"}},
        {"no checks",
         on_top("guests:\n  ct/101: {restart: {}}"),
         {"3:11: guests.ct/101: has no checks: nothing would ever notice that it failed"}},
        {"an empty list of checks",
         on_top("guests:\n  ct/101: {checks: []}"),
         {"3:20: guests.ct/101.checks: is not a list of checks (- tcp: 192.0.2.31:5432)"}},
        {"checks as a section",
         on_top("guests:\n  ct/101: {checks: {icmp: a}}"),
         {"3:20: guests.ct/101.checks: is not a list of checks (- tcp: 192.0.2.31:5432)"}},
        {"guests as a list", on_top("guests: [ct/101]"), {"2:9: guests: is a list, wanted a section of keys"}},
        {"no target",
         in_check("interval: 5s"),
         {"5:9: guests.ct/101.checks[0]: has no target (one of http, tcp, icmp, dns, exec, pve, agent)"}},
        {"two targets",
         in_check("{http: http://a, icmp: a}"),
         {"5:32: guests.ct/101.checks[0].icmp: one check probes one thing: start a new list item with '-'"}},
        {"an empty target", in_check("icmp:"), {"5:9: guests.ct/101.checks[0].icmp: has no target"}},
        {"port 0",
         in_check("tcp: 192.0.2.31:0"),
         {"5:14: guests.ct/101.checks[0].tcp: \"192.0.2.31:0\" is not HOST:PORT (the port is a number from 1 to "
          "65535)"}},
        {"no port",
         in_check("tcp: 192.0.2.31"),
         {"5:14: guests.ct/101.checks[0].tcp: \"192.0.2.31\" is not HOST:PORT (the port is missing, try "
          "192.0.2.31:5432)"}},
        {"icmp with a port",
         in_check("icmp: a:80"),
         {"5:15: guests.ct/101.checks[0].icmp: \"a:80\" is not an address or a host name (try 192.0.2.31, without a "
          "port)"}},
        {"no scheme",
         in_check("http: a/health"),
         {"5:15: guests.ct/101.checks[0].http: \"a/health\" is not a URL (try http://192.0.2.31:8080/health)"}},
        {"a user in the URL",
         in_check("http: http://u:p@a/"),
         {"5:15: guests.ct/101.checks[0].http: \"http://u:p@a/\" is not a URL (a user in it is not supported)"}},
        {"a line break in the URL",
         in_check("http: \"http://a/\\r\\nHost: b\""),
         {"5:15: guests.ct/101.checks[0].http: \"http://a/??Host: b\" is not a URL (write blanks and other "
          "characters as "
          "%20)"}},
        {"status",
         in_check("{http: http://a, status: 2xx}"),
         {"5:34: guests.ct/101.checks[0].status: \"2xx\" is not a list of HTTP status codes (try 200-299,401; codes "
          "are "
          "100 to 599)"}},
        {"status the wrong way round",
         in_check("{http: http://a, status: 299-200}"),
         {"5:34: guests.ct/101.checks[0].status: \"299-200\" is not a list of HTTP status codes (try 200-299,401; "
          "codes "
          "are 100 to 599)"}},
        {"keys of http elsewhere",
         in_check("{icmp: a, status: 200, ca_file: /ca, insecure: true}"),
         {"5:27: guests.ct/101.checks[0].status: is for http checks only",
          "5:41: guests.ct/101.checks[0].ca_file: is for https:// only",
          "5:56: guests.ct/101.checks[0].insecure: is for https:// only"}},
        {"timeout longer than interval",
         in_check("{icmp: a, interval: 5s, timeout: 6s}"),
         {"5:42: guests.ct/101.checks[0].timeout: timeout 6s is longer than interval 5s"}},
        {"interval shorter than the inherited timeout",
         in_check("{icmp: a, interval: 1s}"),
         {"5:29: guests.ct/101.checks[0].interval: timeout 3s is longer than interval 1s"}},
        {"rise and fall below 1",
         in_check("{icmp: a, rise: 0, fall: 0}"),
         {"5:25: guests.ct/101.checks[0].rise: 0 is out of range (1 to 100)",
          "5:34: guests.ct/101.checks[0].fall: 0 is out of range (1 to 100)"}},
        {"the same check twice",
         in_check("icmp: a\n      - icmp: a"),
         {"6:9: guests.ct/101.checks[1]: another check of this guest is called \"a\": give it a name"}},
        {"the same name twice",
         in_check("{icmp: a, name: x}\n      - {icmp: b, name: x}"),
         {"6:25: guests.ct/101.checks[1]: another check of this guest is called \"x\": give it a name"}},
    });
}

TEST_CASE("config: restart and failover") {
    run({
        {"defaults whose timeout is longer",
         in_defaults("check: {interval: 1s, timeout: 2s}"),
         {"3:34: defaults.check.timeout: timeout 2s is longer than interval 1s"}},
        {"a node twice",
         in_defaults("failover: {targets: [n1, n1]}"),
         {"3:28: defaults.failover.targets[1]: \"n1\" stands there twice"}},
        {"a node name",
         in_defaults("failover: {avoid: [-n]}"),
         {"3:22: defaults.failover.avoid[0]: \"-n\" is not a node name (letters, digits and '-', at most 63)"}},
        {"target and avoid",
         in_defaults("failover: {targets: [n1, n2], avoid: n2}"),
         {"3:40: defaults.failover.avoid: \"n2\" is both a target and to be avoided"}},
        {"together and apart at once",
         in_defaults("failover: {apart: [ct/101], together: [ct/101]}"),
         {"3:41: defaults.failover.together: ct/101 is to be kept apart as well"}},
        {"storage",
         in_defaults("failover: {storage: 'local lvm'}"),
         {"3:23: defaults.failover.storage: \"local lvm\" is not a storage name (a letter, then letters, digits, '-', "
          "'_' "
          "or '.')"}},
        {"attempts",
         in_defaults("failover: {attempts: 0}"),
         {"3:24: defaults.failover.attempts: 0 is out of range (1 to 100)"}},
        {"a time limit of nothing",
         in_defaults("failover: {stop_timeout: 0s}"),
         {"3:28: defaults.failover.stop_timeout: 0s is out of range (1s to 1d)"}},
    });
}

TEST_CASE("config: all complaints at once, in the order of the file") {
    const auto found =
        complaints(parse("mode: x\ncluster: {token_file: t}\nguests: {ct/1: {}}\nlog: {level: y}\n", "f"));
    CHECK(found == std::vector<std::string>{
                       "1:7: mode: \"x\" is unknown (try observe or armed)",
                       "2:10: cluster: endpoints is missing (endpoints: [https://192.0.2.11:8006])",
                       "2:23: cluster.token_file: \"t\" is not an absolute path (it starts with /)",
                       "3:10: guests: \"1\" is not a vmid (a number from 100 to 999999999)",
                       "3:16: guests.ct/1: has no checks: nothing would ever notice that it failed",
                       "4:14: log.level: \"y\" is unknown (try debug, info, warning or error)",
                   });
    const auto long_text = parse("mode: " + std::string(100'000, 'x'), "f").problems;
    CHECK(long_text.at(0).text.size() < 500);
    std::string flood = "cluster: {endpoint: 'https://n1', token_file: /t}\n";
    for (int i = 0; i < 1000; ++i) flood += "k" + std::to_string(i) + ": 1\n";
    const auto many = parse(flood, "f").problems;
    REQUIRE(many.size() == 201);
    CHECK(to_string(many.back()) == "f: and 800 more");
}

TEST_CASE("config: load_file also looks at the files it names") {
    const temporary_directory dir;
    const auto write = [&](const std::string& name, const std::string& text) {
        const auto path = dir.path() / name;
        std::ofstream(path) << text;
        std::filesystem::permissions(path, std::filesystem::perms(0600));
        return path.string();
    };
    const std::string token = write("token", "steward@pve!t=0");
    const std::string ca = write("ca.pem", "x");
    const std::string text = "cluster:\n  endpoint: https://n1\n  token_file: " + token + "\n  ca_file: " + ca + "\n";
    const std::string good = write("steward.yaml", text);
    CHECK(complaints(load_file(good)).empty());

    std::filesystem::permissions(token, std::filesystem::perms(0640));
    CHECK(complaints(load_file(good)) ==
          std::vector<std::string>{"3:15: cluster.token_file: " + token +
                                   " is a secret but has mode 0640: others may read it; chmod 600 it"});
    std::filesystem::remove(token);
    std::filesystem::remove(ca);
    std::filesystem::create_directory(ca);
    CHECK(complaints(load_file(good)) ==
          std::vector<std::string>{"3:15: cluster.token_file: " + token + ": No such file or directory",
                                   "4:12: cluster.ca_file: " + ca + " is not a file"});
    CHECK(complaints(load_file(dir.path() / "none")) == std::vector<std::string>{" No such file or directory"});
    CHECK(complaints(load_file(dir.path())) == std::vector<std::string>{" is not a file"});
    const std::string huge = write("huge.yaml", std::string(10'485'760, '#'));
    CHECK(complaints(load_file(huge)) ==
          std::vector<std::string>{" is larger than 1 MiB (10485760 bytes): this is no configuration"});
}

TEST_CASE("an alias without its anchor is not YAML") {
    const auto read = config::parse("cluster: *d\n", "s.yaml");
    REQUIRE(read.problems.size() == 1);
    // yaml-cpp 0.8 goes on with the anchor's name where 0.7 ends.
    CHECK(to_string(read.problems[0]).starts_with("s.yaml:1:10: not YAML: the referenced anchor is not defined"));
}

TEST_CASE("config: what a guest's checks come to must be possible, and their parents must exist") {
    const std::string head = "cluster: {endpoint: 'https://n1', token_file: /t}\n";
    const std::string checks = "guests:\n  ct/101:\n    checks: [{tcp: 'a:1', name: a}, {tcp: 'b:1', name: b}]\n";
    const auto guest = [&](const std::string& keys) { return head + checks + keys; };
    const auto child = [&](const std::string& top, const std::string& a, const std::string& b) {
        return head + top + "guests:\n  ct/101:\n    checks:\n      - {tcp: 'a:1', name: a, parents: " + a +
               "}\n      - {tcp: 'b:1', name: b, parents: " + b + "}\n";
    };
    run({
        {"more than there are",
         guest("    require: 3"),
         {"5:14: guests.ct/101.require: 3 checks have to be up, but there are only 2"}},
        {"none",
         guest("    require: 0"),
         {"5:14: guests.ct/101.require: \"0\" is not all, any, or how many checks have to be up"}},
        {"a word",
         guest("    require: most"),
         {"5:14: guests.ct/101.require: \"most\" is not all, any, or how many checks have to be up"}},
        {"a list",
         guest("    require: [1]"),
         {"5:14: guests.ct/101.require: \"\" is not all, any, or how many checks have to be up"}},
        {"retry_interval longer than interval",
         in_check("{icmp: a, interval: 5s, retry_interval: 6s}"),
         {"5:49: guests.ct/101.checks[0].retry_interval: retry_interval 6s is longer than interval 5s"}},
        {"no such check",
         child("", "[b, c]", "[]"),
         {"5:44: guests.ct/101.checks[0].parents: no check of this guest and no gateway is called \"c\"; did you mean "
          "\"a\"?"}},
        {"nearly the name of a gateway",
         child("gateways: [{icmp: 192.0.2.1, name: router}]\n", "[ruoter]", "[]"),
         {"6:41: guests.ct/101.checks[0].parents: no check of this guest and no gateway is called \"ruoter\"; "
          "did you mean \"router\"?"}},
        {"its own parent",
         child("", "a", "[]"),
         {"5:40: guests.ct/101.checks[0].parents: \"a\" cannot be its own parent"}},
        {"twice", child("", "[b, b]", "[]"), {"5:44: guests.ct/101.checks[0].parents[1]: \"b\" stands there twice"}},
        {"in a circle",
         child("", "b", "a"),
         {"5:40: guests.ct/101.checks[0].parents: parents go round in a circle: b -> a -> b"}},
        {"in a circle over the guest's",
         guest("    parents: [a, b]"),
         {"5:15: guests.ct/101.parents: parents go round in a circle: a -> b -> a"}},
        {"two meanings",
         child("gateways: [{icmp: 192.0.2.1, name: b}]\n", "b", "[]"),
         {"6:40: guests.ct/101.checks[0].parents: both a check of this guest and a gateway are called \"b\": rename "
          "one"}},
        {"gateways that are no list",
         head + "gateways: {icmp: 192.0.2.1}",
         {"2:11: gateways: is not a list of checks (- icmp: 192.0.2.1)"}},
        {"gateways in a circle",
         head + "gateways:\n  - {icmp: a, name: a, parents: b}\n  - {icmp: b, name: b, parents: a}",
         {"3:33: gateways[0].parents: parents go round in a circle: b -> a -> b"}},
        {"another question to PVE",
         head + "guests: {vm/103: {checks: [pve: stopped]}}",
         {"2:33: guests.vm/103.checks[0].pve: there is only pve: running"}},
        {"another question to an agent",
         head + "guests: {vm/103: {checks: [agent: [ping]]}}",
         {"2:35: guests.vm/103.checks[0].agent: there is only agent: ping"}},
        {"an agent in a container",
         head + "guests: {ct/101: {checks: [agent: ping]}}",
         {"2:28: guests.ct/101.checks[0]: containers have no QEMU agent: agent is for virtual machines only"}},
        {"keys of other kinds",
         head + "guests: {vm/103: {checks: [{pve: running, status: 200}]}}",
         {"2:51: guests.vm/103.checks[0].status: is for http checks only"}},
        {"a gateway is no guest",
         head + "gateways: [pve: running, tcp: 'guest:22']",
         {"2:12: gateways[0]: a gateway is no guest: give it an address",
          "2:26: gateways[1]: a gateway is no guest: give it an address"}},
        {"two gateways of one name",
         head + "gateways: [{icmp: a}, {icmp: a}]",
         {"2:23: gateways[1]: another gateway is called \"a\": give it a name"}},
        {"no such gateway",
         head + "gateways: [{icmp: a, parents: b}]",
         {"2:31: gateways[0].parents: no gateway is called \"b\"; did you mean \"a\"?"}},
    });
}
