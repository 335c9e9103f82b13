#include "pve/schema/facts_text.hpp"
#include "pve/schema/tool/changes.hpp"
#include "pve/schema/tool/dump_reader.hpp"
#include "pve/schema/tool/merge.hpp"

#include <catch2/catch.hpp>
#include <fmt/core.h>

using namespace steward;
using namespace steward::pve::schema;

namespace {

/// A tree with one method; `info` is what stands in its braces.
std::string tree_of(const std::string& verb, const std::string& path, const std::string& info) {
    return fmt::format(R"([{{"path": "{}", "info": {{"{}": {{"name": "x", {}}}}}}}])", path, verb, info);
}

std::string with_parameters(const std::string& properties) {
    return fmt::format(R"("permissions": {{"user": "all"}}, "parameters": {{"additionalProperties": 0,
                          "properties": {{{}}}}})",
                       properties);
}

std::vector<method> read(const std::string& dump) {
    auto methods = read_dump(dump);
    INFO(dump);
    if (!methods) FAIL(methods.error().text());
    return std::move(*methods);
}

/// The lines of the only method's parameters.
std::string facts_of(const std::string& property) {
    const auto methods = read(tree_of("POST", "/x", with_parameters(property)));
    REQUIRE(methods.size() == 1);
    const std::string text = print_method(methods.front());
    const std::string head = "POST x\n  perm all\n";
    REQUIRE(text.starts_with(head));
    return text.substr(head.size());
}

release release_of(version number, const std::string& dump) {
    release made;
    made.number = number;
    made.methods = read(dump);
    return made;
}

std::string merged(const std::vector<std::pair<version, std::string>>& properties, const std::string& history = "") {
    std::vector<release> dumps;
    for (const auto& [number, text] : properties)
        dumps.push_back(release_of(number, tree_of("POST", "/x", with_parameters(text))));
    evolution known;
    if (!history.empty()) {
        auto parsed = evolution::read(fmt::format(
            R"({{"versions": ["7.4", "8.0", "8.1", "8.2", "8.3", "8.4", "9.0"], "methods": {{"POST /x": {{{}}}}}}})",
            history));
        if (!parsed) FAIL(parsed.error().text());
        known = std::move(*parsed);
    }
    std::string text = print_facts(merge_releases(std::move(dumps), known));
    const std::string head = "/x\n  POST x\n    perm all\n";
    REQUIRE(text.starts_with(head));
    return text.substr(head.size());
}

}  // namespace

TEST_CASE("the tree is found in plain JSON and in a node's script") {
    const std::string tree = R"([{"path": "/version", "info": {"GET": {"name": "version"}}}])";
    const std::string sources[] = {
        tree,
        "  \n" + tree + "\n",
        "const apiSchema = " + tree + "\n;\n\nlet x = [1];\nExt.onReady(function() {});\n",
        "// made of apiSchema and more\nvar apiSchema=" + tree + ";",
        "var pveapi = " + tree + ";\nfunction f() { return pveapi; }",
    };
    for (const std::string& source : sources) {
        DYNAMIC_SECTION(source) {
            const auto methods = read(source);
            REQUIRE(methods.size() == 1);
            CHECK(methods.front().path == "/version");
        }
    }
}

TEST_CASE("what is no dump is refused") {
    const char* const sources[] = {"",
                                   "const apiSchema = ;",
                                   "[{\"path\": \"/x\"",
                                   "{}",
                                   "[]",
                                   "[{\"info\": {}}]",
                                   "[{\"path\": \"/x\", \"info\": {\"GET\": 1}}]",
                                   "[1]",
                                   "[{\"path\": \"/x\", \"children\": [{}]}]"};
    for (const char* source : sources) {
        DYNAMIC_SECTION(source) {
            const auto methods = read_dump(source);
            REQUIRE_FALSE(methods);
            CHECK(methods.error().code == errc::garbage);
        }
    }
}

TEST_CASE("a property's oddities") {
    struct row {
        const char* name;
        const char* property;
        const char* facts;
    };
    const row rows[] = {
        {"prose is dropped",
         R"("a": {"type": "string", "description": "d", "verbose_description": "v", "typetext": "t", "title": "x"})",
         "  a string\n"},
        {"a parameter called description stays", R"("description": {"type": "string", "description": "d"})",
         "  description string\n"},
        {"optional is 1, \"1\" or 0",
         R"("a": {"type": "string", "optional": 1}, "b": {"type": "string", "optional": "1"},
            "c": {"type": "string", "optional": 0})",
         "  a? string\n  b? string\n  c string\n"},
        {"limits may be strings and floats", R"("a": {"type": "number", "minimum": "0", "maximum": 0.5})",
         "  a number min=0 max=0.5\n"},
        {"min and max are typos", R"("a": {"type": "integer", "min": 100, "max": 1000000000})",
         "  a integer min=100 max=1000000000\n"},
        {"more than 32 bits", R"("a": {"type": "integer", "maximum": 4294967295})", "  a integer max=4294967295\n"},
        {"an enum computed at run time is none", R"("a": {"type": "string", "enum": null})", "  a string\n"},
        {"an enum of numbers", R"("a": {"type": "integer", "enum": [1, 2]})", "  a integer enum=1|2\n"},
        {"defaults are texts",
         R"("a": {"type": "boolean", "default": 1}, "b": {"type": "boolean", "default": "off"},
            "c": {"type": "string", "default": null}, "d": {"type": "string", "default": ""},
            "e": {"type": "number", "default": 0.1})",
         "  a boolean default=1\n  b boolean default=off\n  c string\n  d string default=\"\"\n  e number "
         "default=0.1\n"},
        {"a long default is a sentence",
         R"("a": {"type": "string", "default": "1234567890123456789012345678901234567890123456789012345678901"},
            "b": {"type": "string", "default": "123456789012345678901234567890123456789012345678901234567890"})",
         "  a string\n  b string default=123456789012345678901234567890123456789012345678901234567890\n"},
        {"requires", R"("a": {"type": "string", "requires": "b"})", "  a string requires=b\n"},
        {"indices end where PVE's sources say", R"("net[n]": {"type": "string"}, "new[n]": {"type": "string"})",
         "  net[n] string count=32\n  new[n] string\n"},
        {"a format with keys is a property string",
         R"("a": {"type": "string", "format": {"x": {"type": "integer"}, "virtio": {"alias": "mac", "keyAlias": "y"},
             "y": {"type": "string", "default_key": 1, "format_description": "model"}}})",
         "  a string\n    y string default_key unit=model\n    virtio alias=mac key_alias=y\n    x integer\n"},
        {"an array", R"("a": {"type": "array", "items": {"type": "string", "enum": ["p", "q"]}})",
         "  a array\n    [] string enum=p|q\n"},
        {"an array without items", R"("a": {"type": "array"})", "  a array\n"},
        {"alternatives by another parameter",
         R"("a": {"type": "array", "type-property": "protocol", "oneOf": [
             {"instance-types": ["ospf"], "optional": 1, "type": "array", "items": {"type": "string"}},
             {"instance-types": ["bgp", "x"], "optional": 1, "items": {"type": "string", "format": "f"}}]},
            "b": {"type": "string", "type-property": "type", "instance-types": ["y"]})",
         "  a? array by=protocol for=ospf\n    [] string\n  a? array by=protocol for=bgp|x\n    [] string format=f\n"
         "  b string by=type for=y\n"},
    };
    for (const row& r : rows) DYNAMIC_SECTION(r.name) {
            CHECK(facts_of(r.property) == r.facts);
        }
}

TEST_CASE("results") {
    struct row {
        const char* name;
        const char* returns;
        const char* facts;
    };
    const row rows[] = {
        {"nothing declared", R"({})", ""},
        {"null", R"({"type": "null"})", "  returns null\n"},
        {"an optional text", R"({"type": "string", "optional": 1})", "  returns? string\n"},
        {"free-form", R"({"type": "object"})", "  returns object\n"},
        {"free-form as an index has it", R"({"type": "array", "items": {"type": "object", "properties": {}}})",
         "  returns array\n    [] object\n"},
        {"no fields at all", R"({"type": "object", "properties": {}, "additionalProperties": 0})",
         "  returns object {}\n"},
        {"fields, and others", R"({"type": "object", "properties": {"a": {"type": "integer", "renderer": "bytes"}}})",
         "  returns object open\n    a integer renderer=bytes\n"},
        {"fields, and no others", R"({"properties": {"a": {"type": "integer"}}, "additionalProperties": 0})",
         "  returns object\n    a integer\n"},
        {"what other fields look like", R"({"type": "object", "additionalProperties": {"type": "string"}})",
         "  returns object open\n    * string\n"},
        {"the same before 9.2", R"({"type": "object", "properties": {"{id}": {"type": "string"}}})",
         "  returns object open\n    * string\n"},
        {"an object with items", R"({"type": "object", "items": {"type": "object", "properties": {"a": {}}}})",
         "  returns object open\n    a\n"},
        {"an array with properties", R"({"type": "array", "properties": {"{id}": {"type": "string"}}})",
         "  returns array\n    [] string\n"},
        {"items without a type", R"({"items": {"type": "string"}})", "  returns array\n    [] string\n"},
        {"a field called returns", R"({"type": "object", "properties": {"returns": {"type": "string"}}})",
         "  returns object open\n    returns string\n"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            const auto info = fmt::format(R"("permissions": {{"user": "all"}}, "returns": {})", r.returns);
            const std::string text = print_method(read(tree_of("GET", "/x", info)).front());
            CHECK(text == std::string("GET x\n  perm all\n") + r.facts);
        }
    }
}

TEST_CASE("flags and permissions of a method") {
    struct row {
        const char* info;
        const char* facts;
    };
    const row rows[] = {
        {R"("parameters": {"additionalProperties": 0})", "GET x\n  perm root\n"},
        {R"("parameters": {"additionalProperties": 1}, "permissions": {})", "GET x open\n  perm code\n"},
        {R"("parameters": {}, "permissions": {"description": "d"})", "GET x open\n  perm code\n"},
        {R"("parameters": {"additionalProperties": 0}, "protected": 1, "proxyto": "node", "allowtoken": 0,
            "download_allowed": 1, "permissions": {"user": "world"})",
         "GET x protected proxied notoken download\n  perm world\n"},
        {R"("parameters": {"additionalProperties": 0}, "proxyto": null, "permissions": {"user": "all"})",
         "GET x proxied\n  perm all\n"},
        {R"("parameters": {"additionalProperties": 0}, "permissions": {"check": ["perm", "/", ["A B"], "any", 1]})",
         "GET x\n  perm [\"perm\",\"/\",[\"A B\"],\"any\",1]\n"},
        {R"("parameters": {"additionalProperties": 0}, "permissions": {"user": "all", "check": ["perm", "/", ["A"]]})",
         "GET x\n  perm all\n"},
    };
    for (const row& r : rows) DYNAMIC_SECTION(r.info) {
            CHECK(print_method(read(tree_of("GET", "/x", r.info)).front()) == r.facts);
        }
}

TEST_CASE("parameters of the path come first and are required") {
    const auto methods = read(tree_of("PUT", "/a/{z}/{b}/{seq}", with_parameters(R"(
        "a": {"type": "string"}, "b": {"type": "integer", "optional": 1}, "z": {"type": "string"})")));
    CHECK(print_method(methods.front()) == "PUT x\n  perm all\n  z string\n  b integer\n  seq string\n  a string\n");
}

TEST_CASE("releases are merged") {
    const std::string old = R"("a": {"type": "string"})";
    const std::string wide = R"("a": {"type": "string"}, "b": {"type": "integer", "maximum": 5})";
    const std::string grown = R"("a": {"type": "string"}, "b": {"type": "integer", "maximum": 9})";
    SECTION("what is the same is said once") { CHECK(merged({{{8, 4}, old}, {{9, 1}, old}}) == "    a string\n"); }
    SECTION("what came") {
        CHECK(merged({{{8, 4}, old}, {{9, 1}, wide}}) == "    a string\n    b integer max=5 since=9.1\n");
    }
    SECTION("what went, as late as it may have") {
        CHECK(merged({{{8, 4}, wide}, {{9, 1}, old}}) == "    a string\n    b integer max=5 until=9.0\n");
    }
    SECTION("what changed leaves no gap, not even between majors") {
        CHECK(merged({{{8, 4}, wide}, {{9, 0}, grown}}) ==
              "    a string\n    b integer max=5 until=8.4\n    b integer max=9 since=9.0\n");
    }
    SECTION("what came, went and came again") {
        CHECK(merged({{{7, 4}, wide}, {{8, 4}, old}, {{9, 0}, wide}}) ==
              "    a string\n    b integer max=5 until=8.3\n    b integer max=5 since=9.0\n");
    }
    SECTION("the order of files does not count") {
        CHECK(merged({{{9, 1}, wide}, {{8, 4}, old}}) == merged({{{8, 4}, old}, {{9, 1}, wide}}));
    }
    SECTION("the order of an enum's words does not count, the newest stays") {
        CHECK(merged({{{8, 4}, R"("a": {"enum": ["p", "q"]})"}, {{9, 1}, R"("a": {"enum": ["q", "p"]})"}}) ==
              "    a enum=q|p\n");
    }
    SECTION("one changed key does not repeat the others") {
        const auto keys = [](const char* size) {
            return fmt::format(R"("d": {{"type": "string", "format": {{
                "file": {{"type": "string", "default_key": 1}}, "size": {{"type": "{}"}}}}}})",
                               size);
        };
        CHECK(merged({{{8, 4}, keys("string")}, {{9, 1}, keys("integer")}}) ==
              "    d string\n      file string default_key\n      size string until=9.0\n"
              "      size integer since=9.1\n");
    }
    SECTION("an array with another element is another array") {
        CHECK(merged({{{8, 4}, R"("a": {"type": "array", "items": {"type": "string"}})"},
                      {{9, 1}, R"("a": {"type": "array", "items": {"type": "integer"}})"}}) ==
              "    a array until=9.0\n      [] string\n    a array since=9.1\n      [] integer\n");
    }
}

TEST_CASE("evolution.json dates what is between two dumps") {
    const std::string old = R"("a": {"type": "string", "maxLength": 10, "enum": ["p"]})";
    const std::string now = R"("a": {"type": "string", "maxLength": 40, "enum": ["q", "r"]}, "b": {"type": "integer"})";
    SECTION("what came") {
        CHECK(merged({{{7, 4}, R"("a": {})"}, {{8, 4}, R"("a": {}, "b": {})"}},
                     R"("parameters": {"b": {"since": "8.2"}})") == "    a\n    b since=8.2\n");
    }
    SECTION("what went") {
        CHECK(merged({{{7, 4}, R"("a": {}, "b": {})"}, {{8, 4}, R"("a": {})"}},
                     R"("parameters": {"b": {"until": "8.0"}})") == "    a\n    b until=8.0\n");
    }
    SECTION("what was there in between only") {
        CHECK(merged({{{7, 4}, R"("a": {})"}, {{8, 4}, R"("a": {})"}},
                     R"("parameters": {"b": {"since": "8.1", "until": "8.2"}})") ==
              "    a\n    b? string since=8.1 until=8.2\n");
    }
    SECTION("attributes, each at its date") {
        CHECK(merged({{{7, 4}, old}, {{8, 4}, now}}, R"("parameters": {"b": {"since": "8.3"}}, "changes": [
                {"param": "a", "version": "8.1", "what": "maxLength", "from": 10, "to": 20},
                {"param": "a", "version": "8.3", "what": "maxLength", "from": 20, "to": 40},
                {"param": "a", "version": "8.0", "what": "enum", "added": ["q"], "removed": []},
                {"param": "a", "version": "8.3", "what": "enum", "added": ["r"], "removed": ["p"]}])") ==
              "    a string len=..10 enum=p until=7.4\n"
              "    a string len=..10 enum=q|p since=8.0 until=8.0\n"
              "    a string len=..20 enum=q|p since=8.1 until=8.2\n"
              "    a string len=..40 enum=q|r since=8.3\n"
              "    b integer since=8.3\n");
    }
    SECTION("a type, with its format and keys") {
        CHECK(
            merged(
                {{{7, 4}, R"("m": {"type": "integer", "minimum": 16})"},
                 {{8, 4}, R"("m": {"type": "string", "format": {"c": {"type": "integer"}}})"}},
                R"("changes": [{"param": "m", "version": "8.1", "what": "type", "from": "integer", "to": "string"}])") ==
            "    m integer min=16 until=8.0\n    m string since=8.1\n      c integer\n");
    }
    SECTION("a key that came after its property string") {
        CHECK(merged({{{7, 4}, R"("m": {"type": "string"})"},
                      {{8, 4}, R"("m": {"type": "string", "format": {"c": {}, "s": {}}})"}},
                     R"("parameters": {"m~c": {"since": "8.1"}, "m~s": {"since": "8.3"}}, "changes": [
                {"param": "m", "version": "8.1", "what": "format", "from": null, "to": {}}])") ==
              "    m string until=8.0\n    m string since=8.1\n      c\n      s since=8.3\n");
    }
    SECTION("a key of a property string") {
        CHECK(merged({{{7, 4}, R"("d": {"type": "string", "format": {"a": {"type": "string"}}})"},
                      {{8, 4},
                       R"("d": {"type": "string", "format": {"a": {"type": "string"}, "b": {"type": "string"}}})"}},
                     R"("parameters": {"d~b": {"since": "8.2"}})") ==
              "    d string\n      a string\n      b string since=8.2\n");
    }
}

TEST_CASE("whole methods come, go and change their spelling") {
    std::vector<release> dumps;
    dumps.push_back(
        release_of({7, 4}, tree_of("GET", "/pci/{pciid}", with_parameters(R"("pciid": {"pattern": "o"})"))));
    dumps.push_back(release_of({8, 4}, tree_of("GET", "/pci/{map}", with_parameters(R"("map": {"type": "string"})"))));
    const auto known = evolution::read(R"({"versions": ["7.4", "8.2", "8.3", "8.4"], "methods": {
        "GET /pci/{pciid}": {"until": "8.2"}, "GET /pci/{map}": {"since": "8.3"}}})");
    REQUIRE(known);
    CHECK(print_facts(merge_releases(dumps, *known)) ==
          "/pci/{map}\n  GET x\n    perm all\n    map pattern=o until=8.2\n    map string since=8.3\n");

    std::vector<release> others;
    others.push_back(release_of({8, 4}, tree_of("GET", "/a", with_parameters(""))));
    others.push_back(release_of({9, 1}, tree_of("GET", "/b", with_parameters(R"("p": {})"))));
    CHECK(print_facts(merge_releases(others, {})) ==
          "/a\n  GET x until=9.0\n    perm all\n/b\n  GET x since=9.1\n    perm all\n    p\n");
    CHECK_FALSE(evolution::read("[]"));
    CHECK_FALSE(evolution::read("{"));
}

TEST_CASE("a permission that changed has both") {
    std::vector<release> dumps;
    dumps.push_back(release_of({8, 4}, tree_of("GET", "/a", R"("permissions": {"user": "all"}, "parameters": {})")));
    dumps.push_back(
        release_of({9, 1}, tree_of("GET", "/a", R"("permissions": {"check": ["perm"]}, "parameters": {})")));
    CHECK(print_facts(merge_releases(dumps, {})) ==
          "/a\n  GET x open\n    perm all until=9.0\n    perm [\"perm\"] since=9.1\n");
}

TEST_CASE("a release is added to facts, and taken out of them") {
    const std::string before =
        "/x\n  POST x\n    perm all\n    a string\n    b string until=8.4\n    c string since=9.1\n";
    auto facts = parse_facts(before);
    REQUIRE(facts);
    CHECK(newest_in(*facts) == version(9, 1));
    const auto next =
        release_of({9, 3}, tree_of("POST", "/x", with_parameters(R"("a": {"type": "string"}, "d": {"type": "null"})")));
    add_release(*facts, {9, 1}, next);
    CHECK(print_facts(*facts) ==
          "/x\n  POST x\n    perm all\n    a string\n    b string until=8.4\n    c string since=9.1 until=9.2\n"
          "    d null since=9.3\n");
    CHECK(print_facts(facts_at(*facts, {9, 1})) == "/x\n  POST x\n    perm all\n    a string\n    c string\n");
    CHECK(print_facts(facts_at(*facts, {8, 4})) == "/x\n  POST x\n    perm all\n    a string\n    b string\n");
    CHECK(print_facts(facts_at(*facts, {9, 3})) == print_facts(next.methods));
    CHECK(print_facts(facts_at(*facts, {})) == print_facts(*facts));
}

TEST_CASE("differences are told to people") {
    const auto before = parse_facts(
        "/a\n  GET a\n    perm all\n    p string enum=x|y\n    q? integer min=1\n    r string\n"
        "    returns array\n      [] object\n        f string\n"
        "/b\n  GET b\n    perm all\n/c\n  GET c\n    perm all\n");
    const auto after = parse_facts(
        "/a\n  GET a protected\n    perm root\n    p string enum=y|z\n    q? integer min=2\n"
        "    s? string\n      k integer\n"
        "    returns array\n      [] object\n        f string\n        g string\n"
        "/b\n  GET b\n    perm all\n/d\n  PUT d\n    perm all\n");
    REQUIRE(before);
    REQUIRE(after);
    CHECK(describe_changes(*before, *after) ==
          "~ GET /a\n"
          "    ~ method: GET a -> GET a protected\n"
          "    ~ permission: all -> root\n"
          "    ~ p: enum -x +z\n"
          "    ~ q: integer min=1 optional -> integer min=2 optional\n"
          "    - r string\n"
          "    + s string optional\n"
          "    + s~k integer\n"
          "    + returns[].g string\n"
          "- GET /c\n"
          "+ PUT /d\n"
          "1 methods added, 1 removed, 1 changed\n");
    CHECK(describe_changes(*after, *after).empty());
}
