#include "pve/schema/all_facts.hpp"
#include "pve/shell/assignments.hpp"
#include "pve/shell/completion.hpp"
#include "pve/shell/describe.hpp"
#include "pve/shell/output.hpp"
#include "pve/shell/permission_words.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::pve;
using shell::complete;
using words = std::vector<std::string>;

namespace {

const schema::catalogue& everything() { return schema::catalogue_of_everything(); }

words some_names(std::string_view kind, std::string_view node) {
    if (kind == "node") return {"n1", "n2"};
    if (kind == "lxc" && node == "n2") return {"102"};
    if (kind == "lxc") return {"101", "103"};
    if (kind == "qemu") return {"200"};
    if (kind == "guest") return {"101", "102", "103", "200"};
    return {"local", "nfs"};
}

words completed(words given) { return complete(given, everything(), some_names); }

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

result<std::string> no_files(const std::string& name) {
    if (name == "-") return std::string("from stdin\n");
    if (name == "keys.pub") return std::string("ssh-ed25519 AAAA me\n");
    return fault(errc::io, name, "cannot be read");
}

}  // namespace

TEST_CASE("completion goes through commands, paths, parameters and values") {
    CHECK(completed({"d"}) == words{"delete", "describe"});
    CHECK(completed({"get", "/n"}) == words{"/nodes/"});
    CHECK(completed({"get", "nodes/"}) == words{"/nodes/n1/", "/nodes/n2/"});
    CHECK(completed({"get", "/nodes/n1/lx"}) == words{"/nodes/n1/lxc/"});
    CHECK(completed({"get", "/nodes/n1/lxc/10"}) == words{"/nodes/n1/lxc/101/", "/nodes/n1/lxc/103/"});
    CHECK(completed({"get", "/nodes/n2/lxc/"}) == words{"/nodes/n2/lxc/102/"});
    CHECK(completed({"create", "/cluster/bulk-action/guest/start", "vms=10"}) ==
          words{"vms=101", "vms=102", "vms=103"});
    CHECK(completed({"get", "/nodes/n1/qemu/"}) == words{"/nodes/n1/qemu/200/"});
    CHECK(completed({"describe", "/nodes/"}) == words{"/nodes/{node}/"});
    CHECK(completed({"describe", "/nodes/{node}/lxc", "P"}) == words{"POST"});
    CHECK(completed({"create", "/nodes/n1/lxc/101/status/shutdown", ""}) == words{"forceStop=", "timeout="});
    CHECK(completed({"create", "/nodes/n1/lxc/101/status/shutdown", "timeout=5", ""}) == words{"forceStop="});
    CHECK(completed({"create", "/nodes/n1/lxc/101/status/shutdown", "forceStop="}) ==
          words{"forceStop=0", "forceStop=1"});
    CHECK(completed({"get", "/cluster/resources", "type=s"}) == words{"type=sdn", "type=storage"});
    CHECK(completed({"create", "/nodes/n1/lxc/101/migrate", "target="}) == words{"target=n1", "target=n2"});
    CHECK(completed({"create", "/nodes/n1/lxc", "storage=l"}) == words{"storage=local"});
    CHECK(completed({"get", "/no-such/thing", "x"}).empty());
    CHECK(completed({"frobnicate", "/nodes", "x"}).empty());
    // Without a cluster the fixed words still come.
    CHECK(
        complete({"get", "/nodes/"}, everything(), [](std::string_view, std::string_view) { return words{}; }).empty());
}

TEST_CASE("scripts for two shells ask the program itself") {
    CHECK(has(*shell::completion_script("bash"), " __complete "));
    CHECK(has(*shell::completion_script("zsh"), " __complete "));
    CHECK(has(*shell::completion_script("fish"), " __complete "));
    CHECK_FALSE(shell::completion_script("tcsh"));
}

TEST_CASE("NAME=VALUE: truth in words, files, lists, and what is no assignment") {
    const auto call = everything().find("PUT", "/nodes/n1/lxc/101/config");
    REQUIRE(call);
    const auto given = shell::read_assignments(
        {"onboot=yes", "hostname=yes", "description=-", "nameserver=@keys.pub", "delete=net1"}, *call->what, no_files);
    REQUIRE(given);
    CHECK(*given == schema::parameters{{"onboot", "1"},
                                       {"hostname", "yes"},
                                       {"description", "from stdin"},
                                       {"nameserver", "ssh-ed25519 AAAA me"},
                                       {"delete", "net1"}});
    CHECK(shell::read_assignments({"onboot"}, *call->what, no_files).error().code == errc::invalid);
    CHECK(shell::read_assignments({"=1"}, *call->what, no_files).error().code == errc::invalid);
    CHECK(shell::read_assignments({"vmid=102"}, *call->what, no_files).error().code == errc::invalid);
    CHECK(shell::read_assignments({"a=@gone"}, *call->what, no_files).error().code == errc::io);
    CHECK(shell::tidy_path("nodes//n1/") == "/nodes/n1");
    CHECK(shell::tidy_path("/") == "");
}

TEST_CASE("answers as tables, JSON and YAML") {
    const auto list = boost::json::parse(R"([{"status":"running","vmid":101,"name":"web","a":null},
        {"vmid":7,"name":"dämon","status":"stopped","b":{"x":1}}])");
    CHECK(shell::as_table(list, 0) ==
          "vmid  name   status   a  b\n"
          "101   web    running\n"
          "7     dämon  stopped     {\"x\":1}\n");
    CHECK(shell::as_table(boost::json::parse(R"({"b":"2","a":"a long text"})"), 6) == "a  a lon…\nb  2\n");
    CHECK(shell::as_table(boost::json::parse(R"("UPID:x")"), 4) == "UPID:x\n");
    CHECK(shell::as_table(boost::json::parse("null"), 0).empty());
    CHECK(shell::as_table(boost::json::parse("[]"), 0).empty());
    CHECK(shell::as_json(boost::json::parse(R"({"b":[1,{}],"a":"x"})")) ==
          "{\n  \"a\": \"x\",\n  \"b\": [\n    1,\n    {}\n  ]\n}\n");
    CHECK(shell::as_yaml(boost::json::parse(R"({"b":[{"z":1,"x":"no"},[2,3]],"a":"web server","c":[],"d":"1e3"})")) ==
          "a: web server\nb:\n  - x: \"no\"\n    z: 1\n  - - 2\n    - 3\nc: []\nd: \"1e3\"\n");
    CHECK(shell::as_yaml(boost::json::parse("[0.02, 5e-5, 1.5, 3, true, null]")) ==
          "- 0.02\n- 5.0e-05\n- 1.5\n- 3\n- true\n- null\n");
    CHECK(shell::as_json(boost::json::parse("[1e300]")) == "[\n  1.0e+300\n]\n");
    CHECK(shell::as_table(boost::json::parse(R"([{"cpu":0.02}])"), 0) == "cpu\n0.02\n");
    CHECK(shell::as_yaml(boost::json::parse("[\"a: b\",\"-x\",\"\"]")) == "- \"a: b\"\n- \"-x\"\n- \"\"\n");
}

TEST_CASE("a call is described with its facts, and a wrong path with the nearest right ones") {
    const auto call = everything().find("POST", "/nodes/{node}/lxc");
    REQUIRE(call);
    const std::string text = shell::describe(*call->what);
    INFO(text);
    CHECK(has(text, "POST /nodes/{node}/lxc"));
    CHECK(has(text, "ostemplate*"));
    CHECK(has(text, "integer; 16…; default 512"));
    CHECK(has(text, "ha-managed"));
    CHECK(has(text, "since 9.1"));
    CHECK(has(text, "may: every user"));
    CHECK(has(text, "net[n]"));
    CHECK(has(text, "    name*"));
    CHECK(has(shell::no_such_path(everything(), "/nodes/n1/lcx"), "below /nodes/n1 are lxc"));
    CHECK(has(shell::no_such_path(everything(), "/nods"), "below / are nodes"));
}

TEST_CASE("rules of permission in words") {
    struct row {
        const char* rule;
        const char* words;
    };
    const row rows[] = {
        {"all", "every user"},
        {"world", "everybody, without a log-in"},
        {"code", "decided by the call itself"},
        {"root", "root@pam only"},
        {R"(["perm","/vms/{vmid}",["VM.Audit"]])", "VM.Audit on /vms/{vmid}"},
        {R"(["perm","/vms/{vmid}","VM.Config.Cloudinit"])", "VM.Config.Cloudinit on /vms/{vmid}"},
        {R"(["perm","/",["Sys.Audit","Sys.Modify"]])", "Sys.Audit and Sys.Modify on /"},
        {R"(["perm","/",["Sys.Audit","Sys.Modify"],"any",1])", "Sys.Audit or Sys.Modify on /"},
        {R"(["perm","/pool/{pool}",["VM.Allocate"],"require_param","pool"])",
         "VM.Allocate on /pool/{pool} when pool is given"},
        {R"(["and",["perm","/a",["A"]],["or",["perm","/b",["B"]],["perm","/c",["C"]]]])",
         "A on /a, and (B on /b, or C on /c)"},
        {R"(["or",["userid-param","self"],["userid-group",["User.Modify"]]])",
         "the user itself, or User.Modify on a group of the user"},
        {R"(["userid-param","Realm.AllocateUser"])", "Realm.AllocateUser on the realm of the user"},
        {R"(["perm-modify","{path}"])", "the right to change permissions on {path}"},
        {R"(["of-a-new-kind",1])", R"(["of-a-new-kind",1])"},
        {"[broken", "[broken"},
    };
    for (const row& r : rows) CHECK(shell::permission_words(r.rule) == r.words);
    for (const schema::method& m : everything().methods())
        for (const schema::permission& p : m.permissions) {
            INFO(m.verb << " " << m.path << " " << p.rule);
            CHECK_FALSE(has(shell::permission_words(p.rule), "[\""));
        }
}
