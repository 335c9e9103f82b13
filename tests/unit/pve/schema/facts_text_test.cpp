#include "pve/schema/facts_text.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::pve::schema;

namespace {

/// What parse_facts makes of one parameter's line; a failure of the test when it is refused.
value read_value(const std::string& line) {
    const auto read = parse_method("/x", "POST create\n  " + line + "\n");
    INFO(line);
    if (!read) FAIL(read.error().text());
    REQUIRE(read->parameters.size() == 1);
    return read->parameters.front();
}

}  // namespace

TEST_CASE("facts read and printed again are the same text") {
    const char* const texts[] = {
        "",
        "/\n  GET index\n",
        "/nodes/{node}/lxc\n"
        "  GET vmlist proxied\n"
        "    perm all\n"
        "    node string format=pve-node\n"
        "    returns array\n"
        "      [] object open\n"
        "        vmid integer min=100 max=999999999\n"
        "        * object {}\n"
        "  POST create_vm protected proxied notoken open download since=8.0 until=9.1\n"
        "    perm [\"perm\",\"/vms/{vmid}\",[\"VM.Allocate\"],\"any\",1] until=8.4\n"
        "    perm [\"userid-group\",[\"a [b\",\"c\\\"]\"]] since=9.0\n"
        "    node string format=pve-node\n"
        "    memory? integer min=16 default=512 until=8.0\n"
        "    memory? string since=8.1\n"
        "      current integer min=16 default_key\n"
        "    net[n]? string count=32\n"
        "      model string enum=e1000|virtio|\"a b\" default_key\n"
        "      virtio alias=macaddr key_alias=model\n"
        "    exclude-path? array\n"
        "      [] string\n"
        "    delete? array by=protocol for=ospf|bgp\n"
        "    returns? string until=8.4\n"
        "    returns null since=9.0\n",
        "/a\n"
        "  PUT \"with blank\"\n"
        "    \"returns\" string\n"
        "    \"perm\"? string pattern=\"a|b=\\\"\\\\d \\n\\t\\u0001\\u007f\" default=\"\"\n"
        "    \"\" string\n"
        "    \"what?\"? string pattern=\\d+\n"
        "    \"*\"\n"
        "    x[n]? number min=-0.5 max=4294967296 len=..5 requires=a|b\n"
        "    y string len=1.. alias=a unit=\"a b\" renderer=bytes open\n"
        "      z string len=1..2\n",
    };
    for (const std::string text : texts) {
        const auto read = parse_facts(text);
        INFO(text);
        if (!read) FAIL(read.error().text());
        CHECK(print_facts(*read) == text);
    }
}

TEST_CASE("methods are printed by path, then GET POST PUT DELETE") {
    const auto read = parse_facts("/b\n  DELETE d\n  GET g\n/a\n  PUT p\n  POST o\n");
    REQUIRE(read);
    CHECK(print_facts(*read) == "/a\n  POST o\n  PUT p\n/b\n  GET g\n  DELETE d\n");
}

TEST_CASE("one method is read and printed without its path") {
    const std::string text = "GET list until=8.4\n  a? string\n    b integer\n  returns null\n";
    const auto read = parse_method("/x/{y}", text);
    REQUIRE(read);
    CHECK(read->path == "/x/{y}");
    CHECK(read->verb == "GET");
    CHECK(read->name == "list");
    CHECK(read->when.until == version(8, 4));
    CHECK(print_method(*read) == text);
}

TEST_CASE("what is not said is the default") {
    const value bare = read_value("a");
    CHECK(bare.name == "a");
    CHECK(bare.type == value_type::any);
    CHECK_FALSE(bare.is_optional);
    CHECK_FALSE(bare.is_indexed);
    CHECK_FALSE(bare.has_members);
    CHECK_FALSE(bare.default_text);
    CHECK_FALSE(bare.minimum);
    CHECK_FALSE(bare.min_length);
    CHECK_FALSE(bare.when.since.is_known());
    const auto plain = parse_method("/x", "GET index\n");
    REQUIRE(plain);
    CHECK(plain->allows_token);
    CHECK_FALSE(plain->is_protected);
}

TEST_CASE("each attribute is read") {
    CHECK(read_value("a?").is_optional);
    CHECK(read_value("a[n]").is_indexed);
    CHECK(read_value("a[n]? string count=7").index_count == 7);
    CHECK(read_value("a boolean").type == value_type::boolean);
    CHECK(read_value("a null").type == value_type::null);
    CHECK(read_value("a number min=-0.5").minimum == -0.5);
    CHECK(read_value("a integer max=4294967296").maximum == 4294967296.0);
    CHECK(read_value("a string len=3..").min_length == 3U);
    CHECK_FALSE(read_value("a string len=3..").max_length);
    CHECK(read_value("a string len=..64").max_length == 64U);
    CHECK(read_value("a string pattern=\\d+[a-z]{2,}").pattern == "\\d+[a-z]{2,}");
    CHECK(read_value("a string pattern=\"\\\\d|=\\u00e9\\/\"").pattern == "\\d|=\xC3\xA9/");
    CHECK(read_value("a string format=pve-node").format == "pve-node");
    CHECK(read_value("a string enum=x|\"\"|\"y|z\"").choices == std::vector<std::string>{"x", "", "y|z"});
    CHECK(read_value("a string requires=b|c").required_with == std::vector<std::string>{"b", "c"});
    CHECK(read_value("a string default=\"\"").default_text == "");
    CHECK(read_value("a string default_key").is_default_key);
    CHECK(read_value("a alias=b").alias == "b");
    CHECK(read_value("a key_alias=b").key_alias == "b");
    CHECK(read_value("a unit=\"a b\"").unit == "a b");
    CHECK(read_value("a renderer=bytes").renderer == "bytes");
    CHECK(read_value("a by=type").type_property == "type");
    CHECK(read_value("a for=x|y").only_for == std::vector<std::string>{"x", "y"});
    CHECK(read_value("a object open").is_open);
    CHECK(read_value("a object {}").has_members);
    CHECK(read_value("a object {}").members.empty());
    CHECK(read_value("a since=8.1").when.since == version(8, 1));
    CHECK(read_value("a until=9.2").when.until == version(9, 2));
}

TEST_CASE("garbage is refused with its line") {
    struct row {
        const char* text;
        const char* why;
    };
    const row rows[] = {
        {"nodes\n", "line 1: expected a path in column 0"},
        {"/a b\n", "line 1: a path has no blanks"},
        {"/a\n", "line 1: expected a method of /a, indented by two blanks"},
        {"/a\n    GET g\n", "line 2: expected a method of /a, indented by two blanks"},
        {"/a\n  PATCH g\n", "line 2: expected GET, POST, PUT or DELETE"},
        {"/a\n  GET\n", "line 2: expected the method's name"},
        {"/a\n  GET g fast\n", "line 2: \"fast\" is not a flag of a method"},
        {"/a\n  GET g open=1\n", "line 2: \"open\" is not a flag of a method"},
        {"/a\n  GET g since=x\n", "line 2: \"x\" is not like 8.4"},
        {"/a\n\n", "line 2: an empty line"},
        {"/a\n   GET g\n", "line 2: indented by an odd number of blanks"},
        {"/x\n  GET g\n      a string\n", "line 3: indented too far"},
        {"/x\n  GET g\n    perm all\n      a\n", "line 4: a permission has no children"},
        {"/x\n  GET g\n    perm none\n", "line 3: expected all, world, code, root or a JSON array"},
        {"/x\n  GET g\n    perm [\"a]\"\n", "line 3: expected the end of a permission"},
        {"/x\n  GET g\n    perm all open\n", "line 3: a permission has only since= and until="},
        {"/x\n  GET g\n    a string\n        b\n", "line 4: indented too far"},
        {"/x\n  GET g\n    a integer\n      b\n", "line 4: a value of type integer has no children"},
        {"/x\n  GET g\n    a array\n      b\n", "line 4: expected the array's element: []"},
        {"/x\n  GET g\n    a array\n      [] string\n      [] string\n",
         "line 5: only an array has an element, and one"},
        {"/x\n  GET g\n    a object\n      [] string\n", "line 4: only an array has an element, and one"},
        {"/x\n  GET g\n    a object\n      * string\n      *\n",
         "line 5: what undeclared fields look like is said once"},
        {"/x\n  GET g\n    a text\n", "line 3: \"text\" is neither a type nor an attribute"},
        {"/x\n  GET g\n    a any\n", "line 3: \"any\" is neither a type nor an attribute"},
        {"/x\n  GET g\n    a string size=1\n", "line 3: \"size=\" is not an attribute"},
        {"/x\n  GET g\n    a  string\n", "line 3: one blank between words, none at the end"},
        {"/x\n  GET g\n    a string \n", "line 3: one blank between words, none at the end"},
        {"/x\n  GET g\n    a string default=\"x\"y\n", "line 3: expected a blank"},
        {"/x\n  GET g\n    a? string default=a=b\n", "line 3: this text needs quotes"},
        {"/x\n  GET g\n    a string default=\n", "line 3: expected a text"},
        {"/x\n  GET g\n    a string enum=a|\n", "line 3: expected a text"},
        {"/x\n  GET g\n    a string default=\"x\n", "line 3: a text without its closing quote"},
        {"/x\n  GET g\n    a string default=\"\\x\"\n", "line 3: an unknown escape in a text"},
        {"/x\n  GET g\n    a string default=\"\\ud800\"\n", "line 3: an unknown escape in a text"},
        {"/x\n  GET g\n    a string min=1x\n", "line 3: \"1x\" is not a number"},
        {"/x\n  GET g\n    a string max=inf\n", "line 3: \"inf\" is not a number"},
        {"/x\n  GET g\n    a string len=5\n", "line 3: expected a length like 1..64, ..64 or 1.."},
        {"/x\n  GET g\n    a string len=..\n", "line 3: expected a length like 1..64, ..64 or 1.."},
        {"/x\n  GET g\n    a[n] count=-1\n", "line 3: \"-1\" is not a count"},
        {"/x\n  GET g\n    a[n]x string\n", "line 3: expected a blank after the name"},
        {"/x\n  GET g\n    a until=9.\n", "line 3: \"9.\" is not like 8.4"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.text) {
            const auto read = parse_facts(r.text);
            REQUIRE_FALSE(read);
            CHECK(read.error().code == errc::garbage);
            CHECK(read.error().detail == r.why);
        }
    }
}

TEST_CASE("one method is one method") {
    const auto two = parse_method("/x", "GET a\nPUT b\n");
    REQUIRE_FALSE(two);
    CHECK(two.error().text() == "schema facts of /x: line 2: expected the end of the method");
    CHECK_FALSE(parse_method("/x", ""));
    CHECK_FALSE(parse_method("/x", "  GET a\n"));
}

TEST_CASE("nesting has an end") {
    std::string text = "/x\n  GET g\n";
    for (std::size_t depth = 2; depth < 200; ++depth) text += std::string(depth * 2, ' ') + "a object\n";
    const auto read = parse_facts(text);
    REQUIRE_FALSE(read);
    CHECK(read.error().detail == "line 66: nested too deeply");
}
