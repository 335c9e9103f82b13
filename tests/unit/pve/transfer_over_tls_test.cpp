#include "pve/file_transfer.hpp"
#include "pve/https_transport.hpp"
#include "runtime/atomic_file.hpp"
#include "unit/net/https_pair.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::pve;
using namespace std::chrono_literals;

namespace {

const std::string task = "UPID:n1:0012A3F4:0A1B2C3D:66F0A1B2:imgcopy::svc@pve!t:";

credentials a_token() {
    credentials who;
    who.token = "svc@pve!t=secret";
    return who;
}

}  // namespace

TEST_CASE("transfer: over TLS, byte for byte") {
    std::string body;
    random_source noise(5);
    for (int i = 0; i < (3 << 17); ++i) {
        const std::uint64_t word = noise.next();
        body.append(reinterpret_cast<const char*>(&word), sizeof word);
    }
    std::string arrived;
    net::server_options options;
    options.max_body = 64U << 20U;
    net::https_pair pair(
        [&](const net::http_request& r) {
            net::server_reply out;
            if (r.method == "POST") arrived = r.body;
            out.body = r.method == "POST" ? "{\"data\":\"" + task + "\"}" : body;
            return out;
        },
        options);
    random_source chance(3);
    https_transport transport(pair.io.get_executor(), pair.time, chance, *pair.names, std::vector{pair.endpoint()},
                              a_token(), https_options());
    upload_order o;
    o.node = node_name("n1");
    o.storage = storage_id("local");
    o.content = "iso";
    o.file = pair.directory.path() / "noise.iso";
    REQUIRE(write_file_atomically(o.file, body));
    REQUIRE(run_awaitable(pair.io, upload(transport, chance, o)));
    CHECK(arrived.find(body) != std::string::npos);
    download_order d;
    d.what = request(verb::get, "/x");
    const auto path = pair.directory.path() / "back.iso";
    REQUIRE(run_awaitable(pair.io, download(transport, d, path)));
    const auto back = read_file(path, 64U << 20U);
    REQUIRE(back);
    CHECK(*back == body);
}

TEST_CASE("download: what comes packed arrives unpacked") {
    // printf '%s' "TASK OK" | gzip -n
    const std::string packed(
        "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x0b\x71\x0c\xf6\x56\xf0\xf7\x06\x00\x06\x2c\xf6\x13\x07\x00\x00\x00",
        27);
    struct row {
        const char* name;
        std::string bytes;
        std::uint64_t most;
        std::string outcome;
    };
    std::string damaged = packed;
    damaged[21] = static_cast<char>(damaged[21] ^ 1);
    const row rows[] = {
        {"whole", packed, 1000, "TASK OK"},
        {"cut off", packed.substr(0, 22), 1000, "garbage"},
        {"damaged", damaged, 1000, "garbage"},
        {"not packed at all", "TASK OK", 1000, "garbage"},
        {"with a tail", packed + "x", 1000, "garbage"},
        {"longer than allowed", packed, 6, "garbage"},
    };
    for (const row& r : rows) {
        DYNAMIC_SECTION(r.name) {
            net::https_pair pair([&](const net::http_request&) {
                net::server_reply out;
                out.headers.emplace_back("Content-Encoding", "gzip");
                out.body = r.bytes;
                return out;
            });
            random_source chance(3);
            https_transport transport(pair.io.get_executor(), pair.time, chance, *pair.names,
                                      std::vector{pair.endpoint()}, a_token(), https_options());
            download_order d;
            d.what = request(verb::get, "/x");
            d.most = r.most;
            const auto path = pair.directory.path() / "log";
            const auto got = run_awaitable(pair.io, download(transport, d, path));
            std::string outcome = got ? read_file(path, 1000).value() : name_of(got.error().code);
            CHECK(outcome == r.outcome);
        }
    }
}
