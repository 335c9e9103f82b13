#include "https_pair.hpp"
#include "loopback.hpp"

#include <cctype>

using namespace steward;
using namespace steward::net;
using namespace steward::net::loopback;
using namespace std::chrono_literals;

namespace {

/// What a client makes of one answer: "200", "outcome_unknown".
std::string outcome(const result<http_response>& r) { return r ? std::to_string(r->status) : name_of(r.error().code); }

server_reply ok(const http_request&) {
    server_reply r;
    r.body = "ok";
    return r;
}

http_request secret() {
    http_request out("POST", "/x");
    out.headers.emplace_back("Authorization", "PVEAPIToken=secret");
    return out;
}

std::string in_lower_case_without_colons(std::string text) {
    std::erase(text, ':');
    for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return text;
}

}  // namespace

TEST_CASE("trust: nothing is sent to a server that is not the configured one") {
    struct row {
        const char* name;
        std::function<void(https_pair&, http_endpoint&)> how;
        std::string outcome;
        std::string detail;  // part of it
    };
    const auto pins = [](std::vector<std::string> all) {
        tls_trust t;
        t.fingerprints = std::move(all);
        return t;
    };
    const row rows[] = {
        {"right CA", [](https_pair&, http_endpoint&) {}, "200", ""},
        {"right CA, by name", [](https_pair&, http_endpoint& e) { e.host = "n1.example"; }, "200", ""},
        {"right fingerprint", [&](https_pair& s, http_endpoint& e) { e.trust = pins({s.leaf.fingerprint_sha256}); },
         "200", ""},
        {"right fingerprint, name does not matter",
         [&](https_pair& s, http_endpoint& e) { e.host = "n7.example", e.trust = pins({s.leaf.fingerprint_sha256}); },
         "200", ""},
        {"one of several, written otherwise",
         [&](https_pair& s, http_endpoint& e) {
             e.trust = pins({"AB:CD", in_lower_case_without_colons(s.leaf.fingerprint_sha256)});
         },
         "200", ""},
        {"insecure on purpose", [](https_pair&, http_endpoint& e) { e.trust = {}, e.trust.insecure = true; }, "200",
         ""},
        {"wrong fingerprint", [&](https_pair& s, http_endpoint& e) { e.trust = pins({s.ca.fingerprint_sha256}); },
         "untrusted", "shows the fingerprint "},
        {"empty fingerprint", [&](https_pair&, http_endpoint& e) { e.trust = pins({""}); }, "untrusted",
         "shows the fingerprint "},
        {"a pin is not weakened by `insecure`",
         [&](https_pair& s, http_endpoint& e) { e.trust = pins({s.ca.fingerprint_sha256}), e.trust.insecure = true; },
         "untrusted", ""},
        {"unknown CA", [](https_pair&, http_endpoint& e) { e.trust = {}; }, "untrusted", "is not trusted: "},
        {"another name", [](https_pair&, http_endpoint& e) { e.host = "n7.example"; }, "untrusted",
         "certificate of n7.example does not carry that name"},
        {"a CA file that is not there", [](https_pair&, http_endpoint& e) { e.trust.ca_file += ".gone"; }, "untrusted",
         "No such file or directory"},
        {"a CA file without a certificate",
         [](https_pair& s, http_endpoint& e) {
             e.trust.ca_file = (s.directory.path() / "empty.pem").string();
             REQUIRE(write_file_atomically(e.trust.ca_file, "nothing"));
         },
         "untrusted", "empty.pem"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            https_pair site(ok);
            site.leaf = *make_certificate("n1", {"127.0.0.1", "n1.example"}, site.ca);
            site.names = std::make_unique<scripted_names>(std::vector<std::string>{"127.0.0.1"});
            const auto server = site.start(server_options(), site.leaf);
            http_endpoint to = site.endpoint();
            to.port = server->port();
            r.how(site, to);
            const auto client = site.client(to);
            const auto got = site.send(*client, secret());
            CHECK(outcome(got) == r.outcome);
            if (!got) CHECK_THAT(got.error().text(), Catch::Contains(r.detail));
            CHECK(site.seen.empty() == (r.outcome != "200"));
            site.stop();
        }
    }
}

TEST_CASE("trust: the address must be in the certificate") {
    https_pair site(ok);
    const auto other = make_certificate("n2", {"n2.example", "127.0.0.2"}, site.ca);
    REQUIRE(other);
    const auto second = site.start(server_options(), *other);
    http_endpoint to = site.endpoint();
    to.port = second->port();
    const auto client = site.client(to);
    const auto got = site.send(*client, secret());
    CHECK(outcome(got) == "untrusted");
    CHECK_THAT(got.error().text(), Catch::Contains("certificate of 127.0.0.1 does not carry that name"));
    CHECK(site.seen.empty());
    site.stop();
}

TEST_CASE("trust: a pinned connection is kept like any other, and a new pin is not the old one's") {
    https_pair site(ok);
    http_endpoint to = site.endpoint();
    to.trust = {};
    to.trust.fingerprints = {site.leaf.fingerprint_sha256};
    const auto right = site.client(to);
    to.trust.fingerprints = {site.ca.fingerprint_sha256};
    const auto wrong = site.client(to);
    for (int i = 0; i < 3; ++i) {
        CHECK(outcome(site.send(*right, secret())) == "200");
        CHECK(outcome(site.send(*wrong, secret())) == "untrusted");
    }
    CHECK(site.seen.size() == 3);
}

TEST_CASE("trust: a CA file that was replaced counts for the next client") {
    https_pair site(ok);
    const auto stranger = make_certificate("another CA", {}, certificate());
    REQUIRE(stranger);
    CHECK(outcome(site.send(*site.client(site.endpoint()), secret())) == "200");
    REQUIRE(write_file_atomically(site.ca_file(), stranger->certificate_pem));
    CHECK(outcome(site.send(*site.client(site.endpoint()), secret())) == "untrusted");
    REQUIRE(write_file_atomically(site.ca_file(), stranger->certificate_pem + site.ca.certificate_pem));
    CHECK(outcome(site.send(*site.client(site.endpoint()), secret())) == "200");
}

TEST_CASE("trust: a self-signed certificate is its own CA") {
    https_pair site(ok);
    const auto alone = make_certificate("n3", {"127.0.0.1"}, certificate());
    REQUIRE(alone);
    const auto second = site.start(server_options(), *alone);
    http_endpoint to = site.endpoint();
    to.port = second->port();
    SECTION("pinned") {
        to.trust = {};
        to.trust.fingerprints = {alone->fingerprint_sha256};
    }
    SECTION("as CA file") { REQUIRE(write_file_atomically(to.trust.ca_file, alone->certificate_pem)); }
    CHECK(outcome(site.send(*site.client(to), secret())) == "200");
    site.stop();
}

TEST_CASE("trust: a server without TLS is not delivered to") {
    https_pair site(ok);
    tcp::acceptor plain(site.io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    http_endpoint to = site.endpoint();
    to.port = plain.local_endpoint().port();
    http_client_options options;
    options.connect_limit = 150ms;  // nobody ever answers the handshake
    const auto client = site.client(to, options);
    CHECK(outcome(site.send(*client, secret())) == "not_delivered");
}

TEST_CASE("certificates: who cannot sign is said") {
    certificate ca;
    ca.private_key_pem = "nonsense";
    CHECK(make_certificate("n1", {"127.0.0.1"}, ca).error().code == errc::invalid);
}
