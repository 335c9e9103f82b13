#include "https_pair.hpp"

using namespace steward;
using namespace steward::net;
using namespace std::chrono_literals;

namespace {

server_reply text(std::string body) {
    server_reply r;
    r.body = std::move(body);
    return r;
}

/// What a client makes of one answer of the server.
std::string outcome(const result<http_response>& r) { return r ? std::to_string(r->status) : name_of(r.error().code); }

}  // namespace

TEST_CASE("connections are kept, and a caller never sees that the server closed an idle one") {
    https_pair site([](const http_request&) { return text("hello"); }, 60ms);
    const auto client = site.client(site.endpoint());
    for (int i = 0; i < 3; ++i) {
        const auto got = site.send(*client, http_request("GET", "/x"));
        REQUIRE(got);
        CHECK(got->body == "hello");
        // Longer than the server's patience, shorter than the client's: the next request finds a dead connection.
        os_time time;
        run_awaitable(site.io, [](os_time& t) -> boost::asio::awaitable<bool> {
            co_await t.sleep_for(120ms);
            co_return true;
        }(time));
    }
    CHECK(site.seen.size() == 3);
}

TEST_CASE("a write that may have arrived is never repeated") {
    int posts = 0;
    https_pair site([&](const http_request& r) {
        server_reply reply = text("ok");
        if (r.method == "POST") {
            ++posts;
            reply.drop_connection = true;
        }
        return reply;
    });
    const auto client = site.client(site.endpoint());
    REQUIRE(site.send(*client, http_request("GET", "/warm")));
    CHECK(outcome(site.send(*client, http_request("POST", "/start"))) == "outcome_unknown");
    CHECK(posts == 1);
}

TEST_CASE("what a server can do to a request, and what it is called") {
    struct row {
        const char* name;
        std::function<void(server_reply&)> how;
        const char* outcome;
    };
    const row rows[] = {
        {"an odd status with an odd reason",
         [](server_reply& r) { r.status = 596, r.reason = "tls_process: \xc3\xa4 (x=1)"; }, "596"},
        {"an empty 401 without a length",
         [](server_reply& r) {
             r.status = 401, r.reason = "No ticket", r.body.clear(), r.omit_length = r.close_after = true;
         },
         "401"},
        {"garbage", [](server_reply& r) { r.raw = "this is not HTTP\r\n\r\n"; }, "garbage"},
        {"half an answer", [](server_reply& r) { r.raw = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"; },
         "outcome_unknown"},
        {"a body over the limit", [](server_reply& r) { r.body = std::string(70'000, 'x'); }, "garbage"},
        {"the connection dropped", [](server_reply& r) { r.drop_connection = true; }, "outcome_unknown"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            https_pair site([&](const http_request&) {
                server_reply reply = text("fine");
                r.how(reply);
                return reply;
            });
            http_client_options options;
            options.max_body = 65'536;
            const auto client = site.client(site.endpoint(), options);
            const auto got = site.send(*client, http_request("GET", "/x"));
            CHECK(outcome(got) == r.outcome);
            if (got && got->status == 596) CHECK(got->reason == "tls_process: \xc3\xa4 (x=1)");
        }
    }
}

TEST_CASE("nothing is sent to a server that is not the configured one") {
    struct row {
        const char* name;
        std::function<void(https_pair&, http_endpoint&)> trust;
        const char* outcome;
    };
    const row rows[] = {
        {"right CA", [](https_pair&, http_endpoint&) {}, "200"},
        {"right fingerprint",
         [](https_pair& s, http_endpoint& e) { e.trust = {}, e.trust.fingerprints = {s.leaf.fingerprint_sha256}; },
         "200"},
        {"one of several fingerprints",
         [](https_pair& s, http_endpoint& e) {
             e.trust = {}, e.trust.fingerprints = {"AB:CD", s.leaf.fingerprint_sha256};
         },
         "200"},
        {"insecure on purpose", [](https_pair&, http_endpoint& e) { e.trust = {}, e.trust.insecure = true; }, "200"},
        {"wrong fingerprint",
         [](https_pair& s, http_endpoint& e) { e.trust = {}, e.trust.fingerprints = {s.ca.fingerprint_sha256}; },
         "untrusted"},
        {"unknown CA", [](https_pair&, http_endpoint& e) { e.trust = {}; }, "untrusted"},
        {"another name than in the certificate", [](https_pair&, http_endpoint& e) { e.host = "127.0.0.2"; },
         "not_delivered"},
        {"a CA file that is not there", [](https_pair&, http_endpoint& e) { e.trust.ca_file = "/nonexistent"; },
         "untrusted"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            https_pair site([](const http_request&) { return text("ok"); });
            http_endpoint to = site.endpoint();
            r.trust(site, to);
            const auto client = site.client(to);
            http_request secret("GET", "/x");
            secret.headers.emplace_back("Authorization", "PVEAPIToken=secret");
            CHECK(outcome(site.send(*client, std::move(secret))) == r.outcome);
            CHECK(site.seen.empty() == (std::string(r.outcome) != "200"));
        }
    }
}

TEST_CASE("a certificate for another name is not trusted") {
    https_pair site([](const http_request&) { return text("ok"); });
    const auto other = make_certificate("n2", {"n2.example"}, site.ca);
    REQUIRE(other);
    server_options options;
    options.certificate_pem = other->certificate_pem;
    options.private_key_pem = other->private_key_pem;
    auto server =
        https_server::listen(site.io.get_executor(), site.time, options,
                             [](http_request) -> boost::asio::awaitable<server_reply> { co_return text("ok"); });
    REQUIRE(server);
    site.tasks.spawn("other", (*server)->serve());
    http_endpoint to = site.endpoint();
    to.port = (*server)->port();
    const auto client = site.client(to);
    CHECK(outcome(site.send(*client, http_request("GET", "/x"))) == "untrusted");
    site.tasks.cancel();
    site.io.restart();
    site.io.poll();
}

TEST_CASE("nobody listens: not delivered") {
    https_pair site([](const http_request&) { return text("ok"); });
    http_endpoint to("127.0.0.1", 1);
    const auto client = site.client(to);
    CHECK(outcome(site.send(*client, http_request("POST", "/x"))) == "not_delivered");
    http_endpoint nameless("no-such-host.invalid", 8006);
    const auto lost = site.client(nameless);
    CHECK(outcome(site.send(*lost, http_request("GET", "/x"), 500ms)) == "not_delivered");
}
