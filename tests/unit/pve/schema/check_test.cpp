#include "pve/schema/check.hpp"

#include "pve/schema/all_facts.hpp"
#include "pve/schema/facts_text.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::pve::schema;

namespace {

using rule = violation::rule;

constexpr const char* undefined =
    "property is not defined in schema and the schema does not allow additional properties";
constexpr const char* missing = "property is missing and it is not optional";

/// A call from its lines; the path names what is in the path.
method read_call(const std::string& lines, const char* path = "/x") {
    auto read = parse_method(path, "POST create\n" + lines);
    INFO(lines);
    if (!read) FAIL(read.error().text());
    return std::move(*read);
}

/// "name: text|name: text", an end of line shown as "\n".
std::string shown(const std::vector<violation>& found) {
    std::string all;
    for (const violation& v : found) {
        if (!all.empty()) all += '|';
        all += v.parameter + ": ";
        for (const char c : v.text) all += c == '\n' ? std::string("\\n") : std::string(1, c);
    }
    return all;
}

std::string refusals(const std::string& parameter_lines, const parameters& given, version connected = {8, 4}) {
    return shown(check(read_call(parameter_lines), connected, given));
}

rule only_rule(const std::string& parameter_lines, const parameters& given, version connected = {8, 4}) {
    const auto found = check(read_call(parameter_lines), connected, given);
    REQUIRE(found.size() == 1);
    return found.front().broken;
}

}  // namespace

TEST_CASE("parameters are refused as a recorded PVE 8.4.1 refused them") {
    struct row {
        const char* recording;
        const char* verb;
        const char* path;
        parameters given;  // those outside the path
        std::string errors;
    };
    const row rows[] = {
        {"ac-03",
         "POST",
         "/access/users",
         {{"userid", "new2@pve"}, {"password", "abc"}},
         "password: value must be at least 8 characters long"},
        {"ac-07", "POST", "/access/users/new@pve/token/x", {}, "tokenid: value does not match the regex pattern"},
        {"auth-06", "POST", "/access/ticket", {{"username", "root@pam"}}, std::string("password: ") + missing},
        {"cl-16", "GET", "/version", {{"x", "1"}}, std::string("x: ") + undefined},
        {"ct-06", "GET", "/nodes/pve/lxc/abc/config", {}, "vmid: type check ('integer') failed - got 'abc'"},
        {"ct-13", "POST", "/nodes/pve/lxc", {{"vmid", "110"}}, std::string("ostemplate: ") + missing},
        {"ct-34",
         "PUT",
         "/nodes/pve/lxc/100/config",
         {{"memory", "1"}},
         "memory: value must have a minimum value of 16"},
        {"fw-03",
         "POST",
         "/cluster/firewall/ipset",
         {{"name", "1bad"}},
         "name: value does not match the regex pattern"},
        {"fw-10",
         "POST",
         "/cluster/firewall/ipset/bl",
         {{"cidr", "10.300.0.1"}},
         "cidr: invalid format - value does not look like a valid IP address or CIDR network\\n"},
        {"fw-47", "PUT", "/cluster/firewall/aliases/gw", {{"comment", "x"}}, std::string("cidr: ") + missing},
        {"fw-62", "POST", "/cluster/firewall/rules", {{"type", "in"}}, std::string("action: ") + missing},
        {"fw-64",
         "POST",
         "/cluster/firewall/rules",
         {{"type", "in"}, {"action", "DROP"}, {"dport", "99999"}, {"proto", "tcp"}},
         "dport: invalid format - invalid port '99999'\\n"},
        {"fw-73",
         "PUT",
         "/cluster/firewall/options",
         {{"policy_in", "FOO"}},
         "policy_in: value 'FOO' does not have a value in the enumeration 'ACCEPT, REJECT, DROP'"},
        {"proto-14",
         "POST",
         "/cluster/firewall/groups",
         {{"group", "bad name!"}},
         "group: value does not match the regex pattern"},
        {"proto-33",
         "POST",
         "/cluster/firewall/groups",
         {{"group", "ga"}, {"group", "gb"}},
         "group: type check ('string') failed - got ARRAY"},
        {"proto-35", "GET", "/cluster/resources", {{"type", "vm"}, {"bogus", "1"}}, std::string("bogus: ") + undefined},
        {"proto-41",
         "POST",
         "/cluster/firewall/groups",
         {{"group", "gx"}, {"foo", "1"}},
         std::string("foo: ") + undefined},
        {"st-09",
         "POST",
         "/storage",
         {{"storage", "foo"}, {"type", "bar"}},
         "type: value 'bar' does not have a value in the enumeration 'btrfs, cephfs, cifs, dir, esxi, glusterfs, "
         "iscsi, iscsidirect, lvm, lvmthin, nfs, pbs, rbd, zfs, zfspool'"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.recording << " " << r.verb << " " << r.path) {
            const auto call = catalogue_of_everything().find(r.verb, r.path, {8, 4});
            REQUIRE(call);
            parameters all = call->path;
            all.insert(all.end(), r.given.begin(), r.given.end());
            CHECK(shown(check(*call->what, {8, 4}, all)) == r.errors);
        }
    }
}

TEST_CASE("what a recorded PVE 8.4.1 took is not refused") {
    struct row {
        const char* verb;
        const char* path;
        parameters given;
    };
    const row rows[] = {
        {"POST",
         "/nodes/pve/lxc",
         {{"vmid", "101"},
          {"ostemplate", "local:vztmpl/tiny.tar.gz"},
          {"hostname", "web"},
          {"memory", "64"},
          {"rootfs", "local:0.1"},
          {"net0", "name=eth0,bridge=vmbr0,ip=dhcp,firewall=1"},
          {"tags", "a;b"},
          {"onboot", "0"}}},
        {"PUT", "/nodes/pve/lxc/100/config", {{"delete", "net0,tags"}, {"digest", std::string(40, 'a')}}},
        {"POST",
         "/nodes/pve/vzdump",
         {{"vmid", "100,101"}, {"storage", "local"}, {"mode", "stop"}, {"exclude-path", "/a"}, {"exclude-path", "/b"}}},
        {"POST", "/cluster/firewall/ipset/bl", {{"cidr", "10.0.0.1/24"}, {"nomatch", "1"}}},
        {"POST", "/cluster/firewall/ipset/bl", {{"cidr", "dc/gw"}}},
        {"DELETE", "/cluster/firewall/ipset/bl/10.0.0.0%2F24", {}},
        {"POST", "/access/users", {{"userid", "new@pve"}, {"password", "secret12"}, {"email", ""}}},
        {"GET", "/nodes/pve/tasks/UPID:pve:00000001:00000001:00000001:vzstart:100:root@pam:/log", {{"start", "0"}}},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.verb << " " << r.path) {
            const auto call = catalogue_of_everything().find(r.verb, r.path, {8, 4});
            REQUIRE(call);
            parameters all = call->path;
            all.insert(all.end(), r.given.begin(), r.given.end());
            CHECK(shown(check(*call->what, {8, 4}, all)).empty());
        }
    }
}

TEST_CASE("a value is checked by its type") {
    struct row {
        const char* type;
        const char* text;
        const char* refused;  // without the name
    };
    const row rows[] = {
        {"boolean", "1", ""},
        {"boolean", "0", ""},
        {"boolean", "true", "type check ('boolean') failed - got 'true'"},
        {"boolean", "", "type check ('boolean') failed - got ''"},
        {"integer", "-5", ""},
        {"integer", "9223372036854775807", ""},
        {"integer", "9223372036854775808", "type check ('integer') failed - got '9223372036854775808'"},
        {"integer", "1.5", "type check ('integer') failed - got '1.5'"},
        {"integer", "-", "type check ('integer') failed - got '-'"},
        {"integer", " 1", "type check ('integer') failed - got ' 1'"},
        {"number", "1.5", ""},
        {"number", ".5", ""},
        {"number", "-2e-3", ""},
        {"number", "0x10", "type check ('number') failed - got '0x10'"},
        {"number", "nan", "type check ('number') failed - got 'nan'"},
        {"string", "", ""},
        {"object", "x", "type check ('object') failed"},
        {"null", "x", "type check ('null') failed - value is not null"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.type << " '" << r.text << "'") {
            const std::string want = *r.refused ? std::string("x: ") + r.refused : "";
            CHECK(refusals(std::string("  x ") + r.type + "\n", {{"x", r.text}}) == want);
        }
    }
    CHECK(refusals("  x integer\n", {{"x", "1"}, {"x", "2"}}) == "x: type check ('integer') failed - got ARRAY");
    CHECK(refusals("  x\n", {{"x", "1"}, {"x", "2"}}).empty());
}

TEST_CASE("bounds are inclusive and say their limit") {
    const std::string facts = "  x? integer min=16 max=8192\n  y? number min=0.5\n  z? string len=2..4\n";
    struct row {
        const char* name;
        const char* text;
        const char* refused;
    };
    const row rows[] = {
        {"x", "16", ""},
        {"x", "8192", ""},
        {"x", "15", "x: value must have a minimum value of 16"},
        {"x", "8193", "x: value must have a maximum value of 8192"},
        {"y", "0.5", ""},
        {"y", "0.4999", "y: value must have a minimum value of 0.5"},
        {"z", "ab", ""},
        {"z", "abcd", ""},
        {"z", "a", "z: value must be at least 2 characters long"},
        {"z", "abcde", "z: value may only be 4 characters long"},
        {"z", "äöüß", ""},  // four characters, eight bytes
    };
    for (const row& r : rows) DYNAMIC_SECTION(r.name << "=" << r.text) {
            CHECK(refusals(facts, {{r.name, r.text}}) == r.refused);
        }
}

TEST_CASE("all violations come at once, by the names of the parameters") {
    const std::string facts = "  b integer\n  a boolean\n  d string\n  c string\n";
    CHECK(refusals(facts, {{"e", "1"}, {"b", "x"}, {"a", "2"}, {"c", ""}}) ==
          std::string("a: type check ('boolean') failed - got '2'|b: type check ('integer') failed - got 'x'|d: ") +
              missing + "|e: " + undefined);
}

TEST_CASE("a parameter may need another") {
    const std::string facts = "  checksum? string requires=algorithm\n  algorithm? string requires=checksum\n";
    CHECK(refusals(facts, {}).empty());
    CHECK(refusals(facts, {{"checksum", "x"}, {"algorithm", "y"}}).empty());
    CHECK(refusals(facts, {{"checksum", "x"}}) == "algorithm: missing property - 'checksum' requires this property");
    CHECK(only_rule(facts, {{"checksum", "x"}}) == rule::requires_other);
}

TEST_CASE("indexed parameters end at their count") {
    const std::string facts = "  net[n]? string count=32\n  numa? boolean\n  numa[n]? string count=8\n";
    CHECK(refusals(facts, {{"net0", "x"}, {"net31", "x"}, {"numa", "1"}, {"numa0", "x"}}).empty());
    for (const char* const name : {"net32", "net", "net01", "net1x", "net[0]"}) {
        INFO(name);
        CHECK(refusals(facts, {{name, "x"}}) == std::string(name) + ": " + undefined);
    }
    CHECK(only_rule(facts, {{"net32", "x"}}) == rule::index);
    CHECK(only_rule(facts, {{"net1x", "x"}}) == rule::unknown);
}

TEST_CASE("arrays are checked element by element") {
    const std::string facts = "  path? array\n    [] string len=2..\n  vms? string format=pve-vmid-list\n";
    CHECK(refusals(facts, {{"path", "ab"}}).empty());
    CHECK(refusals(facts, {{"path", "ab"}, {"path", "c"}, {"path", "de"}}) ==
          "path[1]: value must be at least 2 characters long");
    CHECK(refusals(facts, {{"vms", "100"}, {"vms", "101"}}).empty());
    CHECK(refusals(facts, {{"vms", "100"}, {"vms", "x"}}) ==
          "vms: invalid format - value does not look like a valid VM ID\\n");
}

TEST_CASE("what one version lacks another has") {
    const std::string facts =
        "  memory? integer min=16 until=8.0\n"
        "  memory? string since=8.1\n"
        "    current integer min=16 default_key\n"
        "  fleecing? string since=8.2\n"
        "  maxfiles? integer until=8.4\n"
        "  old string until=7.4\n";
    const parameters old = {{"old", "x"}};
    const auto with = [](parameters all, const char* name, const char* text) {
        all.emplace_back(name, text);
        return all;
    };
    CHECK(refusals(facts, with(old, "memory", "8"), {7, 4}) == "memory: value must have a minimum value of 16");
    CHECK(refusals(facts, {{"memory", "8"}}, {8, 1}) ==
          "memory: invalid format - format error\\nmemory.current: value must have a minimum value of 16\\n");
    CHECK(refusals(facts, {{"memory", "512"}}, {8, 1}).empty());
    CHECK(refusals(facts, {{"fleecing", "1"}}, {8, 1}) == std::string("fleecing: ") + undefined);
    CHECK(only_rule(facts, {{"fleecing", "1"}}, {8, 1}) == rule::version);
    CHECK(refusals(facts, {{"maxfiles", "1"}}, {8, 4}).empty());
    CHECK(only_rule(facts, {{"maxfiles", "1"}}, {9, 0}) == rule::version);
    CHECK(only_rule(facts, {}, {7, 4}) == rule::missing);
}

TEST_CASE("without a known version the newest facts count and nothing is refused for its age") {
    const std::string facts =
        "  memory? integer min=16 until=8.0\n"
        "  memory? string since=8.1\n"
        "    current integer min=16 default_key\n"
        "  maxfiles? integer min=0 until=8.0\n"
        "  maxfiles? integer min=1 since=8.1 until=8.4\n"
        "  old string until=7.4\n";
    CHECK(refusals(facts, {{"memory", "current=16"}}, {}).empty());
    CHECK(refusals(facts, {{"maxfiles", "0"}}, {}) == "maxfiles: value must have a minimum value of 1");
    CHECK(only_rule(facts, {{"other", "0"}}, {}) == rule::unknown);
}

TEST_CASE("a parameter may exist for some values of another") {
    const std::string facts =
        "  protocol? string enum=ospf|bgp\n"
        "  area string by=protocol for=ospf\n"
        "  delete? array by=protocol for=ospf\n"
        "    [] string enum=area\n"
        "  delete? array by=protocol for=bgp\n"
        "    [] string enum=asn\n";
    CHECK(refusals(facts, {{"protocol", "ospf"}, {"area", "0"}, {"delete", "area"}}).empty());
    CHECK(refusals(facts, {{"protocol", "bgp"}, {"delete", "asn"}}).empty());
    CHECK(refusals(facts, {{"protocol", "bgp"}, {"delete", "area"}}) ==
          "delete[0]: value 'area' does not have a value in the enumeration 'asn'");
    CHECK(refusals(facts, {{"protocol", "ospf"}}) == std::string("area: ") + missing);
    CHECK(refusals(facts, {{"protocol", "bgp"}, {"area", "0"}}) == std::string("area: ") + undefined);
    CHECK(refusals(facts, {{"area", "0"}}) == std::string("area: ") + undefined);
    CHECK(refusals(facts, {}).empty());
}

TEST_CASE("some calls take more than they declare") {
    method open = read_call("  a? string\n");
    open.accepts_more = true;
    CHECK(check(open, {9, 1}, {{"b", "1"}}).empty());
    // sdk.md §2.8: {url_seq} is in the path and nowhere else.
    CHECK(check(read_call("  id string\n", "/lists/{id}/entries/{url_seq}"), {9, 2}, {{"id", "x"}, {"url_seq", "5"}})
              .empty());
}

TEST_CASE("everything wrong inside a property string is one message") {
    const std::string facts =
        "  net[n]? string count=32\n"
        "    model string enum=e1000|virtio default_key\n"
        "    bridge? string\n"
        "    firewall? boolean\n"
        "    macaddr? string format=mac-addr\n"
        "    mtu? integer min=1 max=65520 since=8.0\n"
        "    queues? integer requires=bridge\n"
        "    virtio alias=macaddr key_alias=model\n";
    struct row {
        const char* text;
        std::string refused;
    };
    const row rows[] = {
        {"virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=yes,mtu=1", ""},
        {"bridge=vmbr0", std::string("format error\\nnet0.model: ") + missing + "\\n"},
        {"", std::string("format error\\nnet0.model: ") + missing + "\\n"},
        {"virtio,firewall=maybe,mtu=0",
         "format error\\nnet0.firewall: type check ('boolean') failed - got 'maybe'\\n"
         "net0.mtu: value must have a minimum value of 1\\n"},
        {"virtio=xyz", "format error\\nnet0.macaddr: invalid format - value is not a valid unicast MAC address\\n\\n"},
        {"virtio,queues=2", "format error\\nnet0.bridge: missing property - 'net0.queues' requires this property\\n"},
        {"e1001",
         "format error\\nnet0.model: value 'e1001' does not have a value in the enumeration 'e1000, virtio'\\n"},
        {"virtio,speed=1", "invalid key in comma-separated list property: speed\\n"},
        {"virtio,bridge=a,bridge=b", "duplicate key in comma-separated list property: bridge\\n"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION("'" << r.text << "'") {
            const std::string want = r.refused.empty() ? "" : "net0: invalid format - " + r.refused;
            CHECK(refusals(facts, {{"net0", r.text}}) == want);
        }
    }
    CHECK(refusals(facts, {{"net0", "virtio,mtu=1"}}, {7, 4}) ==
          "net0: invalid format - invalid key in comma-separated list property: mtu\\n");
}

TEST_CASE("a property string that is only named is checked too") {
    const std::string facts = "  ipconfig[n]? string format=pve-qm-ipconfig count=32\n";
    CHECK(refusals(facts, {{"ipconfig0", "ip=dhcp"}}).empty());
    CHECK(refusals(facts, {{"ipconfig0", "gw=10.0.0.1"}}) ==
          "ipconfig0: invalid format - format error\\n"
          "ipconfig0.ip: missing property - 'ipconfig0.gw' requires this property\\n");
}

TEST_CASE("one value can be checked alone") {
    const method call = read_call("  vmid integer min=100\n  list? array\n    [] integer\n");
    CHECK(check_value(call.parameters[0], {8, 4}, "vmid", "100").empty());
    CHECK(shown(check_value(call.parameters[0], {8, 4}, "vmid", "1")) ==
          "vmid: value must have a minimum value of 100");
    CHECK(shown(check_value(call.parameters[1], {8, 4}, "list", "x")) ==
          "list[0]: type check ('integer') failed - got 'x'");
}
