#include "config/effective.hpp"
#include "config/schema.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <catch2/catch.hpp>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <unistd.h>

using namespace steward;
using namespace steward::config;
namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

const std::string cluster_text =
    "cluster:\n"
    "  endpoint: https://192.0.2.11:8006\n"
    "  token_file: /etc/steward/token\n";

std::string contents(const fs::path& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

/// A directory of its own, gone afterwards.
class workshop {
  public:
    workshop() {
        std::string name = (fs::temp_directory_path() / "steward-include-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        root = name;
        write("token", "steward@pve!t=secret");
        fs::permissions(root / "token", fs::perms::owner_read | fs::perms::owner_write);
    }
    ~workshop() {
        std::error_code ignored;
        fs::remove_all(root, ignored);
    }
    void write(const std::string& name, const std::string& text) const {
        fs::create_directories((root / name).parent_path());
        std::ofstream(root / name) << text;
    }
    /// The main file with these lines at its end.
    [[nodiscard]] loaded load(const std::string& lines) const {
        write("steward.yaml",
              "cluster: {endpoint: 'https://n1', token_file: " + (root / "token").string() + "}\n" + lines);
        return load_file((root / "steward.yaml").string());
    }
    [[nodiscard]] std::string problems(const std::string& lines) const {
        std::string all;
        for (const diagnostic& d : load(lines).problems) all += to_string(d).substr(root.string().size() + 1) + "\n";
        return all;
    }
    fs::path root;
};

std::string guest_lines(const std::string& id) { return "guests:\n  " + id + ":\n    checks: [tcp: 'n1:22']\n"; }

json::value at(const json::object& tree, const std::string& pointer) {
    const json::value whole = tree;
    boost::system::error_code ec;
    const json::value* found = whole.find_pointer(pointer, ec);
    return found ? *found : json::value("(absent)");
}

json::object effective(const std::string& lines) { return effective_config({source_text("x", cluster_text + lines)}); }

/// Of letters, digits and underscores.
std::set<std::string> words_of(const std::string& text) {
    std::set<std::string> all;
    std::string word;
    for (const char c : text + " ") {
        if (std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_') {
            word += c;
            continue;
        }
        all.insert(word);
        word.clear();
    }
    return all;
}

}  // namespace

TEST_CASE("config: every key that the loader reads is documented, tested and has a type") {
    // Sections, and values with a language of their own.
    const std::set<std::string> by_hand{
        "cluster", "clusters", "log",  "nodes", "probes", "defaults", "check", "restart", "failover", "backup",
        "guests",  "checks",   "http", "tcp",   "icmp",   "dns",      "exec",  "headers", "json",     "fence",
        "hooks",   "handover", "pre",  "post",  "failed", "pve",      "agent", "require", "gateways", "*"};
    const std::set<std::string> words = words_of(contents(STEWARD_SOURCE_DIR "/docs/configuration.md"));
    std::string tests;
    for (const auto& file : fs::directory_iterator(STEWARD_SOURCE_DIR "/tests/unit/config"))
        if (file.path().filename() != "bad_test.cpp") tests += contents(file.path());
    const auto keys = known_keys();
    CHECK(keys.size() > 100);
    for (const key_record& k : keys) {
        const std::string name = k.path.substr(k.path.find_last_of('.') + 1);
        INFO(k.path);
        if (name != "*") CHECK(words.count(name) == 1);
        if (name != "*") CHECK(tests.find(name + ":") != std::string::npos);
        // A new kind of check needs a line in `sample` of lib/config/schema.cpp, so that its keys are met.
        if (by_hand.count(name) == 0) CHECK(k.kind != key_kind::anything);
    }
}

TEST_CASE("config: the schema knows what the loader knows") {
    const json::object schema = configuration_schema();
    const std::string guest = "/properties/guests/additionalProperties/properties";
    const std::string check = guest + "/checks/items/properties";
    CHECK(at(schema, "/additionalProperties") == json::value(false));
    CHECK(at(schema, "/properties/mode/enum/1") == json::value("armed"));
    CHECK(at(schema, "/properties/cluster/properties/token_file/pattern") == json::value("^/"));
    CHECK(at(schema, check + "/rise/maximum") == json::value(100));
    CHECK(at(schema, check + "/method/enum/0") == json::value("GET"));
    CHECK(at(schema, check + "/insecure/type") == json::value("boolean"));
    CHECK(at(schema, guest + "/failover/properties/shutdown/enum/3") == json::value("evacuate"));
    CHECK(at(schema, guest + "/checks/type") == json::value("array"));
    CHECK(at(schema, "/properties/nodes/additionalProperties/properties/fence/properties/timeout/description") ==
          json::value("a time, 1s to 10m"));
    CHECK(at(schema,
             "/properties/clusters/additionalProperties/properties/guests/additionalProperties/properties/restart/"
             "properties/attempts/maximum") == json::value(100));
    CHECK(at(schema, "/oneOf/1/required/0") == json::value("clusters"));
    CHECK(at(schema, "/properties/include/anyOf/1/type") == json::value("array"));
    CHECK(at(schema, "/properties/hooks/properties/handover/properties/pre/items/properties/required/type") ==
          json::value("boolean"));
    CHECK(at(schema, guest + "/hooks/properties/restart/properties/failed/type") == json::value("array"));
}

TEST_CASE("config: what holds is shown, whether it was given, inherited or never said") {
    const json::object tree = effective(
        "mode: armed\n"
        "defaults: {failover: {targets: [n2, n3], attempts: 4, shutdown: evacuate}, check: {fall: 7}}\n"
        "guests:\n"
        "  ct/101:\n    checks: [{tcp: 'n1:22', fall: 8}, {http: 'http://n1/?key=secret', status: '200'}]\n"
        "  ct/102:\n    checks: [{icmp: n1}]\n    failover: {targets: n9, shutdown: freeze}\n");
    CHECK(at(tree, "/mode") == json::value("armed"));
    CHECK(at(tree, "/log/level") == json::value("info"));
    CHECK(at(tree, "/cluster/request_timeout") == json::value("20s"));
    CHECK(at(tree, "/cluster/endpoint") == json::value(json::array{"https://192.0.2.11:8006"}));
    CHECK(at(tree, "/cluster/calls_in_flight") == json::value(8));
    CHECK(at(tree, "/guests/ct~1101/checks/0/fall") == json::value(8));
    CHECK(at(tree, "/guests/ct~1101/checks/1/fall") == json::value(7));
    CHECK(at(tree, "/guests/ct~1101/checks/1/http") == json::value("http://n1/?(not shown)"));
    CHECK(at(tree, "/guests/ct~1101/checks/1/method") == json::value("GET"));
    CHECK(at(tree, "/guests/ct~1101/failover/targets") == json::value(json::array{"n2", "n3"}));
    CHECK(at(tree, "/guests/ct~1101/failover/shutdown") == json::value("evacuate"));
    CHECK(at(tree, "/guests/ct~1102/failover/targets") == json::value(json::array{"n9"}));
    CHECK(at(tree, "/guests/ct~1102/failover/shutdown") == json::value("freeze"));
    CHECK(at(tree, "/guests/ct~1102/failover/attempts") == json::value(4));
    CHECK(at(tree, "/guests/ct~1102/restart/window") == json::value("30m"));
    CHECK(at(tree, "/guests/ct~1102/checks/0/method") == json::value("(absent)"));
}

TEST_CASE("config: of several clusters each inherits from its own defaults, then from those of all") {
    const json::object tree = effective_config({source_text("x",
                                                            "defaults: {failover: {targets: [n1], avoid: n9}}\n"
                                                            "clusters:\n"
                                                            "  a:\n    endpoint: https://a1\n    token_file: /t\n"
                                                            "    defaults: {failover: {targets: [a2]}}\n"
                                                            "    guests: {ct/101: {checks: [icmp: a1]}}\n"
                                                            "  b:\n    endpoint: https://b1\n    token_file: /t\n"
                                                            "    guests: {'@tag-web': {checks: [icmp: b1]}}\n")});
    CHECK(at(tree, "/clusters/a/guests/ct~1101/failover/targets") == json::value(json::array{"a2"}));
    CHECK(at(tree, "/clusters/a/guests/ct~1101/failover/avoid") == json::value(json::array{"n9"}));
    CHECK(at(tree, "/clusters/b/guests/@tag-web/failover/targets") == json::value(json::array{"n1"}));
    CHECK(at(tree, "/clusters/b/endpoint") == json::value(json::array{"https://b1"}));
}

TEST_CASE("config: what may be a secret is not shown") {
    const std::string shown = json::serialize(
        effective("nodes: {n2: {fence: {command: [/usr/sbin/fence_x, -p, hush1, --password=hush2]}}}\n"
                  "guests:\n"
                  "  ct/101:\n    checks:\n"
                  "      - {http: 'http://n1/?q=hush3', method: POST, body: hush4, headers: {X-A: hush5}}\n"
                  "      - {tcp: 'n1:25', send: hush6}\n"
                  "      - {exec: [/bin/check, -p, hush7]}\n"));
    CHECK(shown.find("hush") == std::string::npos);
    CHECK(shown.find("/etc/steward/token") != std::string::npos);
    CHECK(shown.find("/bin/check") != std::string::npos);
}

TEST_CASE("config: guests of included files are read beside those of the main file") {
    const workshop w;
    w.write("conf.d/web.yaml", guest_lines("ct/102"));
    w.write("conf.d/db.yaml", guest_lines("vm/200"));
    w.write("conf.d/db.yaml.dpkg-old", "not: read");
    w.write("conf.d/.hidden.yaml", "not: read");
    w.write("conf.d/empty.yaml", "# nothing yet\n");
    const loaded got = w.load("include: conf.d/*.yaml\ndefaults: {restart: {attempts: 5}}\n" + guest_lines("ct/101"));
    for (const diagnostic& d : got.problems) FAIL_CHECK(to_string(d));
    REQUIRE(got.values.guests.size() == 3);
    CHECK(to_string(got.values.guests[1].id) == "ct/102");
    CHECK(got.values.guests[2].restart.attempts == 5);
    CHECK(got.sources.size() == 4);
    // Absolute, several, one of them twice, and a directory that is not there.
    const std::string all =
        "include: [conf.d/web.yaml, " + (w.root / "conf.d/*.yaml").string() + ", none/*.yaml, conf.d/web.yaml]\n";
    CHECK(w.load(all).values.guests.size() == 2);
    CHECK(w.problems(all).empty());
}

TEST_CASE("config: what is wrong with an included file is said with its own place") {
    const workshop w;
    const auto check = [&](const std::string& text, const std::string& wanted) {
        w.write("conf.d/a.yaml", text);
        INFO(w.problems("include: conf.d/*.yaml\n" + guest_lines("ct/101")));
        CHECK(w.problems("include: conf.d/*.yaml\n" + guest_lines("ct/101")).find(wanted) != std::string::npos);
    };
    check("guests:\n  ct/102:\n    checks: [{tcp: 'n1:22', rise: 0}]\n",
          "conf.d/a.yaml:3:35: guests.ct/102.checks[0].rise: 0 is out of range (1 to 100)");
    check(guest_lines("ct/101"), "conf.d/a.yaml:2:3: guests.ct/101: vmid 101 is already used by ct/101 in " +
                                     (w.root / "steward.yaml").string() + ":4");
    check("mode: armed\n",
          "conf.d/a.yaml:1:1: \"mode\" does not belong here: an included file holds guests and nothing else");
    check("guests: [", "conf.d/a.yaml:1:1: not YAML");
    check(std::string(1100000, '#'), "conf.d/a.yaml: is larger than 1 MiB");
    for (const auto& [pattern, wanted] :
         {std::pair("'*/guests.yaml'", "only the file's name may have * and ?"), std::pair("conf.d/", "names no files"),
          std::pair("[[a]]", "include[0]: is a list")})
        CHECK(w.problems("include: " + std::string(pattern) + "\n").find(wanted) != std::string::npos);
}
