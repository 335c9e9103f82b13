#include "https_pair.hpp"
#include "loopback.hpp"
#include "support/raw_client.hpp"

using namespace steward;
using namespace steward::net;
using namespace steward::net::loopback;
using namespace std::chrono_literals;

namespace {

/// What a client makes of one answer: "200", "outcome_unknown".
std::string outcome(const result<http_response>& r) { return r ? std::to_string(r->status) : name_of(r.error().code); }

server_reply text(std::string body) {
    server_reply r;
    r.body = std::move(body);
    return r;
}

/// Sends bytes without TLS and reads until the server closes.
asio::awaitable<std::string> speak_plainly(std::uint16_t port, std::string bytes) {
    tcp::socket socket(co_await asio::this_coro::executor);
    const tcp::endpoint to(asio::ip::address_v4::loopback(), port);
    co_await socket.async_connect(to, asio::use_awaitable);
    co_await asio::async_write(socket, asio::buffer(bytes), asio::use_awaitable);
    std::string answer;
    boost::system::error_code ec;
    co_await asio::async_read(socket, asio::dynamic_buffer(answer), asio::redirect_error(asio::use_awaitable, ec));
    co_return answer;
}

}  // namespace

TEST_CASE("server: plain HTTP on the TLS port is pointed to https") {
    https_pair site([](const http_request&) { return text("never"); });
    const std::uint16_t port = site.server->port();
    const std::string get = await(site.io, speak_plainly(port, "GET /x?y=1 HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK(get.starts_with("HTTP/1.1 301 "));
    CHECK_THAT(get, Catch::Contains("\r\nLocation: https://127.0.0.1:" + std::to_string(port) + "/x?y=1\r\n"));
    CHECK(await(site.io, speak_plainly(port, "POST /x HTTP/1.1\r\nHost: a\r\n\r\n")).starts_with("HTTP/1.1 308 "));
    CHECK(await(site.io, speak_plainly(port, "nonsense\r\n\r\n")).empty());
    CHECK(site.seen.empty());
}

TEST_CASE("server: who says nothing is dropped silently") {
    https_pair site([](const http_request&) { return text("never"); }, 80ms);
    CHECK(await(site.io, speak_plainly(site.server->port(), "")).empty());
}

TEST_CASE("server: methods of every kind reach the handler, which decides") {
    https_pair site([](const http_request& r) {
        server_reply reply = text(r.body);
        reply.status = r.method == "PATCH" || r.method == "get" ? 501 : 200;
        return reply;
    });
    const auto client = site.client(site.endpoint());
    http_request post("POST", "/a?b=c");
    post.body = "x=1";
    const auto echoed = site.send(*client, std::move(post));
    REQUIRE(echoed);
    CHECK(echoed->body == "x=1");
    CHECK(echoed->reason == "OK");
    for (const char* method : {"PATCH", "get"}) CHECK(outcome(site.send(*client, http_request(method, "/"))) == "501");
    CHECK(outcome(site.send(*client, http_request("DELETE", "/d?purge=1"))) == "200");
    CHECK(site.seen == std::vector<std::string>{"POST /a?b=c", "PATCH /", "get /", "DELETE /d?purge=1"});
}

TEST_CASE("server: the answer is what the handler says, byte for byte") {
    struct row {
        const char* name;
        std::function<void(server_reply&)> how;
        std::string outcome;
        std::string reason;
    };
    const row rows[] = {
        {"an odd status with an odd reason",
         [](server_reply& r) { r.status = 596, r.reason = "tls: \xc3\xa4 \xff (x=1)"; }, "596",
         "tls: \xc3\xa4 \xff (x=1)"},
        {"an empty 401 without a length",
         [](server_reply& r) {
             r.status = 401, r.reason = "No ticket", r.body.clear(), r.omit_length = r.close_after = true;
         },
         "401", "No ticket"},
        {"raw bytes", [](server_reply& r) { r.raw = "HTTP/1.1 299 Raw\r\nContent-Length: 0\r\n\r\n"; }, "299", "Raw"},
        {"raw garbage", [](server_reply& r) { r.raw = "this is not HTTP\r\n\r\n"; }, "garbage", ""},
        {"half an answer", [](server_reply& r) { r.raw = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"; },
         "outcome_unknown", ""},
        {"dropped", [](server_reply& r) { r.drop_connection = true; }, "outcome_unknown", ""},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            https_pair site([&](const http_request&) {
                server_reply reply = text("fine");
                r.how(reply);
                return reply;
            });
            const auto client = site.client(site.endpoint());
            const auto got = site.send(*client, http_request("POST", "/x"));
            CHECK(outcome(got) == r.outcome);
            if (got) CHECK(got->reason == r.reason);
            CHECK(site.seen.size() == 1);
        }
    }
}

TEST_CASE("server: a connection serves so many requests, and says which is the last") {
    server_options options;
    options.requests_per_connection = 2;
    https_pair site([](const http_request&) { return text("ok"); }, options);
    const auto client = site.client(site.endpoint());
    for (const char* expected : {"Keep-Alive", "close", "Keep-Alive", "close"}) {
        const auto got = site.send(*client, http_request("POST", "/x"));
        REQUIRE(got);
        CHECK(got->header("connection") == expected);
    }
}

TEST_CASE("server: headers beyond PVE's limits get no answer, and the connection dies of idleness") {
    struct row {
        const char* name;
        int lines;
        std::size_t bytes;
        bool is_answered;
    };
    const row rows[] = {
        {"61 lines and our own two", 61, 10, true},
        {"64 lines", 64, 10, false},
        {"7 KiB", 1, 7 << 10, true},
        {"9 KiB", 1, 9 << 10, false},
        {"40 KiB", 4, 10 << 10, false},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            https_pair site([](const http_request&) { return text("ok"); }, r.is_answered ? 20s : 80ms);
            const auto client = site.client(site.endpoint());
            http_request large("GET", "/x");
            for (int i = 0; i < r.lines; ++i)
                large.headers.emplace_back("X-" + std::to_string(i), std::string(r.bytes, 'x'));
            CHECK(outcome(site.send(*client, std::move(large))) == (r.is_answered ? "200" : "outcome_unknown"));
            CHECK(site.seen.empty() != r.is_answered);
        }
    }
}

TEST_CASE("server: what cannot be parsed is refused in PVE's words") {
    struct row {
        const char* name;
        http_request request;
        std::pair<std::string, std::string> header;
        std::string answer;
    };
    const row rows[] = {
        {"a header line", http_request("GET", "/x"), {"bad name", "x"}, "506 unable to parse request header"},
        {"a request line", http_request("GET", "/x y"), {"A", "x"}, "400 bad request"},
        {"a version",
         http_request("GET", "/x HTTP/2.0\r\nX: y"),
         {"A", "x"},
         "506 http protocol version 2.0 not supported"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            https_pair site([](const http_request&) { return text("ok"); });
            const auto client = site.client(site.endpoint());
            http_request request = r.request;
            request.headers.push_back(r.header);
            const auto got = site.send(*client, std::move(request));
            REQUIRE(got);
            CHECK(std::to_string(got->status) + " " + got->reason == r.answer);
            CHECK(site.seen.empty());
        }
    }
}

TEST_CASE("server: bodies it will not read reach the handler by their headers") {
    const auto refuse = [](const http_request& r) {
        server_reply reply = text(std::to_string(r.body.size()));
        reply.status = 501;
        for (const auto& [name, value] : r.headers)
            if (name == "Content-Length" || name == "Transfer-Encoding") reply.reason = value;
        return reply;
    };
    SECTION("too large, and the answer arrives although nobody reads the body") {
        https_pair site(refuse);
        const auto client = site.client(site.endpoint());
        http_request post("POST", "/upload");
        post.body.assign(6U << 20U, 'x');
        const auto got = site.send(*client, std::move(post));
        REQUIRE(got);
        CHECK(got->status == 501);
        CHECK(got->reason == "6291456");
        CHECK(got->body == "0");
        CHECK(got->header("Connection") == "close");
    }
    SECTION("exactly as large as allowed") {
        https_pair site(refuse);
        const auto client = site.client(site.endpoint());
        http_request post("POST", "/upload");
        post.body.assign(512U << 10U, 'x');
        const auto got = site.send(*client, std::move(post));
        REQUIRE(got);
        CHECK(got->body == "524288");
    }
    SECTION("chunked") {
        https_pair site(refuse);
        const auto client = site.client(site.endpoint());
        http_request get("GET", "/upload");
        get.headers.emplace_back("Transfer-Encoding", "chunked");
        const auto got = site.send(*client, std::move(get));
        REQUIRE(got);
        CHECK(got->reason == "chunked");
        CHECK(got->header("Connection") == "close");
    }
}

TEST_CASE("server: a crowd may not stay, and more than a crowd may not come in") {
    server_options options;
    options.crowded_at = 2;
    options.most_connections = 3;
    https_pair site([](const http_request&) { return text("ok"); }, options);
    const std::uint16_t port = site.server->port();
    const std::string request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    const auto ask = [&](raw_client& who) {
        who.send(request);
        while (who.received().empty() && !who.is_closed()) site.io.run_one();
        const std::string& said = who.received();
        return said.empty() ? std::string("dropped") : said.substr(said.find("Connection: ") + 12, 5);
    };
    raw_client first(site.io, port);
    CHECK(ask(first) == "Keep-");
    raw_client second(site.io, port);
    CHECK(ask(second) == "close");
    raw_client third(site.io, port);
    raw_client fourth(site.io, port);
    while (!third.is_connected() || !fourth.is_closed()) site.io.run_one();
    CHECK(ask(fourth) == "dropped");
    CHECK(ask(third) == "close");
}

TEST_CASE("server: another certificate is for those who come later") {
    https_pair site([](const http_request&) { return text("ok"); });
    const auto stayed = site.client(site.endpoint());
    REQUIRE(site.send(*stayed, http_request("GET", "/")));
    const auto other = make_certificate("127.0.0.1", {"127.0.0.1"}, site.ca);
    REQUIRE(other);
    REQUIRE(site.server->use(*other));
    CHECK(outcome(site.send(*stayed, http_request("GET", "/"))) == "200");
    http_endpoint pinned = site.endpoint();
    pinned.trust.ca_file.clear();
    pinned.trust.fingerprints = {site.leaf.fingerprint_sha256};
    CHECK(outcome(site.send(*site.client(pinned), http_request("GET", "/"))) != "200");
    pinned.trust.fingerprints = {other->fingerprint_sha256};
    CHECK(outcome(site.send(*site.client(pinned), http_request("GET", "/"))) == "200");
    certificate broken = *other;
    broken.private_key_pem = "nonsense";
    CHECK(site.server->use(broken).error().code == errc::invalid);
    CHECK(outcome(site.send(*site.client(pinned), http_request("GET", "/"))) == "200");
}

TEST_CASE("server: several share one loop, one certificate and one port each") {
    https_pair site([](const http_request&) { return text("ok"); });
    const auto second = site.start(server_options(), site.leaf);
    CHECK(second->port() != site.server->port());
    for (const std::uint16_t port : {site.server->port(), second->port()}) {
        http_endpoint to = site.endpoint();
        to.port = port;
        const auto client = site.client(to);
        CHECK(outcome(site.send(*client, http_request("GET", "/x"))) == "200");
    }
    site.stop();
}

TEST_CASE("server: a taken address and bad keys are said clearly") {
    https_pair site([](const http_request&) { return text("ok"); });
    server_options options;
    options.certificate_pem = site.leaf.certificate_pem;
    options.private_key_pem = site.leaf.private_key_pem;
    options.port = site.server->port();
    const auto taken = https_server::listen(site.io.get_executor(), site.time, options, site.handler());
    REQUIRE(!taken);
    CHECK(taken.error().code == errc::io);
    CHECK_THAT(taken.error().text(), Catch::Contains("127.0.0.1:" + std::to_string(options.port)));
    options.address = "localhost";
    CHECK(https_server::listen(site.io.get_executor(), site.time, options, site.handler()).error().code ==
          errc::invalid);
    options.address = "127.0.0.1";
    options.private_key_pem = "nonsense";
    CHECK(https_server::listen(site.io.get_executor(), site.time, options, site.handler()).error().code ==
          errc::invalid);
}

TEST_CASE("server: it may go while a request is being handled") {
    os_time time;
    asio::io_context io{1};
    const auto own = make_certificate("n1", {"127.0.0.1"}, certificate());
    REQUIRE(own);
    server_options options;
    options.certificate_pem = own->certificate_pem;
    options.private_key_pem = own->private_key_pem;
    bool is_asked = false;
    // The closure is what the coroutine lives on: it must outlast the server.
    const std::string secret(1000, 's');
    const auto never = [&time, &is_asked, secret](http_request) -> asio::awaitable<server_reply> {
        is_asked = true;
        try {
            co_await time.sleep_for(1h);
        } catch (const boost::system::system_error&) {
            CHECK(secret.size() == 1000);
            throw;
        }
        co_return server_reply();
    };
    auto server = https_server::listen(io.get_executor(), time, options, never);
    REQUIRE(server);
    task_group tasks(io.get_executor());
    tasks.spawn("server", (*server)->serve());
    scripted_names names({"127.0.0.1"});
    http_endpoint where("127.0.0.1", (*server)->port());
    where.trust.insecure = true;
    http_client client(io.get_executor(), time, names, where, http_client_options());
    std::optional<result<http_response>> got;
    task_group asking(io.get_executor());
    asking.spawn("client", keep(client.send(http_request("POST", "/x"), time.now() + 20s), got));
    while (!is_asked) io.run_one();
    tasks.cancel();
    run_out(io, tasks);
    server->reset();
    run_out(io, asking);
    REQUIRE(got);
    CHECK(outcome(*got) == "outcome_unknown");
}
