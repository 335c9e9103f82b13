#include "loopback.hpp"
#include "net/https_server.hpp"
#include "net/json_answer.hpp"
#include "net/packing.hpp"
#include "net/probe.hpp"
#include "net/redirect.hpp"
#include "played_server.hpp"
#include "runtime/atomic_file.hpp"
#include "support/temporary_directory.hpp"

using namespace steward;
using namespace steward::net;
using namespace steward::net::loopback;
using namespace std::chrono_literals;

namespace {

constexpr duration plenty = 20s;   // for what happens at once
constexpr duration brief = 300ms;  // for what never happens

std::string detail_of(const probe_result& r, const std::string& name) {
    for (const probe_detail& d : r.details)
        if (d.name == name) return d.text;
    return "(none)";
}

played_server::script ends_with(std::string bytes) {
    return [bytes = std::move(bytes)](const std::string&) {
        played_server::reply r;
        r.bytes = bytes;
        r.ends = true;
        return r;
    };
}

/// Says `bytes` once it has heard something that ends as `after`.
played_server::script says_after(std::string after, std::string bytes) {
    return [after = std::move(after), bytes = std::move(bytes)](const std::string& heard) {
        played_server::reply r;
        if (heard.ends_with(after)) r.bytes = bytes;
        return r;
    };
}

played_server::script ends_after(std::string after, std::string bytes) {
    return [says = says_after(std::move(after), std::move(bytes))](const std::string& heard) {
        played_server::reply r = says(heard);
        r.ends = !r.bytes.empty();
        return r;
    };
}

played_server::script resets() {
    return [](const std::string&) {
        played_server::reply r;
        r.resets = true;
        return r;
    };
}

/// A web server by the request's first line: "GET /x" → the answer.
played_server::script web(std::map<std::string, std::string> pages) {
    return [pages = std::move(pages)](const std::string& heard) {
        played_server::reply r;
        const auto end = heard.find("\r\n\r\n");
        if (end == std::string::npos) return r;
        const std::string line = heard.substr(0, heard.find(" HTTP/"));
        const auto page = pages.find(line);
        r.bytes = page == pages.end() ? "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n" : page->second;
        r.ends = true;
        return r;
    };
}

std::string page(const std::string& body, const std::string& more = "") {
    return "HTTP/1.1 200 OK\r\n" + more + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string redirect(const std::string& to, int status = 302) {
    return "HTTP/1.1 " + std::to_string(status) + " Moved\r\nLocation: " + to + "\r\nContent-Length: 0\r\n\r\n";
}

http_check http_to(std::uint16_t port, const std::string& path = "/") {
    http_check check;
    check.where = http_endpoint("127.0.0.1", port);
    check.where.tls = false;
    check.path = path;
    check.host_header = "web.example";
    check.timeout = plenty;
    check.manners.is_explained = true;
    return check;
}

}  // namespace

TEST_CASE("tcp: a conversation counts when what was wanted was heard") {
    struct row {
        const char* name;
        std::string greeting;
        played_server::script answers;
        std::string send;
        std::optional<wanted_text> expect;
        verdict answer;
        std::string reason;
    };
    const std::string flood(20'000, 'x');
    const row rows[] = {
        {"a greeting", "SSH-2.0-OpenSSH_9.2\r\n", {}, "", matching("^SSH-2"), verdict::healthy, "answered /^SSH-2/"},
        {"an answer", "", says_after("PING\r\n", "+PONG\r\n"), "PING\r\n", wanted_text("+PONG"), verdict::healthy,
         "answered \"+PONG\""},
        {"bytes", "", says_after(std::string("\0\x01", 2), std::string("\xff\0", 2)), std::string("\0\x01", 2),
         wanted_text(std::string("\xff\0", 2)), verdict::healthy, "answered \"\\xff\\x00\""},
        {"something else", "", ends_after("PING\r\n", "-ERR no\r\n"), "PING\r\n", wanted_text("+PONG"),
         verdict::unhealthy, "the connection was closed before \"+PONG\" came, got \"-ERR no\\r\\n\""},
        {"nothing", "", {}, "", wanted_text("+PONG"), verdict::unhealthy, "no \"+PONG\" within 300ms"},
        {"too little",
         "+PO",
         {},
         "",
         wanted_text("+PONG"),
         verdict::unhealthy,
         "no \"+PONG\" within 300ms, got \"+PO\""},
        {"a flood", flood, ends_with(""), "", wanted_text("+PONG"), verdict::unhealthy,
         "no \"+PONG\" in the first 16384 bytes, got \"" + std::string(80, 'x') + "…\""},
        {"a reset", "", resets(), "", wanted_text("+PONG"), verdict::unhealthy,
         "connection reset by peer before \"+PONG\" came"},
        {"nothing is wanted", "", {}, "QUIT\r\n", std::nullopt, verdict::healthy, "connected"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            os_time time;
            asio::io_context io{1};
            played_server server(io, r.greeting, r.answers);
            scripted_names names({});
            tcp_check check;
            check.host = "127.0.0.1";
            check.port = server.port();
            check.send = r.send;
            check.expect = r.expect;
            check.timeout = r.reason.find("300ms") == std::string::npos ? plenty : brief;
            const probe_result got = await(io, make_prober(std::move(check), time, names)->run());
            CHECK(got.answer == r.answer);
            CHECK(got.reason == r.reason);
            server.stop(io);
        }
    }
}

TEST_CASE("http: what the body must hold") {
    struct row {
        const char* name;
        std::string body;
        std::function<void(http_check&)> wish;
        verdict answer;
        std::string reason;
    };
    const auto text = [](http_check& c) { c.body_holds.emplace_back("ready"); };
    const auto regex = [](http_check& c) { c.body_holds.push_back(matching("^v[0-9]+$")); };
    const auto json = [](http_check& c) { c.json.emplace("/db/state", "up"); };
    const std::string long_body(100'000, 'x');
    const row rows[] = {
        {"a text", "is ready.", text, verdict::healthy, "status 200"},
        {"another text", "is not", text, verdict::unhealthy, "status 200, body without \"ready\""},
        {"no body", "", text, verdict::unhealthy, "status 200, body without \"ready\""},
        {"a regular expression", "v12", regex, verdict::healthy, "status 200"},
        {"which does not fit", "v12b", regex, verdict::unhealthy, "status 200, body without /^v[0-9]+$/"},
        {"perhaps further on", long_body + "ready", text, verdict::unknown,
         "status 200, body without \"ready\" in its first 64 KiB"},
        {"packed, though nobody asked for it", pack_gzip("is ready."), text, verdict::healthy, "status 200"},
        {"packed, and large", pack_gzip("is ready." + long_body), text, verdict::healthy, "status 200"},
        {"json", R"({"db":{"state":"up"}})", json, verdict::healthy, "status 200"},
        {"another value", R"({"db":{"state":"down"}})", json, verdict::unhealthy,
         "status 200, /db/state is \"down\", wanted up"},
        {"no json", "<html>", json, verdict::unhealthy, "status 200, body is not JSON: syntax error"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            os_time time;
            asio::io_context io{1};
            const bool is_packed = r.body.starts_with("\x1f\x8b");
            played_server server(io, "", web({{"GET /", page(r.body, is_packed ? "Content-Encoding: gzip\r\n" : "")}}));
            scripted_names names({});
            http_check check = http_to(server.port());
            r.wish(check);
            const probe_result got = await(io, make_prober(std::move(check), time, names)->run());
            CHECK(got.answer == r.answer);
            CHECK(got.reason == r.reason);
            server.stop(io);
        }
    }
}

TEST_CASE("json answers: texts as they are, numbers by value, the rest by name") {
    struct row {
        const char* body;
        const char* pointer;
        const char* equals;
        const char* why;
    };
    const row rows[] = {
        {R"({"a":1})", "/a", "1", ""},
        {R"({"a":1.0})", "/a", "1", ""},
        {R"({"a":"1"})", "/a", "1", ""},
        {R"({"a":1})", "/a", "2", "/a is 1, wanted 2"},
        {R"({"a":18446744073709551615})", "/a", "18446744073709551615", ""},
        {R"({"a":true})", "/a", "true", ""},
        {R"({"a":null})", "/a", "null", ""},
        {R"({"a":false})", "/a", "true", "/a is false, wanted true"},
        {R"({"a":[{"b":"x"}]})", "/a/0/b", "x", ""},
        {R"({"a/b":"x"})", "/a~1b", "x", ""},
        {R"({"a":[]})", "/a", "x", "/a is a list in the JSON body, wanted x"},
        {R"({"a":{}})", "/b", "x", "/b is not in the JSON body"},
        {R"([1])", "/7", "x", "/7 is not in the JSON body"},
        {R"({"a":1} x)", "/a", "1", "body is not JSON: extra data"},
    };
    for (const row& r : rows) {
        INFO(r.body << " " << r.pointer);
        CHECK(json_mismatch(r.body, r.pointer, r.equals) == r.why);
    }
    CHECK(json_mismatch(std::string(60'000, '['), "/a", "x").starts_with("body is not JSON"));
}

TEST_CASE("http: the request is the one that was ordered") {
    os_time time;
    asio::io_context io{1};
    const temporary_directory disk;
    const std::string secret = (disk.path() / "authorization").string();
    REQUIRE(write_file_atomically(secret, "Bearer s3cret\n"));
    played_server server(io, "",
                         web({{"POST /x", page("ok")}, {"HEAD /x", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"}}));
    scripted_names names({});
    http_check check = http_to(server.port(), "/x");
    check.method = "POST";
    check.body = "a=1";
    check.headers.emplace_back("Accept", "text/plain");
    check.headers.emplace_back("host", "other.example");
    check.secret_headers.emplace_back("Authorization", secret);
    const http_check order = check;
    const probe_result got = await(io, make_prober(order, time, names)->run());
    CHECK(got.answer == verdict::healthy);
    const std::string& said = server.heard.at(0);
    CHECK(said.starts_with("POST /x HTTP/1.1\r\nHost: other.example\r\n"));
    CHECK_THAT(said, Catch::Contains("\r\nAccept: text/plain\r\n"));
    CHECK_THAT(said, Catch::Contains("\r\nAuthorization: Bearer s3cret\r\n"));
    CHECK_THAT(said, Catch::Contains("\r\nContent-Length: 3\r\n") && Catch::EndsWith("\r\n\r\na=1"));
    for (const probe_detail& d : got.details) CHECK(d.text.find("s3cret") == std::string::npos);

    check.method = "HEAD";
    check.body.clear();
    CHECK(await(io, make_prober(check, time, names)->run()).reason == "status 200");

    // A file of ours says nothing about the guest, and its contents are not told.
    for (const char* bad : {"two\nlines", ""}) {
        REQUIRE(write_file_atomically(secret, bad));
        const probe_result blind = await(io, make_prober(check, time, names)->run());
        CHECK(blind.answer == verdict::unknown);
        CHECK(blind.reason == secret + " does not hold one line for a header");
    }
    check.secret_headers.emplace_back("Cookie", secret + ".gone");
    check.secret_headers.erase(check.secret_headers.begin());
    CHECK_THAT(await(io, make_prober(check, time, names)->run()).reason, Catch::StartsWith("cannot read "));
    server.stop(io);
}

TEST_CASE("http: redirects to the same host are followed when they are wanted") {
    os_time time;
    asio::io_context io{1};
    played_server other(io, "", web({{"GET /there", page("other port")}}));
    const std::string there = "http://127.0.0.1:" + std::to_string(other.port()) + "/there";
    played_server server(io, "",
                         web({{"GET /a", redirect("/b")},
                              {"GET /b", redirect("c?x=1", 307)},
                              {"GET /c?x=1", page("arrived")},
                              {"GET /loop", redirect("/loop")},
                              {"GET /port", redirect(there)},
                              {"GET /away", redirect("https://elsewhere.example/")},
                              {"GET /odd", redirect("gopher://x/")},
                              {"POST /post", redirect("/c?x=1", 303)},
                              {"POST /again", redirect("/c?x=1", 308)}}));
    struct row {
        const char* path;
        const char* method;
        bool follows;
        verdict answer;
        std::string reason;
    };
    const row rows[] = {
        {"/a", "GET", false, verdict::unhealthy, "status 302, wanted 200-299"},
        {"/a", "GET", true, verdict::healthy, "status 200 after 2 redirect(s)"},
        {"/loop", "GET", true, verdict::unhealthy, "more than 5 redirects"},
        {"/port", "GET", true, verdict::healthy, "status 200 after 1 redirect(s)"},
        {"/away", "GET", true, verdict::unhealthy,
         "status 302, wanted 200-299, whose redirect to elsewhere.example is to another host"},
        {"/odd", "GET", true, verdict::unhealthy,
         "status 302, wanted 200-299, whose redirect \"gopher://x/\" leads nowhere"},
        {"/post", "POST", true, verdict::healthy, "status 200 after 1 redirect(s)"},
        {"/again", "POST", true, verdict::unhealthy, "status 404, wanted 200-299 after 1 redirect(s)"},
    };
    for (const row& r : rows) {
        INFO(r.path << " " << r.method << " " << r.follows);
        scripted_names names({});
        http_check check = http_to(server.port(), r.path);
        check.method = r.method;
        check.good_status = {{200, 299}};
        check.follows_same_host = r.follows;
        const probe_result got = await(io, make_prober(std::move(check), time, names)->run());
        CHECK(got.answer == r.answer);
        CHECK(got.reason == r.reason);
    }
    // The rules hold for where it leads as well.
    target_rules rules;
    rules.add_api("127.0.0.1", other.port());
    scripted_names names({});
    http_check check = http_to(server.port(), "/port");
    check.follows_same_host = true;
    check.manners.rules = &rules;
    const probe_result refused = await(io, make_prober(std::move(check), time, names)->run());
    CHECK(refused.answer == verdict::unknown);
    CHECK_THAT(refused.reason, Catch::Contains("is the cluster's API"));
    server.stop(io);
    other.stop(io);
}

TEST_CASE("http: where a Location leads") {
    http_place from;
    from.tls = true;
    from.host = "web.example";
    from.port = 8443;
    from.path = "/a/b?c=d";
    struct row {
        const char* location;
        const char* to;  // scheme, authority and path; empty: nowhere
    };
    const row rows[] = {
        {"/x", "https://web.example:8443/x"},
        {"x?y", "https://web.example:8443/a/x?y"},
        {"?y", "https://web.example:8443/a/b?y"},
        {"//o.example", "https://o.example/"},
        {"HTTP://o.example:81?q#f", "http://o.example:81/?q"},
        {"http://[2001:db8::1]:81/", "http://[2001:db8::1]:81/"},
        {"http://[::1]", "http://[::1]/"},
        {"http://[::1]x/", ""},
        {"https://o.example:99999/", ""},
        {"https://u:p@o.example/", ""},
        {"https://", ""},
        {"https://[::1", ""},
        {"http:/x", ""},
        {"javascript:x", ""},
        {"/a b", ""},
        {"", ""},
        {"#f", ""},
    };
    for (const row& r : rows) {
        INFO(r.location);
        const auto to = follow_location(from, r.location);
        CHECK((to ? (to->tls ? "https://" : "http://") + authority_of(*to) + to->path : std::string()) == r.to);
    }
}

namespace {

asio::awaitable<server_reply> say_ok(http_request) {
    server_reply out;
    out.body = "ok";
    co_return out;
}

}  // namespace

TEST_CASE("https: names, expiry and certificates of our own") {
    os_time time;
    asio::io_context io{1};
    const temporary_directory disk;
    const auto file = [&](const std::string& name, const std::string& text) {
        const std::string path = (disk.path() / name).string();
        REQUIRE(write_file_atomically(path, text));
        return path;
    };
    const auto ca = make_certificate("test CA", {}, certificate());
    REQUIRE(ca);
    const auto made = [&](duration begins, duration ends) {
        certificate_order order;
        order.common_name = "web.example";
        order.alternative_names = {"web.example"};
        order.begins = begins;
        order.ends = ends;
        const auto done = make_certificate(order, *ca);
        REQUIRE(done);
        return *done;
    };
    const std::string anchor = file("ca.pem", ca->certificate_pem);
    const certificate good = made(-1h, 24h * 30);
    const std::string own = file("own.pem", good.certificate_pem);
    const std::string own_key = file("own.key", good.private_key_pem);
    const std::string other_key = file("other.key", made(-1h, 24h).private_key_pem);
    struct row {
        const char* name;
        certificate shows;
        std::string sni;
        duration warns_before;
        std::string client_key;
        verdict answer;
        std::string reason;
        std::string warning;
    };
    const row rows[] = {
        {"sni is what the certificate must carry", good, "web.example", 0s, "", verdict::healthy, "status 200", ""},
        {"another sni", good, "mail.example", 0s, "", verdict::unhealthy,
         "certificate of mail.example does not carry that name", ""},
        {"soon", made(-1h, 24h * 6 + 1h), "web.example", 24h * 14, "", verdict::healthy, "status 200",
         "certificate expires in 6 days"},
        {"not so soon", made(-1h, 24h * 16), "web.example", 24h * 14, "", verdict::healthy, "status 200", ""},
        {"expired is a warning, whoever asked for it", made(-24h * 9, -24h * 3 - 1h), "web.example", 0s, "",
         verdict::healthy, "status 200", "certificate expired 3 days ago"},
        {"a certificate of ours", good, "web.example", 0s, own_key, verdict::healthy, "status 200", ""},
        {"a key that is not its own", good, "web.example", 0s, other_key, verdict::unknown,
         "cannot use client key " + other_key, ""},
        {"a key that is gone", good, "web.example", 0s, own_key + ".gone", verdict::unknown,
         "cannot read client key " + own_key + ".gone: No such file or directory", ""},
    };
    for (const row& r : rows) {
        INFO(r.name);
        server_options options;
        options.certificate_pem = r.shows.certificate_pem;
        options.private_key_pem = r.shows.private_key_pem;
        auto server = https_server::listen(io.get_executor(), time, std::move(options), say_ok);
        REQUIRE(server);
        task_group tasks(io.get_executor());
        tasks.spawn("server", (*server)->serve());
        scripted_names names({});
        http_check check = http_to((*server)->port());
        check.where.tls = true;
        check.where.server_name = r.sni;
        check.where.trust.ca_file = anchor;
        if (!r.client_key.empty()) check.where.trust.client_certificate = own;
        check.where.trust.client_key = r.client_key;
        check.warns_before_expiry = r.warns_before;
        const probe_result got = await(io, make_prober(std::move(check), time, names)->run());
        CHECK(got.answer == r.answer);
        CHECK_THAT(got.reason, Catch::StartsWith(r.reason));
        CHECK(got.warning == r.warning);
        if (r.answer == verdict::healthy) {
            CHECK(detail_of(got, "certificate") == "CN=web.example");
            CHECK(detail_of(got, "tls") == "TLSv1.3");
            CHECK(detail_of(got, "address") == "127.0.0.1:" + std::to_string((*server)->port()));
            CHECK(detail_of(got, "first bytes") == "ok");
        }
        tasks.cancel();
        run_out(io, tasks);
    }
}

TEST_CASE("probes: some addresses are asked only when they are listed") {
    os_time time;
    asio::io_context io{1};
    played_server server(io, "hello\r\n", {});
    target_rules rules;
    rules.add_api("pve.example", server.port());
    rules.add_api("127.0.0.9", 1);
    struct row {
        const char* name;
        const char* host;
        std::vector<std::string> addresses;
        std::string allow;
        verdict answer;
        std::string reason;
    };
    const row rows[] = {
        {"metadata behind a name",
         "app.example",
         {"169.254.169.254"},
         "",
         verdict::unknown,
         "169.254.169.254 is the metadata service of clouds: list it in probes.allow to probe it all the same"},
        {"the other one",
         "app.example",
         {"fd00:ec2::254"},
         "",
         verdict::unknown,
         "fd00:ec2::254 is the metadata service of clouds: list it in probes.allow to probe it all the same"},
        {"only the forbidden one of two is left out",
         "app.example",
         {"fe80::1", "127.0.0.1"},
         "",
         verdict::unknown,
         "127.0.0.1 port " + std::to_string(server.port()) +
             " is the cluster's API, which Steward itself needs: list it in probes.allow to probe it all the same"},
        {"the API by another name",
         "127.0.0.1",
         {"127.0.0.1"},
         "",
         verdict::unknown,
         "127.0.0.1 port " + std::to_string(server.port()) +
             " is the cluster's API, which Steward itself needs: list it in probes.allow to probe it all the same"},
        {"allowed by name", "app.example", {"127.0.0.1"}, "app.example", verdict::healthy, "connected"},
        {"allowed by network", "app.example", {"127.0.0.1"}, "127.0.0.0/8", verdict::healthy, "connected"},
        {"another address", "127.0.0.1", {"192.0.2.1"}, "", verdict::healthy, "connected"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            target_rules here = rules;
            if (!r.allow.empty()) REQUIRE(here.allow(r.allow));
            scripted_names names(r.addresses);
            tcp_check check;
            check.host = r.host;
            check.port = server.port();
            check.timeout = plenty;
            check.manners.rules = &here;
            const probe_result got = await(io, make_prober(std::move(check), time, names)->run());
            CHECK(got.answer == r.answer);
            CHECK(got.reason == r.reason);
        }
    }
    server.stop(io);
}

TEST_CASE("icmp: size, hops and count are those that were ordered") {
    os_time time;
    asio::io_context io{1};
    scripted_names names({});
    for (const char* host : {"127.0.0.1", "::1"}) {
        for (const std::size_t size : {16UL, 56UL, 1400UL}) {
            icmp_check check;
            check.host = host;
            check.size = size;
            check.ttl = 1;
            check.count = 3;
            check.timeout = plenty;
            const probe_result got = await(io, make_prober(std::move(check), time, names)->run());
            // Where neither kind of socket is allowed, or IPv6 is off, we could not look.
            CHECK(got.answer != verdict::unhealthy);
        }
    }
}
