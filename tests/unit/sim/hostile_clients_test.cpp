#include "small_cluster.hpp"
#include "support/served_front.hpp"

#include <fmt/core.h>
#include <iostream>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <cstddef>
/// The sanitizer's own; GCC 12 has no header for it.
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();
#else
#include <malloc.h>
#endif

using namespace steward;
using namespace steward::sim;
using namespace std::chrono_literals;

namespace {

/// Bytes on the heap that nobody has given back.
std::size_t bytes_in_use() {
#if defined(__SANITIZE_ADDRESS__)
    return __sanitizer_get_current_allocated_bytes();
#else
    return mallinfo2().uordblks + mallinfo2().hblkhd;
#endif
}

constexpr std::size_t mebibyte = 1U << 20U;

const std::string get_version =
    "GET /api2/json/version HTTP/1.1\r\nHost: x\r\nAuthorization: " + root_token + "\r\n\r\n";

std::string post(const std::string& headers, const std::string& body = {}) {
    return "POST /api2/json/nodes/n1/lxc/101/status/stop HTTP/1.1\r\nAuthorization: " + root_token + "\r\n" + headers +
           "\r\n" + body;
}

/// Whoever comes after the hostile one is served.
void check_still_serving(served_front& site) {
    raw_client honest(site.time.io(), site.port());
    honest.send(get_version);
    CHECK(site.pass_until([&] { return raw_answer(honest.received()).is_complete; }, 10s));
    CHECK(raw_answer(honest.received()).status_line == "HTTP/1.1 200 OK");
}

std::string status_of(const std::string& bytes) { return raw_answer(bytes).status_line; }

}  // namespace

TEST_CASE("hostile clients: requests that are none get PVE's words or silence") {
    struct row {
        const char* name;
        std::string bytes;
        std::string status_line;  // empty: silence until the idle limit
    };
    const std::string root = "Authorization: " + root_token + "\r\n";
    const row rows[] = {
        {"garbage", "NONSENSE\r\n\r\n", "HTTP/1.0 400 bad request"},
        {"bytes of every kind", std::string("\x01\xff\0\x80 \n\r\n", 8), "HTTP/1.0 400 bad request"},
        {"no version", "GET /\r\n\r\n", "HTTP/1.0 400 bad request"},
        {"two blanks", "GET  / HTTP/1.1\r\n\r\n", "HTTP/1.0 400 bad request"},
        {"a version of the future", "GET / HTTP/2.0\r\n\r\n", "HTTP/1.0 506 http protocol version 2.0 not supported"},
        {"HTTP/2's own beginning", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
         "HTTP/1.0 506 http protocol version 2.0 not supported"},
        {"a name before the first slash", "GET http:x@y/ HTTP/1.1\r\n\r\n", "HTTP/1.0 400 invalid url"},
        {"a header line without a colon", "GET / HTTP/1.1\r\nnothing\r\n\r\n",
         "HTTP/1.1 506 unable to parse request header"},
        {"a folded line before any other", "GET / HTTP/1.1\r\n folded\r\n\r\n",
         "HTTP/1.1 506 unable to parse request header"},
        {"a folded line and bare line ends", "GET /api2/json/version HTTP/1.1\n" + root + "X: a\n b\n\n",
         "HTTP/1.1 200 OK"},
        {"a HEAD", "HEAD /api2/json/version HTTP/1.1\r\n\r\n", "HTTP/1.1 501 method 'HEAD' not available"},
        {"a CONNECT", "CONNECT a:1 HTTP/1.1\r\n\r\n", "HTTP/1.1 501 method 'CONNECT' not available"},
        {"a chunk as large as a number can say",
         post("Transfer-Encoding: chunked\r\n", "FFFFFFFFFFFFFFFF\r\nx\r\n0\r\n\r\n"),
         "HTTP/1.1 501 chunked transfer encoding not supported"},
        {"a length beyond all numbers", post("Content-Length: 99999999999999999999999\r\n"),
         "HTTP/1.1 501 for data too large"},
        {"a body on a DELETE",
         "DELETE /api2/json/nodes/n1/lxc/101 HTTP/1.1\r\n" + root + "Content-Length: 7\r\n\r\npurge=1",
         "HTTP/1.1 501 Unexpected content for method 'DELETE'"},
        {"64 header lines",
         "GET /api2/json/version HTTP/1.1\r\n" + root +
             [] {
                 std::string lines;
                 for (int i = 0; i < 63; ++i) lines += "X: y\r\n";
                 return lines;
             }() +
             "\r\n",
         ""},
        {"a header line of 9 KiB",
         "GET /api2/json/version HTTP/1.1\r\n" + root + "X: " + std::string(9000, 'x') + "\r\n\r\n", ""},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            served_front site(small_options());
            raw_client client(site.time.io(), site.port());
            client.send(r.bytes);
            const time_point asked = site.time.now();
            site.pass_until([&] { return client.is_closed() || raw_answer(client.received()).is_complete; }, 20s);
            CHECK(status_of(client.received()) == r.status_line);
            const duration took = site.time.now() - asked;
            if (r.status_line.empty()) {
                CHECK(client.is_closed());
                CHECK(took >= 5s);
                CHECK(took <= 6s);
            } else {
                CHECK(took < 1s);
            }
            check_still_serving(site);
        }
    }
}

TEST_CASE("hostile clients: an answer below the API has PVE's headers and its words as body") {
    served_front site(small_options());
    raw_client client(site.time.io(), site.port());
    client.send("NONSENSE\r\n\r\n");
    site.pass_until([&] { return client.is_closed(); }, 10s);
    const raw_answer answer(client.received());
    CHECK(answer.body == "bad request");
    CHECK(answer.header("Server") == "pve-api-daemon/3.0");
    CHECK(answer.header("Connection") == "close");
    CHECK(answer.header("Content-Type").empty());
}

TEST_CASE("hostile clients: whoever is slow but speaks is heard, whoever is silent is dropped") {
    served_front site(small_options());
    SECTION("a byte every three seconds") {
        raw_client client(site.time.io(), site.port());
        const std::string request = "GET / HTTP/1.1\r\n\r\n";
        for (const char c : request) {
            client.send(std::string(1, c));
            site.pass(3s);
        }
        CHECK(status_of(client.received()) == "HTTP/1.1 200 OK");
    }
    SECTION("half a request, then nothing") {
        raw_client client(site.time.io(), site.port());
        client.send("GET /api2/json/vers");
        site.pass(4s);
        CHECK_FALSE(client.is_closed());
        site.pass(2s);
        CHECK(client.is_closed());
        CHECK(client.received().empty());
    }
    SECTION("a body that never comes") {
        raw_client client(site.time.io(), site.port());
        client.send(post("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n", "timeout=1"));
        site.pass(6s);
        CHECK(client.is_closed());
        CHECK(client.received().empty());
        CHECK(site.model->calls().writes.empty());
    }
    SECTION("a body that never comes, of somebody who may not send one") {
        raw_client client(site.time.io(), site.port());
        client.send("POST /api2/json/version HTTP/1.1\r\nContent-Length: 100\r\n\r\n");
        site.pass(4s);
        CHECK(status_of(client.received()) == "HTTP/1.1 401 No ticket");
    }
    SECTION("two requests at once are answered in their order") {
        raw_client client(site.time.io(), site.port());
        client.send(get_version + "GET /api2/json/nosuch HTTP/1.1\r\nAuthorization: " + root_token + "\r\n\r\n");
        site.pass(1s);
        const std::string& all = client.received();
        CHECK(all.starts_with("HTTP/1.1 200 OK\r\n"));
        CHECK(all.find("HTTP/1.1 501 Method 'GET /nosuch' not implemented\r\n") != std::string::npos);
        CHECK(client.is_closed());
    }
    check_still_serving(site);
}

TEST_CASE("hostile clients: TLS that is none, or only half of it") {
    served_front site(small_options());
    struct row {
        const char* name;
        std::string bytes;
    };
    const row rows[] = {
        {"nothing", ""},
        {"a handshake record that never ends", std::string("\x16\x03\x01\x40\x00\x01", 6)},
        {"a handshake record of garbage", std::string("\x16\x03\x01\x00\x05", 5) + "xxxxx"},
        {"a record of 64 KiB", std::string("\x16\x03\x01\xff\xff", 5) + std::string(70000, 'x')},
        {"an alert", std::string("\x15\x03\x01\x00\x02\x02\x28", 7)},
        {"plain text that is no HTTP", "EHLO somebody\r\n"},
        {"a null byte", std::string(1, '\0')},
    };
    for (const row& r : rows) {
        INFO(r.name);
        raw_client client(site.time.io(), site.port(), raw_client::how::plain);
        client.send(r.bytes);
        CHECK(site.pass_until([&] { return client.is_closed(); }, 12s));
        CHECK(client.received().find("HTTP/") == std::string::npos);
    }
    {
        raw_client gone(site.time.io(), site.port());  // leaves in the middle of the handshake
    }
    raw_client plain(site.time.io(), site.port(), raw_client::how::plain);
    plain.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(site.pass_until([&] { return plain.is_closed(); }, 12s));
    CHECK(plain.received().starts_with("HTTP/1.1 301 "));
    check_still_serving(site);
}

TEST_CASE("hostile clients: floods and crowds take a bounded amount of memory") {
    served_front site(small_options());
    check_still_serving(site);  // what is made once, is made
    const std::size_t before = bytes_in_use();
    std::size_t most = before;
    const auto watch = [&] { most = std::max(most, bytes_in_use()); };
    SECTION("100 idle connections, and all of them are dropped") {
        std::vector<std::unique_ptr<raw_client>> idle;
        for (int i = 0; i < 100; ++i) {
            idle.push_back(std::make_unique<raw_client>(site.time.io(), site.port()));
            site.settle();
        }
        CHECK(std::all_of(idle.begin(), idle.end(), [](const auto& c) { return c->is_connected(); }));
        watch();
        check_still_serving(site);
        site.pass(6s);
        CHECK(std::all_of(idle.begin(), idle.end(), [](const auto& c) { return c->is_closed(); }));
        CHECK(most - before < 40 * mebibyte);  // both ends: OpenSSL takes some 100 KiB for each
    }
    SECTION("32 MiB of header") {
        raw_client flood(site.time.io(), site.port());
        flood.send("GET /api2/json/version HTTP/1.1\r\nX: ");
        for (int i = 0; i < 128; ++i) {
            flood.send(std::string(mebibyte / 4, 'x'));
            site.settle();
            watch();
        }
        CHECK(flood.received().empty());
        CHECK(most - before < 8 * mebibyte);
    }
    SECTION("32 MiB of a body that was refused by its length") {
        raw_client flood(site.time.io(), site.port());
        flood.send(post("Content-Length: 33554432\r\n"));
        for (int i = 0; i < 128; ++i) {
            flood.send(std::string(mebibyte / 4, 'x'));
            site.settle();
            watch();
        }
        CHECK(status_of(flood.received()) == "HTTP/1.1 501 for data too large");
        CHECK(most - before < 8 * mebibyte);
    }
    SECTION("many small header lines for ever") {
        raw_client flood(site.time.io(), site.port());
        flood.send("GET /api2/json/version HTTP/1.1\r\n");
        for (int i = 0; i < 200; ++i) {
            flood.send(std::string(1000, 'x') + ": y\r\n");
            site.settle();
            watch();
        }
        CHECK(flood.received().empty());
        CHECK(most - before < 8 * mebibyte);
    }
    std::cout << fmt::format("hostile clients: {} KiB more than before at the most\n", (most - before) >> 10U);
    check_still_serving(site);
    site.pass(10s);
    CHECK(bytes_in_use() < before + mebibyte);
}
