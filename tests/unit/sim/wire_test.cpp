#include "sim/front/wire.hpp"

#include "sim/front/body_parsers.hpp"
#include "small_cluster.hpp"

#include <boost/json/object.hpp>

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::sim;
using namespace std::chrono_literals;

namespace {

/// "GET /api2/json/version" by root@pam's token, with a body when there is one.
net::http_request request(const std::string& line, const std::string& body = {}, const std::string& type = {}) {
    const std::size_t blank = line.find(' ');
    net::http_request r(line.substr(0, blank), line.substr(blank + 1));
    r.headers.emplace_back("Authorization", root_token);
    if (!body.empty()) r.headers.emplace_back("Content-Length", std::to_string(body.size()));
    if (!type.empty()) r.headers.emplace_back("Content-Type", type);
    r.body = body;
    return r;
}

wire::answer serve(cluster& model, const net::http_request& r) { return wire::serve(model, node_name("n1"), r); }

std::string header(const wire::answer& a, const std::string& name) {
    for (const auto& [key, value] : a.reply.headers)
        if (key == name) return value;
    return {};
}

options of_version(int major, int minor) {
    options o = small_options();
    o.version = pve::schema::version(major, minor);
    return o;
}

}  // namespace

TEST_CASE("wire: forms are read as PVE reads them") {
    struct row {
        const char* text;
        api::parameters fields;
    };
    const row rows[] = {
        {"", {}},
        {"a=1&b=2;c=3", {{"a", "1"}, {"b", "2"}, {"c", "3"}}},
        {"a=x+y%20z%2B", {{"a", "x y z+"}}},
        {"a=1&a=2", {{"a", "1"}, {"a", "2"}}},
        {"_dc=17&a=1", {{"a", "1"}}},
        {"a", {{"a", ""}}},
        {"a=b=c", {{"a", "b=c"}}},
        {"&&;;", {}},
        {"%41=%zz%4", {{"A", "%zz%4"}}},
    };
    for (const row& r : rows) {
        INFO(r.text);
        CHECK(wire::read_form(r.text) == r.fields);
    }
}

TEST_CASE("wire: JSON bodies, and what PVE's parser says of those that are none") {
    struct row {
        const char* text;
        api::parameters fields;
        std::string complaint;
    };
    const std::string none = "malformed JSON string, neither tag, array, object, number, string or atom";
    const row rows[] = {
        {"{}", {}, ""},
        {R"~({"a":"x","b":1,"c":true,"d":false,"e":null,"f":1.5})~",
         {{"a", "x"}, {"b", "1"}, {"c", "1"}, {"d", "0"}, {"f", "1.5"}},
         ""},
        {R"~({"a":["x","y"],"b":{"c":1}})~", {{"a", "x"}, {"a", "y"}, {"b", R"~({"c":1})~"}}, ""},
        {R"~({"group":)~", {}, none + R"~(, at character offset 9 (before "(end of string)"))~"},
        {"nonsense and more of it",
         {},
         R"~('null' expected, at character offset 0 (before "nonsense and more of..."))~"},
        {"hello", {}, none + R"~(, at character offset 0 (before "hello"))~"},
        {R"~({"a":1,})~", {}, R"~('"' expected, at character offset 7 (before "}"))~"},
        {R"~({"a" 1})~", {}, R"~(':' expected, at character offset 5 (before "1}"))~"},
        {R"~({"a":1 "b"})~",
         {},
         R"~(, or } expected while parsing object/hash, at character offset 7 (before ""b"}"))~"},
        {R"~([1 2])~", {}, R"~(, or ] expected while parsing array, at character offset 3 (before "2]"))~"},
        {R"~({"a":"x)~",
         {},
         R"~(unexpected end of string while parsing JSON string, at character offset 7 (before "(end of string)"))~"},
        {"{} x", {}, R"~(garbage after JSON object, at character offset 3 (before "x"))~"},
        {"[]", {}, "Not a HASH reference"},
    };
    for (const row& r : rows) {
        INFO(r.text);
        const auto read = wire::read_json(r.text);
        CHECK(read.has_value() == r.complaint.empty());
        if (read)
            CHECK(*read == r.fields);
        else
            CHECK(read.error().detail == r.complaint);
    }
    CHECK_FALSE(wire::read_json(std::string(100000, '[')));
}

TEST_CASE("wire: a form with a file") {
    const std::string type = "multipart/form-data; boundary=B";
    const std::string whole =
        "--B\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\niso\r\n"
        "--B\r\nContent-Disposition: form-data; name=\"filename\"; filename=\"t.iso\"\r\nContent-Type: x/y\r\n\r\n"
        "hello\r\n--iso\r\n--B--\r\n";
    const auto form = wire::read_multipart(type, whole);
    REQUIRE(form);
    CHECK(form->fields == api::parameters{{"content", "iso"}});
    REQUIRE(form->file);
    CHECK(form->file->name == "t.iso");
    CHECK(form->file->content == "hello\r\n--iso");
    CHECK_FALSE(wire::read_multipart("multipart/form-data", whole));
    CHECK_FALSE(wire::read_multipart("multipart/form-data; boundary=C", whole));
    for (std::size_t cut = 0; cut + 4 < whole.size(); ++cut) {
        INFO(cut);
        CHECK_FALSE(wire::read_multipart(type, whole.substr(0, cut)));
    }
}

TEST_CASE("wire: the query wins over the body, and both count") {
    cluster model(small_options());
    const auto both = serve(model, request("POST /api2/json/nodes/n1/lxc/110/status/start?debug=1", "debug=maybe",
                                           "application/x-www-form-urlencoded"));
    CHECK(both.reply.status == 200);
    const auto only_body = serve(model, request("POST /api2/json/nodes/n1/lxc/110/status/start?_dc=1", "debug=maybe",
                                                "application/x-www-form-urlencoded; charset=utf-8"));
    CHECK(only_body.reply.status == 400);
}

TEST_CASE("wire: limits and words follow the release") {
    const std::string large(100U << 10U, 'x');
    const auto post =
        request("POST /api2/json/nodes/n1/lxc/110/status/start", "debug=" + large, "application/x-www-form-urlencoded");
    cluster old(of_version(7, 4));
    const auto refused = serve(old, post);
    CHECK(refused.reply.status == 501);
    CHECK(refused.reply.reason == "for data too large");
    CHECK(refused.reply.body.empty());
    CHECK_FALSE(wire::wants_body(old, post, post.body.size()));
    cluster today(of_version(8, 4));
    CHECK(serve(today, post).reply.status == 400);
    CHECK(wire::wants_body(today, post, post.body.size()));
    const auto unknown = request("GET /api2/json/nosuch");
    CHECK(serve(today, unknown).reply.body == R"({"data":null,"message":"Method 'GET /nosuch' not implemented"})");
    CHECK(serve(old, unknown).reply.body == R"({"data":null})");
    CHECK(serve(old, unknown).reply.reason == "Method 'GET /nosuch' not implemented");
}

TEST_CASE("wire: long answers are packed for those who ask") {
    cluster model(small_options());
    auto list = request("GET /api2/json/access/permissions");
    list.headers.emplace_back("Accept-Encoding", "");
    const std::string plain = serve(model, list).reply.body;
    REQUIRE(plain.size() > 1024);
    struct row {
        const char* accepted;
        std::string encoding;
        std::string begins_with;
    };
    const row rows[] = {{"br", "", "{"},
                        {"identity", "", "{"},
                        {"deflate", "deflate", "\x78\x9c"},
                        {"deflate, gzip;q=1.0", "gzip", "\x1f\x8b\x08"}};
    for (const row& r : rows) {
        INFO(r.accepted);
        list.headers.back().second = r.accepted;
        const auto given = serve(model, list);
        CHECK(header(given, "Content-Encoding") == r.encoding);
        CHECK(given.reply.body.starts_with(r.begins_with));
        CHECK((given.reply.body.size() < plain.size() || r.encoding.empty()));
    }
    auto small = request("GET /api2/json/version");
    small.headers.emplace_back("Accept-Encoding", "gzip");
    CHECK(header(serve(model, small), "Content-Encoding").empty());
}

TEST_CASE("wire: formats and what lies outside of the API") {
    struct row {
        const char* line;
        int status;
        const char* reason;
        const char* type;
        const char* part;
    };
    const row rows[] = {
        {"GET /api2/json//nodes///n1//status/", 200, "OK", "application/json;charset=UTF-8", "\"uptime\""},
        {"GET /api2//json/version", 200, "OK", "application/json;charset=UTF-8", "\"release\""},
        {"GET /api2/html/version", 200, "OK", "text/html;charset=UTF-8", "<!DOCTYPE html>"},
        {"GET /api2/html/nosuch", 501, "Method 'GET /nosuch' not implemented", "text/html;charset=UTF-8", "nosuch"},
        {"GET /api2/extjs/nosuch", 200, "OK", "application/json;charset=UTF-8", "\"status\":501"},
        {"POST /api2/extjs/nodes/n1/lxc/110/status/start?debug=x", 200, "OK", "application/json;charset=UTF-8",
         "\"status\":\"400\""},
        {"GET /api2", 501, "no such uri '/api2'", "", "no such uri"},
        {"GET /api2/", 501, "no such uri '/api2/'", "", "no such uri"},
        {"GET /", 200, "OK", "text/html; charset=utf-8", "n1 - Proxmox Virtual Environment"},
        {"GET /favicon.ico", 501, "no such file '/favicon.ico'", "", "no such file"},
        {"GET /pve2/images/x.png", 500,
         "unable to open file '/usr/share/pve-manager/images/x.png' - No such file or directory", "", "unable"},
    };
    for (const row& r : rows) {
        INFO(r.line);
        cluster model(small_options());
        const auto given = serve(model, request(r.line));
        CHECK(given.reply.status == r.status);
        CHECK(given.reply.reason == r.reason);
        CHECK(header(given, "Content-Type") == r.type);
        CHECK(given.reply.body.find(r.part) != std::string::npos);
    }
}
