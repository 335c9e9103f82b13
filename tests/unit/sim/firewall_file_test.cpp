#include "sim/model/firewall_cache.hpp"
#include "sim/model/firewall_macros.hpp"
#include "sim/model/firewall_options.hpp"
#include "sim/model/firewall_text.hpp"

#include <catch2/catch.hpp>
#include <chrono>

using namespace steward;
using namespace steward::sim;
using namespace std::chrono_literals;

TEST_CASE("firewall digests are those that PVE 8.4.1 gave") {
    struct row {
        const char* capture;
        std::vector<std::map<std::string, std::string>> rows;
        const char* digest;
    };
    const row rows[] = {
        {"fw-15-ipset-list-entries",
         {{{"cidr", "10.1.0.0/24"}, {"comment", "one"}},
          {{"cidr", "10.1.0.5"}},
          {{"cidr", "10.2.0.0/24"}},
          {{"cidr", "10.3.0.1"}},
          {{"cidr", "2001:db8::/32"}}},
         "26c18e5c21263ab5502de2b226d62d1f115f097e"},
        {"fw-29-ipset-list",
         {{{"comment", "block list"}, {"name", "bl2"}}},
         "e900ee211e6e9501d166365724815edfe47eecfe"},
        {"fw-48-alias-list",
         {{{"cidr", "10.0.0.3"}, {"ipversion", "4"}, {"name", "gw"}}},
         "4fa208bab6fbef83ddb31aadcb637ef0d9c94e12"},
        {"auth-32-token-privsep-no-acl",
         {{{"group", "g1"}}, {{"group", "g3"}}},
         "0f276b4a02a427f1441423655d6fb430929a95b1"},
        {"lck-02-read-while-lock-held", {{{"name", "conc"}}}, "9d3c4fcaaa24bc089d1b6ce2519d20c9da7f0af1"},
        {"clu-23-fw-read-via-pve3", {{{"name", "cl"}}}, "221381a94a324569e5be8ea00d4b61c366e652b9"},
        {"fw-71-options", {{}}, "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.capture) { CHECK(firewall_digest(r.rows) == r.digest); }
    }
}

TEST_CASE("addresses are stored as PVE stores them") {
    struct row {
        const char* given;
        const char* stored;
    };
    const row rows[] = {
        {"10.1.0.5", "10.1.0.5"},
        {"10.1.0.0/24", "10.1.0.0/24"},
        {"10.2.0.7/24", "10.2.0.0/24"},
        {"10.3.0.1/32", "10.3.0.1"},
        {"255.255.255.255/1", "128.0.0.0/1"},
        {"10.0.0.1/0", "10.0.0.1/0"},
        {"2001:DB8::1", "2001:DB8::1"},  // without a prefix nobody compresses it
        {"2001:DB8::1/128", "2001:db8::1"},
        {"2001:0db8:0000::ff/32", "2001:db8::/32"},
        {"fe80::1:2:3:4/64", "fe80::/64"},
        {"2001:db8:0:0:1:0:0:0/80", "2001:db8:0:0:1::/80"},
        {"1:0:0:2:0:0:0:3/127", "1:0:0:2::2/127"},
        {"0:0:1:0:0:2:3:4/127", "0:0:1::2:3:4/127"},  // a run in the middle is longer by its second colon
        {"ffff:ffff::/17", "ffff:8000::/17"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.given) { CHECK(masked_cidr(r.given) == r.stored); }
    }
}

namespace {

/// What is left of a cluster's file after PVE has read and written it.
std::string rewritten(const std::string& text) { return firewall_file::parse(text, firewall_scope::cluster).text(); }

}  // namespace

TEST_CASE("a firewall file is written as PVE writes it") {
    const std::string as_written =
        "[OPTIONS]\n\nenable: 1\npolicy_in: DROP\n\n"
        "[ALIASES]\n\nGateway 10.0.0.1 # the router\nlan 10.0.0.0/24\n\n"
        "[IPSET bl] # block list\n\n!10.0.0.9\n10.1.0.0/24 # one\ndc/lan\n\n"
        "[IPSET empty]\n\n\n"
        "[RULES]\n\n"
        "|IN SSH(ACCEPT) -i vmbr0 -source +bl # off\n"
        "GROUP web -i vmbr1\n"
        "OUT DROP -source lan -dest 10.2.0.1-10.2.0.9 -p tcp -dport 80,443 -sport 1024:65535 -log info\n"
        "FORWARD ACCEPT -p icmp -icmp-type echo-request\n\n"
        "[group web] # servers\n\nIN ACCEPT -p tcp -dport 80\n\n";
    CHECK(rewritten(as_written) == as_written);
    CHECK(firewall_file().text().empty());
}

TEST_CASE("what PVE does to lines that were written by hand") {
    struct row {
        const char* name;
        const char* given;
        const char* left;
    };
    const row rows[] = {
        {"names of sets and groups become lower-case", "[IPSET Foo]\n[group Web]\n",
         "[IPSET foo]\n\n\n[group web]\n\n\n"},
        {"aliases keep their case", "[aliases]\nGW 10.0.0.1/32\n", "[ALIASES]\n\nGW 10.0.0.1\n\n"},
        {"members are sorted and doubles dropped", "[IPSET a1]\n10.0.0.2\n  10.0.0.1  # x \n10.0.0.2 # again\n",
         "[IPSET a1]\n\n10.0.0.1 # x\n10.0.0.2\n\n"},
        {"of two sets of one name the later counts", "[IPSET Aa]\n10.0.0.1\n[IPSET aa]\n10.0.0.2\n",
         "[IPSET aa]\n\n10.0.0.2\n\n"},
        {"comments and lines without a section go", "# hand made\nenable: 1\n[OPTIONS]\n#x\nenable: 1\n",
         "[OPTIONS]\n\nenable: 1\n\n"},
        {"options that nobody knows or with a bad value go",
         "[OPTIONS]\nfoo: 1\nenable: yes\npolicy_in: drop\npolicy_out: FOO\n", "[OPTIONS]\n\npolicy_in: DROP\n\n"},
        {"a section with a bad name is skipped", "[IPSET 1bad]\n10.0.0.1\n[IPSET ok]\n10.0.0.2\n",
         "[IPSET ok]\n\n10.0.0.2\n\n"},
        {"an alias that is no address goes", "[ALIASES]\nhost example.org\nx 10.0.0.1 more\ny 10.0.0.2\n",
         "[ALIASES]\n\ny 10.0.0.2\n\n"},
        {"a rule that cannot be read goes",
         "[RULES]\nIN\nIN ACCEPT -foo x\nin ACCEPT --proto tcp -log loud\nOUT DROP\n", "[RULES]\n\nOUT DROP\n\n"},
        {"spelling of a macro", "[RULES]\nIN ssh(ACCEPT)\n", "[RULES]\n\nIN SSH(ACCEPT)\n\n"},
        {"a rule with a mistake stays", "[RULES]\nIN ACCEPT -source nosuch\n",
         "[RULES]\n\nIN ACCEPT -source nosuch\n\n"},
        {"a rule about both kinds of addresses stays when they are written out",
         "[RULES]\nIN ACCEPT -source 10.0.0.1 -dest fe80::1\n",
         "[RULES]\n\nIN ACCEPT -source 10.0.0.1 -dest fe80::1\n\n"},
        {"but goes when an alias brings one of them",
         "[ALIASES]\nsix fe80::1\n[RULES]\nIN ACCEPT -source 10.0.0.1 -dest six\n", "[ALIASES]\n\nsix fe80::1\n\n"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) { CHECK(rewritten(r.given) == r.left); }
    }
}

TEST_CASE("mistakes in a file are shown beside what they are about") {
    const auto file = firewall_file::parse(
        "[IPSET a1]\n10.0.0.1\n10.0.0.1\nnosuch\n10.0.0.0/0\nexample.org\n[RULES]\nIN SSH(ACCEPT) -dport 22\n",
        firewall_scope::cluster);
    const auto& members = file.sets.at("a1").members;
    REQUIRE(members.size() == 5);
    CHECK(members[0].errors.empty());
    CHECK(members[1].errors.at("cidr") == "duplicate ipset entry for '10.0.0.1'");
    CHECK(members[2].errors.at("cidr") == "no such alias 'nosuch'");
    CHECK(members[3].errors.at("cidr") == "a zero prefix is not allowed in ipset entries\n");
    CHECK(members[4].errors.at("cidr") == "value does not look like a valid IP address or CIDR network");
    CHECK(file.rules.front().errors.at("proto") == "missing property - 'dport' requires this property");
}

TEST_CASE("a comment with a newline injects lines, as it does in PVE") {
    firewall_file file;
    file.sets["a1"].comment = "x\n10.6.6.6";
    const auto again = firewall_file::parse(file.text(), firewall_scope::cluster);
    CHECK(again.sets.at("a1").comment == "x");
    REQUIRE(again.sets.at("a1").members.size() == 1);
    CHECK(again.sets.at("a1").members.front().cidr == "10.6.6.6");
}

TEST_CASE("comments that say nothing are dropped and blanks around them lost") {
    firewall_file file;
    file.sets["a1"].members.resize(2);
    file.sets["a1"].members[0].cidr = "10.0.0.1";
    file.sets["a1"].members[0].comment = "   ";
    file.sets["a1"].members[1].cidr = "10.0.0.2";
    file.sets["a1"].members[1].comment = "  Grüße # ok ";
    CHECK(file.text() == "[IPSET a1]\n\n10.0.0.1\n10.0.0.2 #   Grüße # ok \n\n");
    CHECK(firewall_file::parse(file.text(), firewall_scope::cluster).sets.at("a1").members[1].comment == "Grüße # ok");
}

TEST_CASE("what a rule may say depends on whose it is") {
    struct row {
        const char* line;
        firewall_scope scope;
        const char* part;  // "" when nothing is wrong
        const char* text;
    };
    using enum firewall_scope;
    const row rows[] = {
        {"IN ACCEPT", cluster, "", ""},
        {"FORWARD DROP", node, "", ""},
        {"FORWARD REJECT", cluster, "action", "cannot define REJECT rules on forward chain"},
        {"FORWARD DROP", ct, "type", "invalid rule type 'forward' for rule_env 'ct'"},
        {"IN DROP", vnet, "type", "invalid rule type 'in' for rule_env 'vnet'"},
        {"GROUP web", group, "type", "invalid rule type 'group' for rule_env 'group'"},
        {"IN MAYBE", cluster, "action", "unknown action 'MAYBE'"},
        {"IN ACCEPT -i eth0", ct, "iface", R"(value does not match the regex pattern 'net\d+')"},
        {"IN ACCEPT -i net0", vm, "", ""},
        {"IN ACCEPT -i vmbr0", group, "type", "parameter -i not allowed for this rule type"},
        {"IN Nosuch(ACCEPT)", cluster, "macro", "unknown macro 'Nosuch'"},
        {"IN ACCEPT -dport 22", cluster, "proto", "missing property - 'dport' requires this property"},
        {"IN ACCEPT -p gre -dport 22", cluster, "dport", "protocol 'gre' does not support ports"},
        {"IN ACCEPT -p icmp -dport echo-request", cluster, "", ""},
        {"IN ACCEPT -p icmp -sport 1", cluster, "sport", "protocol 'icmp' does not support ports"},
        {"IN ACCEPT -p tcp -icmp-type any", cluster, "proto", "missing property - 'icmp-type' requires this property"},
        {"IN ACCEPT -p icmpv6 -icmp-type any", cluster, "icmp-type", "invalid icmp-type 'any' for proto 'icmpv6'"},
        {"IN ACCEPT -source +nosuch", cluster, "source", "no such ipset 'nosuch'"},
        {"IN ACCEPT -source +dc/known", ct, "", ""},
        {"IN ACCEPT -dest guest/nosuch", ct, "dest", "no such alias 'guest/nosuch'"},
        {"IN ACCEPT -source 10.0.0.1 -dest fe80::1", cluster, "dest", "detected mixed ipv4/ipv6 addresses in rule"},
        {"IN SSH(ACCEPT) -p udp", cluster, "proto", "parameter 'proto' already define in macro (value = 'tcp')"},
        {"IN SSH(ACCEPT) -p tcp -dport 22", cluster, "", ""},
        {"IN DHCPv6(ACCEPT) -source 10.0.0.1 -p tcp", cluster, "", ""},  // does nothing for IPv4
    };
    const auto names = firewall_file::parse("[IPSET known]\n", cluster);
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.line << " " << static_cast<int>(r.scope)) {
            auto rule = firewall_rule::parse(r.line);
            REQUIRE(rule);
            const auto problems = check_rule(*rule, r.scope, {&names, nullptr});
            CHECK((problems.empty() ? "" : problems.front().part) == r.part);
            CHECK((problems.empty() ? "" : problems.front().text) == r.text);
        }
    }
}

TEST_CASE("the address family of a rule follows from what it names") {
    auto four = *firewall_rule::parse("IN ACCEPT -p icmp");
    CHECK(check_rule(four, firewall_scope::cluster, {}).empty());
    CHECK(four.get("ipversion") == "4");
    auto six = *firewall_rule::parse("IN ACCEPT -source fe80::/10");
    CHECK(check_rule(six, firewall_scope::cluster, {}).empty());
    CHECK(six.get("ipversion") == "6");
    auto any = *firewall_rule::parse("IN ACCEPT");
    CHECK(check_rule(any, firewall_scope::cluster, {}).empty());
    CHECK(any.get("ipversion").empty());
}

TEST_CASE("a guest's alias comes before the cluster's, unless the prefix says which") {
    const auto dc = firewall_file::parse("[ALIASES]\nboth 10.0.0.1\ntop 10.0.0.2\n", firewall_scope::cluster);
    const auto own = firewall_file::parse("[ALIASES]\nBoth 10.9.0.1\n", firewall_scope::ct, &dc);
    const firewall_names names{&dc, &own};
    CHECK(find_alias(names, {"", "BOTH"})->cidr == "10.9.0.1");
    CHECK(find_alias(names, {"dc", "both"})->cidr == "10.0.0.1");
    CHECK(find_alias(names, {"", "top"})->cidr == "10.0.0.2");
    CHECK(find_alias(names, {"guest", "top"}) == nullptr);
}

TEST_CASE("enabling the firewall for a test ends after a minute") {
    const wall_time now(100s + 1795204422s);
    CHECK(enabled_at("1", now) == "1");
    CHECK(enabled_at("1795204462", now) == "1795204462");
    CHECK(enabled_at("1795204461", now) == "0");
}

TEST_CASE("a file is read again only when it or the cluster's changed") {
    memory_tree tree;
    firewall_cache cache;
    tree.write("firewall/cluster.fw", "[IPSET one]\n");
    const auto first = cache.read(tree, "firewall/cluster.fw", firewall_scope::cluster);
    CHECK(cache.read(tree, "firewall/cluster.fw", firewall_scope::cluster) == first);
    const auto guest = cache.read(tree, "firewall/101.fw", firewall_scope::ct, first);
    CHECK(cache.read(tree, "firewall/101.fw", firewall_scope::ct, first) == guest);
    tree.write("firewall/cluster.fw", "[IPSET two]\n");
    const auto second = cache.read(tree, "firewall/cluster.fw", firewall_scope::cluster);
    CHECK(second->sets.count("two") == 1);
    CHECK(cache.read(tree, "firewall/101.fw", firewall_scope::ct, second) != guest);
}

TEST_CASE("macros are found in any case of letters") {
    CHECK(firewall_macros().size() == 86);
    REQUIRE(find_firewall_macro("spiceproxy") != nullptr);
    CHECK(find_firewall_macro("spiceproxy")->name == "SPICEproxy");
    CHECK(find_firewall_macro("nosuch") == nullptr);
    CHECK(find_firewall_macro("Ping")->services6.front().protocol == "icmpv6");
}
