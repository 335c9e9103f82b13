#include "base/pattern.hpp"
#include "base/target_rules.hpp"
#include "config/digest.hpp"
#include "config/load.hpp"
#include "config/text_values.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <string>

using namespace steward;
using namespace steward::config;
using namespace std::chrono_literals;

namespace {

const std::string before =
    "cluster: {endpoints: ['https://192.0.2.11', 'https://pve2.example'], token_file: /t}\n"
    "guests:\n  ct/101:\n    checks:\n      - ";

std::string in_check(const std::string& lines) { return before + lines + "\n"; }

std::string complaints(const loaded& got) {
    std::string out;
    for (const diagnostic& d : got.problems) out += to_string(d) + "\n";
    return out;
}

}  // namespace

TEST_CASE("config: each key of a kind of check has its effect") {
    struct row {
        const char* name;
        std::string lines;
        std::function<bool(const check&)> holds;
    };
    const row rows[] = {
        {"tcp: send and expect, with escapes", R"({tcp: 'a:1', send: 'PING\r\n\x00\\', expect: '+PONG\r\n'})",
         [](const check& c) {
             return c.tcp.send == std::string("PING\r\n\0\\", 8) && c.tcp.expect->text == "+PONG\r\n" &&
                    !c.tcp.expect->is_regex;
         }},
        {"tcp: expect a regular expression", R"({tcp: 'a:1', expect: '/^SSH-2\.0-/'})",
         [](const check& c) { return c.tcp.expect->text == R"(^SSH-2\.0-)" && c.tcp.expect->is_regex; }},
        {"tcp: a path is no regular expression", "{tcp: 'a:1', expect: /etc}",
         [](const check& c) { return c.tcp.expect->text == "/etc" && !c.tcp.expect->is_regex; }},
        {"http: method and body", "{http: http://a, method: POST, body: x=1}",
         [](const check& c) { return c.http.method == "POST" && c.http.body == "x=1"; }},
        {"http: headers, secrets from a file",
         "{http: http://a, headers: {Accept: text/plain, Authorization: {file: /etc/steward/h}}}",
         [](const check& c) {
             return c.http.headers.size() == 2 && c.http.headers[0].value == "text/plain" &&
                    c.http.headers[1].name == "Authorization" && c.http.headers[1].value.empty() &&
                    c.http.headers[1].file == "/etc/steward/h";
         }},
        {"http: what the body contains", "{http: http://a, body_contains: ready, body_regex: 'v[0-9]+'}",
         [](const check& c) { return c.http.body_contains == "ready" && c.http.body_regex == "v[0-9]+"; }},
        {"http: json", "{http: http://a, json: {pointer: /a/b, equals: x}}",
         [](const check& c) { return c.http.json->pointer == "/a/b" && c.http.json->equals == "x"; }},
        {"http: redirects", "{http: http://a, redirects: same-host}",
         [](const check& c) { return c.http.follows_same_host; }},
        {"http: redirects are off by default", "{http: http://a, redirects: off}",
         [](const check& c) { return !c.http.follows_same_host; }},
        {"https: sni, client certificate, expiry",
         "{http: https://192.0.2.31, sni: web.example, client_certificate: /c.pem, client_key: /k.pem, "
         "certificate_expiry: 14d}",
         [](const check& c) {
             return c.http.sni == "web.example" && c.http.client_certificate == "/c.pem" &&
                    c.http.client_key == "/k.pem" && c.http.certificate_expiry == 24h * 14;
         }},
        {"icmp: size, ttl, count", "{icmp: a, size: 1400, ttl: 3, count: 5}",
         [](const check& c) { return c.icmp.size == 1400 && c.icmp.ttl == 3 && c.icmp.count == 5; }},
        {"dns: nothing but the name", "{dns: 192.0.2.53, query: www.example}",
         [](const check& c) {
             return c.kind == check_kind::dns && c.host == "192.0.2.53" && c.port == 53 &&
                    c.dns.query == "www.example" && c.dns.type == "A" && c.dns.rcode == "NOERROR" && !c.dns.answer;
         }},
        {"dns: type and answer", "{dns: '[2001:db8::53]:5353', query: example, type: MX, answer: /mail/}",
         [](const check& c) {
             return c.host == "2001:db8::53" && c.port == 5353 && c.dns.type == "MX" && c.dns.answer->is_regex;
         }},
        {"dns: rcode", "{dns: '2001:db8::53', query: gone.example, rcode: NXDOMAIN}",
         [](const check& c) { return c.host == "2001:db8::53" && c.dns.rcode == "NXDOMAIN"; }},
        {"exec", "{exec: [/usr/bin/check, -w, '5'], user: nagios, group: '33'}",
         [](const check& c) {
             return c.kind == check_kind::exec &&
                    c.exec.argv == std::vector<std::string>{"/usr/bin/check", "-w", "5"} && c.exec.user == "nagios" &&
                    c.exec.group == "33" && c.name == "/usr/bin/check";
         }},
    };
    std::set<std::string> digests;
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            const loaded got = parse(in_check(r.lines), "f");
            CHECK(complaints(got).empty());
            if (got.problems.empty()) CHECK(r.holds(got.values.guests.at(0).checks.at(0)));
        }
        // Daemons whose configurations differ must not vote together.
        digests.insert(guests_digest(parse(in_check(r.lines), "f").values));
    }
    CHECK(digests.size() == std::size(rows));
}

TEST_CASE("config: a reload keeps a check whose keys are all the same, and no other") {
    const auto check_in = [](const std::string& lines) {
        const loaded got = parse(in_check(lines), "f");
        CHECK(complaints(got).empty());
        return got.values.guests.at(0).checks.at(0);
    };
    const std::vector<std::vector<std::string>> kinds{
        {"tcp: 'a:1'", "{tcp: 'a:1', send: x}", "{tcp: 'a:1', expect: x}", "{tcp: 'a:1', expect: /x/}"},
        {"http: https://a", "{http: https://a, method: PUT}", "{http: https://a, method: PUT, body: x}",
         "{http: https://a, headers: {A: b}}", "{http: https://a, headers: {A: {file: /b}}}",
         "{http: https://a, body_contains: x}", "{http: https://a, body_regex: x}",
         "{http: https://a, json: {pointer: /a, equals: x}}", "{http: https://a, json: {pointer: /b, equals: x}}",
         "{http: https://a, redirects: same-host}", "{http: https://a, sni: b}", "{http: https://a, ca_file: /b}",
         "{http: https://a, client_certificate: /a, client_key: /b}",
         "{http: https://a, client_certificate: /b, client_key: /b}", "{http: https://a, certificate_expiry: 1d}"},
        {"icmp: a", "{icmp: a, size: 57}", "{icmp: a, ttl: 65}", "{icmp: a, count: 2}"},
        {"{dns: a, query: b}", "{dns: a, query: c}", "{dns: 'a:54', query: b}", "{dns: a, query: b, type: MX}",
         "{dns: a, query: b, rcode: REFUSED}", "{dns: a, query: b, answer: x}"},
        {"exec: [/a]", "exec: [/a, '']", "{exec: [/a], name: x}", "{exec: [/a], user: x}",
         "{exec: [/a], user: x, group: y}"},
    };
    for (const auto& variants : kinds)
        for (const std::string& one : variants)
            for (const std::string& other : variants) {
                INFO(one << " and " << other);
                CHECK((check_in(one) == check_in(other)) == (one == other));
            }
}

TEST_CASE("config: every example of docs/probes.md is good") {
    std::ifstream file(STEWARD_SOURCE_DIR "/docs/probes.md");
    std::ostringstream text;
    text << file.rdbuf();
    const std::string page = text.str();
    int count = 0;
    for (std::size_t at = 0; (at = page.find("```yaml\n", at)) != std::string::npos; ++count) {
        at += 8;
        const auto end = page.find("```", at);
        CHECK(complaints(parse(page.substr(at, end - at), "docs/probes.md")).empty());
        at = end + 3;
    }
    CHECK(count >= 4);
}

TEST_CASE("config: a mistake in a kind of check is said with its place") {
    struct row {
        const char* name;
        std::string lines;
        std::string complaint;  // without file and path
    };
    const row rows[] = {
        {"an unknown escape", R"({tcp: 'a:1', send: 'a\q'})", R"(5:28|.send: "\q" is not an escape)"},
        {"half an escape", R"({tcp: 'a:1', expect: 'a\x1'})", R"(5:30|.expect: "\x1" is not an escape)"},
        {"a broken regular expression", "{tcp: 'a:1', expect: '/(/'}",
         "5:30|.expect: \"(\" is not a regular expression: missing ): ("},
        {"a look-ahead", "{http: http://a, body_regex: '(?=x)'}", "5:38|.body_regex: \"(?=x)\" is not a regular"},
        {"a method of another kind", "{http: http://a, method: DELETE}", "5:34|.method: \"DELETE\" is unknown"},
        {"a body without a method", "{http: http://a, body: x}", "5:32|.body: a GET request has none: set method"},
        {"the body of HEAD", "{http: http://a, method: HEAD, body_contains: x}", "the answer to HEAD has no body"},
        {"a secret in the file", "{http: http://a, headers: {Authorization: Bearer x}}",
         "5:51|.headers.Authorization: looks like a secret: put it into a file"},
        {"two lines in a header", R"({http: http://a, headers: {A: "x\r\nB: y"}})", ".headers.A: has a line break"},
        {"no header", "{http: http://a, headers: {'A B': x}}", "A B: is no name of a header"},
        {"a header of our own", "{http: http://a, headers: {Content-Length: 3}}", "is set by the probe itself"},
        {"json without equals", "{http: http://a, json: {pointer: /a}}", "takes pointer and equals"},
        {"a pointer without a slash", "{http: http://a, json: {pointer: a, equals: b}}",
         ".json.pointer: \"a\" does not start with /"},
        {"redirects", "{http: http://a, redirects: all}", ".redirects: \"all\" is unknown (try off or same-host)"},
        {"sni is a name", "{http: https://a, sni: 192.0.2.1}", ".sni: \"192.0.2.1\" is not a host name"},
        {"a certificate without its key", "{http: https://a, client_certificate: /c}", "client_key is missing beside"},
        {"a key without its certificate", "{http: https://a, client_key: /c}", "client_certificate is missing beside"},
        {"expiry without TLS", "{http: http://a, certificate_expiry: 14d}", "is for https:// only"},
        {"size too large", "{icmp: a, size: 9001}", ".size: 9001 is out of range (16 to 9000)"},
        {"ttl", "{icmp: a, ttl: 0}", ".ttl: 0 is out of range (1 to 255)"},
        {"count", "{icmp: a, count: 21}", ".count: 21 is out of range (1 to 20)"},
        {"dns without a name", "dns: 192.0.2.53", ".query: is missing: the name that is asked for"},
        {"dns for an address", "{dns: 192.0.2.53, query: 192.0.2.1}", ".query: \"192.0.2.1\" is not a name"},
        {"dns type", "{dns: 192.0.2.53, query: a, type: ANY}", ".type: \"ANY\" is unknown"},
        {"an answer to an error", "{dns: 192.0.2.53, query: a, rcode: NXDOMAIN, answer: x}",
         ".answer: there is none with rcode NXDOMAIN"},
        {"exec as a text", "exec: /bin/true x", ".exec: is not a list"},
        {"exec without a path", "exec: [check_ping]", ".exec: begins with an absolute path"},
        {"exec with a list inside", "exec: [/bin/true, [x]]", ".exec[1]: is not a single value"},
        {"a group alone", "{exec: [/bin/true], group: x}", ".group: user is missing beside it"},
        {"keys of another kind", "{icmp: a, expect: x}", "5:27|.expect: is for tcp checks only"},
        {"the metadata service", "http: http://169.254.169.254/latest",
         "5:15|.http: 169.254.169.254 is the metadata service of clouds: list it in probes.allow"},
        {"link-local", "icmp: 'fe80::1'", ".icmp: fe80::1 is link-local"},
        {"everybody", "icmp: 224.0.0.1", ".icmp: 224.0.0.1 is multicast"},
        {"nobody", "tcp: 0.0.0.0:80", ".tcp: 0.0.0.0 is unspecified"},
        {"another notation", "tcp: '[::ffff:169.254.169.254]:80'", "is the metadata service of clouds"},
        {"the API by its address", "tcp: 192.0.2.11:8006", "192.0.2.11 port 8006 is the cluster's API"},
        {"the API by its name", "http: https://PVE2.example:8006/", "PVE2.example port 8006 is the cluster's API"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            const std::string got = complaints(parse(in_check(r.lines), "f"));
            CHECK(std::count(got.begin(), got.end(), '\n') == 1);
            const auto bar = r.complaint.find('|');
            if (bar != std::string::npos) CHECK_THAT(got, Catch::StartsWith("f:" + r.complaint.substr(0, bar) + ":"));
            CHECK_THAT(got, Catch::Contains(r.complaint.substr(bar == std::string::npos ? 0 : bar + 1)));
        }
    }
}

TEST_CASE("config: probes.allow opens what is refused otherwise, and nothing else") {
    struct row {
        const char* allow;
        const char* check;
        bool is_good;
    };
    const row rows[] = {
        {"169.254.169.254", "tcp: 169.254.169.254:80", true},
        {"169.254.169.254:80", "tcp: 169.254.169.254:80", true},
        {"169.254.169.254:81", "tcp: 169.254.169.254:80", false},
        {"169.254.0.0/16", "icmp: 169.254.7.7", true},
        {"169.254.0.0/24", "icmp: 169.254.7.7", false},
        {"fe80::/10", "icmp: 'fe80::1'", true},
        {"fd00:ec2::254", "tcp: '[fd00:ec2::254]:80'", true},
        {"192.0.2.11:8006", "tcp: 192.0.2.11:8006", true},
        {"pve2.example:8006", "tcp: pve2.example:8006", true},
        {"pve2.example", "tcp: 192.0.2.11:8006", false},
        {"10.0.0.0/33", "icmp: a", false},
        {"a/b", "icmp: a", false},
        {"1.2.3", "icmp: a", false},
        {"a:0", "icmp: a", false},
    };
    for (const row& r : rows) {
        INFO(r.allow << " " << r.check);
        const loaded got = parse(in_check(r.check) + "probes: {allow: ['" + r.allow + "']}\n", "f");
        CHECK(got.problems.empty() == r.is_good);
    }
}

TEST_CASE("patterns: the same as elsewhere, in time that does not explode") {
    CHECK(pattern::compile("^a+b$")->found_in("aaab"));
    CHECK_FALSE(pattern::compile("^a+b$")->found_in("aaabc"));
    CHECK(pattern::compile("(?i)READY")->found_in("is ready"));
    CHECK_FALSE(pattern::compile("a{1001}"));  // RE2's own limit of repetitions
    CHECK_FALSE(pattern::compile(std::string(5000, 'a')));
    // 64 KiB that take a backtracking engine longer than the universe is old, or more stack than there is.
    const std::string hostile(std::size_t{64} << 10U, 'a');
    CHECK_FALSE(pattern::compile("^(a+)+$")->found_in(hostile + "!"));
    CHECK_FALSE(pattern::compile("(a|aa)*b")->found_in(hostile));
    CHECK(pattern::compile("\\xff")->found_in("\xff") == false);  // not UTF-8, and no harm
}
