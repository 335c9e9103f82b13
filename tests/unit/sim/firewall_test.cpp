#include "small_cluster.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::sim;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

class step {
  public:
    const char* line;
    api::parameters params;
    int status;
    const char* has;  // a part of the body
};

/// One after the other on one cluster.
void play(cluster& model, const std::vector<step>& steps) {
    for (const step& s : steps) {
        INFO(s.line);
        const api::reply r = ask(model, s.line, s.params);
        INFO(r.body);
        CHECK(r.status == s.status);
        CHECK(r.body.find(s.has) != std::string::npos);
    }
}

std::string stored(const cluster& model, const char* path) {
    return model.files().tree().read(path).value_or("(no file)");
}

constexpr const char* done = R"({"data":null})";
constexpr const char* cluster_fw = "firewall/cluster.fw";

}  // namespace

TEST_CASE("sets: what PVE says, call by call") {
    cluster model(small_options());
    play(model,
         {{"POST /cluster/firewall/ipset", {{"name", "Foo"}}, 200, done},
          // The file's reader lower-cases names, the API does not (pve-facts H.2).
          {"GET /cluster/firewall/ipset", {}, 200, R"("name":"foo")"},
          {"GET /cluster/firewall/ipset/Foo", {}, 500, "no such IPSet 'Foo'"},
          {"GET /cluster/firewall/ipset/foo", {}, 200, R"({"data":[]})"},
          {"POST /cluster/firewall/ipset", {{"name", "foo"}}, 400, R"("name":"IPSet 'foo' already exists")"},
          {"POST /cluster/firewall/ipset/foo",
           {{"cidr", "10.0.0.0/0"}},
           400,
           R"("cidr":"a zero prefix is not allowed in ipset entries")"},
          {"POST /cluster/firewall/ipset/foo", {{"cidr", "10.0.0.1"}, {"comment", "one"}, {"nomatch", "1"}}, 200, done},
          {"POST /cluster/firewall/ipset/foo", {{"cidr", "10.0.0.1/32"}}, 400, "address '10.0.0.1' already exists"},
          {"GET /cluster/firewall/ipset/foo/10.0.0.1", {}, 200, R"("nomatch":1)"},
          // What is not given is cleared.
          {"PUT /cluster/firewall/ipset/foo/10.0.0.1", {}, 200, done},
          {"PUT /cluster/firewall/ipset/foo/10.0.0.2", {}, 400, R"("cidr":"no such IP/Network")"},
          {"DELETE /cluster/firewall/ipset/foo", {{"force", "0"}}, 500, "IPSet 'foo' is not empty"},
          {"POST /cluster/firewall/ipset", {{"name", "other"}}, 200, done},
          {"POST /cluster/firewall/ipset",
           {{"name", "other"}, {"rename", "foo"}},
           400,
           "IPSet 'other' does already exist"},
          {"POST /cluster/firewall/ipset", {{"name", "foo"}, {"rename", "foo"}, {"comment", "c"}}, 200, done},
          {"POST /cluster/firewall/ipset", {{"name", "new"}, {"rename", "foo"}}, 200, done}});
    CHECK(stored(model, cluster_fw) == "[IPSET new] # c\n\n10.0.0.1\n\n[IPSET other]\n\n\n");
    play(model, {{"DELETE /cluster/firewall/ipset/new", {{"force", "1"}}, 200, done},
                 {"DELETE /cluster/firewall/ipset/other", {}, 200, done}});
    CHECK(stored(model, cluster_fw) == "(no file)");
}

TEST_CASE("a digest that is not of today refuses a change") {
    struct row {
        const char* line;
        api::parameters params;
    };
    const row rows[] = {
        {"POST /cluster/firewall/ipset", {{"name", "b1"}, {"rename", "a1"}}},
        {"PUT /cluster/firewall/ipset/a1/10.0.0.1", {}},
        {"DELETE /cluster/firewall/ipset/a1/10.0.0.1", {}},
        {"PUT /cluster/firewall/aliases/gw", {{"cidr", "10.0.0.2"}}},
        {"DELETE /cluster/firewall/aliases/gw", {}},
        {"POST /cluster/firewall/groups", {{"group", "g2"}, {"rename", "g1"}}},
        {"PUT /cluster/firewall/rules/0", {{"comment", "x"}}},
        {"DELETE /cluster/firewall/rules/0", {}},
        {"PUT /cluster/firewall/groups/g1/0", {{"moveto", "1"}}},
        {"PUT /cluster/firewall/options", {{"enable", "1"}}},
        {"PUT /nodes/n1/firewall/options", {{"enable", "1"}}},
        {"PUT /nodes/n1/lxc/101/firewall/options", {{"enable", "1"}}},
    };
    cluster model(small_options());
    const std::string before =
        "[ALIASES]\n\ngw 10.0.0.1\n\n[IPSET a1]\n\n10.0.0.1\n\n[RULES]\n\nIN ACCEPT\n\n[group g1]\n\nOUT DROP\n\n";
    model.files().tree().write(cluster_fw, before);
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.line) {
            api::parameters params = r.params;
            params.emplace_back("digest", std::string(40, '0'));
            const api::reply answer = ask(model, r.line, params);
            CHECK(answer.reason == "detected modified configuration - file changed by other user? Try again.");
            CHECK(answer.status == 500);
            CHECK(stored(model, cluster_fw) == before);
        }
    }
}

TEST_CASE("the digest of a list lets the change through") {
    cluster model(small_options());
    ask(model, "POST /cluster/firewall/ipset", {{"name", "a1"}});
    ask(model, "POST /cluster/firewall/ipset/a1", {{"cidr", "10.0.0.1"}});
    const std::string digest(data_of(ask(model, "GET /cluster/firewall/ipset/a1")).at(0).at("digest").as_string());
    CHECK(ask(model, "DELETE /cluster/firewall/ipset/a1/10.0.0.1", {{"digest", digest}}).status == 200);
    CHECK(ask(model, "DELETE /cluster/firewall/ipset/a1/10.0.0.1", {{"digest", digest}}).status == 500);
}

TEST_CASE("aliases: what PVE says, call by call") {
    cluster model(small_options());
    play(model,
         {{"POST /cluster/firewall/aliases", {{"name", "Gw"}, {"cidr", "10.0.0.1/32"}, {"comment", "c"}}, 200, done},
          {"GET /cluster/firewall/aliases/GW",
           {},
           200,
           R"({"data":{"cidr":"10.0.0.1","comment":"c","ipversion":4,"name":"Gw"}})"},
          {"POST /cluster/firewall/aliases", {{"name", "six"}, {"cidr", "2001:DB8::1"}}, 200, done},
          {"GET /cluster/firewall/aliases/six", {}, 200, R"("cidr":"2001:DB8::1","ipversion":6)"},
          {"PUT /cluster/firewall/aliases/nosuch", {{"cidr", "10.0.0.1"}}, 400, R"("name":"no such alias")"},
          {"PUT /cluster/firewall/aliases/gw",
           {{"cidr", "10.0.0.2"}, {"rename", "SIX"}},
           400,
           "alias 'SIX' already exists"},
          {"POST /cluster/firewall/ipset", {{"name", "a1"}}, 200, done},
          {"POST /cluster/firewall/ipset/a1", {{"cidr", "dc/gw"}}, 200, done},
          {"POST /cluster/firewall/ipset/a1", {{"cidr", "guest/gw"}}, 500, "no such alias 'gw'"},
          // Renaming does not follow references; they are listed with what is wrong with them.
          {"PUT /cluster/firewall/aliases/gw", {{"cidr", "10.0.0.2"}, {"rename", "router"}}, 200, done},
          {"GET /cluster/firewall/ipset/a1", {}, 200, R"("errors":{"cidr":"no such alias 'gw'"})"},
          {"DELETE /cluster/firewall/aliases/gw", {}, 200, done}});
    CHECK(stored(model, cluster_fw) == "[ALIASES]\n\nrouter 10.0.0.2\nsix 2001:DB8::1\n\n[IPSET a1]\n\ndc/gw\n\n");
}

TEST_CASE("a new rule is the first and disabled, and moves before the one that was there") {
    cluster model(small_options());
    const auto order = [&] {
        std::string all;
        const json::value rules = data_of(ask(model, "GET /cluster/firewall/rules"));
        for (const json::value& r : rules.as_array()) all += r.at("comment").as_string();
        return all;
    };
    for (const char* name : {"c", "b", "a"})
        REQUIRE(ask(model, "POST /cluster/firewall/rules",
                    {{"type", "in"}, {"action", "ACCEPT"}, {"comment", name}, {"pos", "7"}})
                    .status == 200);
    CHECK(order() == "abc");
    const json::value first = data_of(ask(model, "GET /cluster/firewall/rules/0"));
    CHECK(first.at("enable").as_int64() == 0);
    CHECK(first.at("pos").as_int64() == 0);
    struct row {
        const char* from;
        const char* to;
        const char* then;
    };
    const row rows[] = {{"0", "2", "bac"}, {"0", "3", "acb"}, {"0", "99", "cba"}, {"2", "0", "acb"}, {"1", "1", "acb"}};
    for (const row& r : rows) {
        INFO(r.from << " to " << r.to);
        CHECK(ask(model, std::string("PUT /cluster/firewall/rules/") + r.from, {{"moveto", r.to}}).status == 200);
        CHECK(order() == r.then);
    }
}

TEST_CASE("rules: what PVE says, call by call") {
    cluster model(small_options());
    const char* rules = "POST /cluster/firewall/rules";
    play(model,
         {{rules, {{"type", "in"}, {"action", "ACCEPT"}, {"macro", "ssh"}, {"enable", "1"}}, 200, done},
          {"GET /cluster/firewall/rules/0", {}, 200, R"("macro":"SSH")"},
          {rules,
           {{"type", "in"}, {"action", "ACCEPT"}, {"macro", "Nosuch"}},
           400,
           R"("macro":"unknown macro 'Nosuch'")"},
          {rules, {{"type", "in"}, {"action", "MAYBE"}}, 400, R"("action":"unknown action 'MAYBE'")"},
          {rules,
           {{"type", "in"}, {"action", "DROP"}, {"dport", "22"}},
           400,
           R"("proto":"missing property - 'dport' requires this property")"},
          {rules, {{"type", "in"}, {"action", "DROP"}, {"dest", "nosuch"}}, 400, R"("dest":"no such alias 'nosuch'")"},
          {rules,
           {{"type", "in"}, {"action", "DROP"}, {"source", "10.0.0.1,fe80::1"}},
           400,
           "invalid format - detected mixed ipv4/ipv6 addresses in address list '10.0.0.1,fe80::1'"},
          {rules,
           {{"type", "in"}, {"action", "DROP"}, {"source", "10.0.0.1,10.0.0.3-10.0.0.9"}},
           400,
           "invalid format - you can't use a range in a list"},
          {rules,
           {{"type", "in"}, {"action", "DROP"}, {"proto", "icmp"}, {"icmp-type", "8"}},
           400,
           "invalid format - invalid icmp-type value '8'"},
          {"PUT /nodes/n1/firewall/options", {{"nf_conntrack_helpers", "ftp,tftp"}}, 200, done},
          {"PUT /cluster/firewall/rules/0", {{"comment", "c"}, {"proto", "tcp"}, {"log", "info"}}, 200, done},
          {"PUT /cluster/firewall/rules/0", {{"delete", "log,comment"}}, 200, done},
          {"PUT /cluster/firewall/rules/0", {{"delete", "foo"}}, 400, R"x("delete":"no such property ('foo')")x"},
          {"PUT /cluster/firewall/rules/0",
           {{"delete", "type"}},
           400,
           R"("delete":"unable to delete required property 'type'")"},
          {"PUT /cluster/firewall/rules/0",
           {{"proto", "udp"}},
           400,
           R"x("proto":"parameter 'proto' already define in macro (value = 'tcp')")x"},
          {"PUT /cluster/firewall/rules/1", {{"comment", "c"}}, 500, "no rule at position 1"}});
    CHECK(stored(model, cluster_fw) == "[RULES]\n\nIN SSH(ACCEPT) -p tcp\n\n");
    CHECK(ask(model, "DELETE /cluster/firewall/rules/0").status == 200);
    CHECK(stored(model, cluster_fw) == "(no file)");
}

TEST_CASE("groups: rules of their own, and renaming that follows every reference") {
    cluster model(small_options());
    play(model, {{"POST /cluster/firewall/groups", {{"group", "web"}, {"comment", "c"}}, 200, done},
                 {"POST /cluster/firewall/groups", {{"group", "web"}}, 400, "Security group 'web' already exists"},
                 {"POST /cluster/firewall/groups/web", {{"type", "in"}, {"action", "ACCEPT"}}, 200, done},
                 {"POST /cluster/firewall/groups/web",
                  {{"type", "group"}, {"action", "x1"}},
                  400,
                  "invalid rule type 'group' for rule_env 'group'"},
                 {"POST /cluster/firewall/groups/nosuch",
                  {{"type", "in"}, {"action", "DROP"}},
                  500,
                  "no such security group 'nosuch'"},
                 {"DELETE /cluster/firewall/groups/web", {}, 500, "Security group 'web' is not empty"},
                 {"POST /cluster/firewall/rules", {{"type", "group"}, {"action", "web"}}, 200, done},
                 {"POST /nodes/n2/firewall/rules", {{"type", "group"}, {"action", "web"}, {"enable", "1"}}, 200, done},
                 {"POST /nodes/n1/lxc/101/firewall/rules",
                  {{"type", "group"}, {"action", "web"}, {"iface", "net0"}},
                  200,
                  done},
                 {"POST /cluster/firewall/groups",
                  {{"group", "www"}, {"rename", "nosuch"}},
                  400,
                  "Security group 'nosuch' does not exist"},
                 {"POST /cluster/firewall/groups", {{"group", "www"}, {"rename", "web"}}, 200, done}});
    CHECK(stored(model, cluster_fw) == "[RULES]\n\n|GROUP www\n\n[group www] # c\n\n|IN ACCEPT\n\n");
    CHECK(stored(model, "nodes/n2/host.fw") == "[RULES]\n\nGROUP www\n\n");
    CHECK(stored(model, "firewall/101.fw") == "[RULES]\n\n|GROUP www -i net0\n\n");
}

TEST_CASE("options: what PVE says, call by call") {
    cluster model(small_options());
    play(model, {{"PUT /cluster/firewall/options", {{"policy_in", "ACCEPT"}, {"ebtables", "0"}}, 200, done},
                 {"GET /cluster/firewall/options", {}, 200, R"("ebtables":0,"policy_in":"ACCEPT")"},
                 {"PUT /cluster/firewall/options", {{"delete", "foo"}}, 400, R"("delete":"no such option 'foo'")"},
                 {"PUT /cluster/firewall/options", {{"delete", "ebtables policy_in"}}, 200, done},
                 {"GET /cluster/firewall/options",
                  {},
                  200,
                  R"({"data":{"digest":"da39a3ee5e6b4b0d3255bfef95601890afd80709"}})"},
                 {"PUT /nodes/n2/firewall/options", {{"nftables", "1"}, {"log_level_in", "info"}}, 200, done},
                 {"GET /nodes/n2/firewall/options", {}, 200, R"("log_level_in":"info","nftables":1)"},
                 {"GET /nodes/n1/firewall/options", {}, 200, R"({"data":{"digest")"},
                 {"PUT /nodes/n3/qemu/103/firewall/options", {{"macfilter", "0"}, {"policy_out", "DROP"}}, 200, done},
                 {"GET /nodes/n3/qemu/103/firewall/options", {}, 200, R"("macfilter":0,"policy_out":"DROP")"},
                 {"PUT /nodes/n1/lxc/101/firewall/options",
                  {{"policy_in", "drop"}},
                  400,
                  "does not have a value in the enumeration 'ACCEPT, REJECT, DROP'"}});
    CHECK(stored(model, cluster_fw) == "(no file)");
    CHECK(stored(model, "nodes/n2/host.fw") == "[OPTIONS]\n\nlog_level_in: info\nnftables: 1\n\n");
}

TEST_CASE("enabling the cluster's firewall with a value above 1 lasts a minute") {
    cluster model(small_options());
    const auto enable = [&] { return data_of(ask(model, "GET /cluster/firewall/options")).at("enable").as_int64(); };
    REQUIRE(ask(model, "PUT /cluster/firewall/options", {{"enable", "2"}}).status == 200);
    CHECK(enable() == model.wall_now().time_since_epoch().count());
    pass(model, 60s);
    CHECK(enable() > 1);
    pass(model, 1s);
    CHECK(enable() == 0);
    ask(model, "POST /cluster/firewall/ipset", {{"name", "a1"}});
    CHECK(stored(model, cluster_fw) == "[OPTIONS]\n\nenable: 0\n\n[IPSET a1]\n\n\n");
}

TEST_CASE("a guest's sets may name its own aliases and the cluster's") {
    cluster model(small_options());
    const std::string base = "/nodes/n1/lxc/101/firewall";
    const auto add = [&](const char* cidr) {
        return ask(model, "POST " + base + "/ipset/own", {{"cidr", cidr}}).status;
    };
    ask(model, "POST /cluster/firewall/aliases", {{"name", "top"}, {"cidr", "10.0.0.1"}});
    ask(model, "POST /cluster/firewall/ipset", {{"name", "all"}, {"comment", "everybody"}});
    ask(model, "POST " + base + "/aliases", {{"name", "mine"}, {"cidr", "10.9.0.1"}});
    ask(model, "POST " + base + "/ipset", {{"name", "own"}});
    CHECK(add("top") == 200);
    CHECK(add("dc/top") == 200);
    CHECK(add("guest/mine") == 200);
    CHECK(add("dc/mine") == 500);
    CHECK(add("guest/top") == 500);
    CHECK(json::serialize(data_of(ask(model, "GET " + base + "/refs"))) ==
          R"([{"type":"ipset","name":"all","ref":"+all","scope":"dc","comment":"everybody"},)"
          R"({"type":"alias","name":"top","ref":"top","scope":"dc"},)"
          R"({"type":"ipset","name":"own","ref":"+own","scope":"guest"},)"
          R"({"type":"alias","name":"mine","ref":"mine","scope":"guest"}])");
    CHECK(json::serialize(data_of(ask(model, "GET /cluster/firewall/refs", {{"type", "alias"}}))) ==
          R"([{"type":"alias","name":"top","ref":"top","scope":"dc"}])");
}

TEST_CASE("a guest's sets are asked of any node, its options of the one in the path") {
    cluster model(small_options());
    model.power(node_name("n3"), false);
    pass(model, 1min);
    CHECK(ask(model, "POST /nodes/n3/qemu/103/firewall/ipset", {{"name", "a1"}}).status == 200);
    CHECK(stored(model, "firewall/103.fw") == "[IPSET a1]\n\n\n");
    CHECK(ask(model, "GET /nodes/n3/qemu/103/firewall/options").status == 595);
    CHECK(ask(model, "GET /nodes/n3/firewall/rules").status == 595);
}

TEST_CASE("who may do what with the firewall") {
    struct row {
        const char* line;
        api::parameters params;
        const char* token;
        const char* reason;
    };
    const std::string sep = "PVEAPIToken=steward@pve!sep=66666666-6666-4666-8666-666666666666";
    const row rows[] = {
        {"GET /cluster/firewall/groups", {}, sep.c_str(), "OK"},
        {"GET /cluster/firewall/macros", {}, sep.c_str(), "OK"},
        {"GET /cluster/firewall/ipset", {}, sep.c_str(), "Permission check failed (/, Sys.Audit)"},
        {"GET /cluster/firewall/ipset", {}, audit_token.c_str(), "OK"},
        {"POST /cluster/firewall/ipset",
         {{"name", "a1"}},
         audit_token.c_str(),
         "Permission check failed (/, Sys.Modify)"},
        {"GET /nodes/n1/lxc/101/firewall/ipset", {}, audit_token.c_str(), "OK"},
        {"POST /nodes/n1/lxc/101/firewall/ipset",
         {{"name", "a1"}},
         audit_token.c_str(),
         "Permission check failed (/vms/101, VM.Config.Network)"},
        {"GET /nodes/n1/lxc/101/firewall/log",
         {},
         audit_token.c_str(),
         "Permission check failed (/vms/101, VM.Console)"},
        {"PUT /nodes/n1/firewall/options",
         {{"enable", "0"}},
         audit_token.c_str(),
         "Permission check failed (/nodes/n1, Sys.Modify)"},
        {"GET /nodes/n1/firewall/log", {}, audit_token.c_str(), "Permission check failed (/nodes/n1, Sys.Syslog)"},
        {"GET /cluster/sdn/vnets/v1/firewall/rules",
         {},
         audit_token.c_str(),
         "Permission check failed (/sdn/zones/z1/v1, SDN.Audit|SDN.Allocate)"},
        {"GET /cluster/sdn/vnets/v1/firewall/rules", {}, root_token.c_str(), "OK"},
    };
    cluster model(small_options());
    model.files().tree().write("sdn/vnets.cfg", "vnet: v0\n\tzone z0\n\nvnet: v1\n\tzone z1\n\ttag 5\n");
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.line << " " << r.reason) { CHECK(ask(model, r.line, r.params, r.token).reason == r.reason); }
    }
}

TEST_CASE("a network's rules are about what is forwarded") {
    cluster model(small_options());
    model.files().tree().write("sdn/vnets.cfg", "vnet: v1\n\tzone z1\n");
    const char* rules = "POST /cluster/sdn/vnets/v1/firewall/rules";
    play(model,
         {{rules, {{"type", "in"}, {"action", "DROP"}}, 400, "invalid rule type 'in' for rule_env 'vnet'"},
          {rules, {{"type", "forward"}, {"action", "DROP"}, {"enable", "1"}}, 200, done},
          {"PUT /cluster/sdn/vnets/v1/firewall/options", {{"policy_forward", "DROP"}, {"enable", "1"}}, 200, done},
          {"GET /cluster/sdn/vnets/nosuch/firewall/options", {}, 500, "invalid vnet specified"}});
    CHECK(stored(model, "sdn/firewall/v1.fw") ==
          "[OPTIONS]\n\nenable: 1\npolicy_forward: DROP\n\n[RULES]\n\nFORWARD DROP\n\n");
}

TEST_CASE("changes wait for the lock of their file, and change nothing when it does not come") {
    struct row {
        const char* lock;
        const char* line;
        api::parameters params;
    };
    const row rows[] = {
        {"firewall-cluster", "POST /cluster/firewall/aliases", {{"name", "gw"}, {"cidr", "10.0.0.1"}}},
        {"firewall-vm-101", "POST /nodes/n1/lxc/101/firewall/ipset", {{"name", "a1"}}},
        {"firewall-host-n1", "PUT /nodes/n1/firewall/options", {{"enable", "0"}}},
        {"firewall-host-n2", "POST /cluster/firewall/groups", {{"group", "g2"}, {"rename", "g1"}}},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.lock) {
            cluster model(small_options());
            ask(model, "POST /cluster/firewall/groups", {{"group", "g1"}});
            REQUIRE(apply_fault(model, std::string("cfs-lock ") + r.lock + " hold"));
            CHECK_FALSE(apply_fault(model, std::string("cfs-lock ") + r.lock + " hold"));
            const api::reply refused = ask(model, r.line, r.params);
            CHECK(refused.reason == std::string("cfs-lock '") + r.lock + "' error: got lock request timeout");
            CHECK(refused.delay >= 9s);
            CHECK(stored(model, cluster_fw) == "[group g1]\n\n\n");
            CHECK(stored(model, "firewall/101.fw") == "(no file)");
            REQUIRE(apply_fault(model, std::string("cfs-lock ") + r.lock + " free"));
            CHECK(ask(model, r.line, r.params).status == 200);
        }
    }
    cluster model(small_options());
    CHECK_FALSE(apply_fault(model, "cfs-lock firewall-cluster"));
    CHECK_FALSE(apply_fault(model, "cfs-lock firewall-cluster grab"));
}

TEST_CASE("without quorum the firewall can be read but not changed") {
    cluster model(small_options());
    ask(model, "POST /cluster/firewall/ipset", {{"name", "a1"}});
    REQUIRE(apply_fault(model, "quorum off"));
    const api::reply refused = ask(model, "POST /cluster/firewall/ipset/a1", {{"cidr", "10.0.0.1"}});
    CHECK(refused.reason == "cfs-lock 'firewall-cluster' error: no quorum!");
    CHECK(ask(model, "GET /cluster/firewall/ipset/a1").body == R"({"data":[]})");
}

TEST_CASE("the firewall's log has the logger's own line, a guest's none") {
    cluster model(small_options());
    CHECK(ask(model, "GET /nodes/n1/firewall/log").body.find("starting pvefw logger") != std::string::npos);
    CHECK(ask(model, "GET /nodes/n1/firewall/log", {{"until", "1"}}).body ==
          R"({"data":[{"n":1,"t":"no content"}],"total":1})");
    CHECK(ask(model, "GET /nodes/n1/lxc/101/firewall/log").body == R"({"data":[{"n":1,"t":"no content"}],"total":1})");
    CHECK(ask(model, "GET /nodes/n1/lxc/101/firewall/log", {{"start", "1"}}).body == R"({"data":[],"total":1})");
}
