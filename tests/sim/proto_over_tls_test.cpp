#include "sim/recorded_compare.hpp"
#include "sim/recorded_request.hpp"
#include "sim/recorded_rig.hpp"
#include "sim/recorded_rows.hpp"
#include "support/served_front.hpp"

#include <boost/json/parse.hpp>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fmt/core.h>
#include <iostream>

using namespace steward;
using namespace steward::sim;
using namespace steward::sim::recorded;
using namespace std::chrono_literals;

namespace {

/// The bytes that came back, and when.
class exchange {
  public:
    exchange(served_front& site, const std::string& bytes) {
        raw_client client(site.time.io(), site.port());
        client.send(bytes);
        const time_point asked = site.time.now();
        site.pass_until([&] { return client.is_closed() || raw_answer(client.received()).is_complete; }, 60s);
        took = site.time.now() - asked;
        // A server that means to close does so at once.
        site.settle();
        bytes_back = client.received();
        was_closed = client.is_closed();
    }
    std::string bytes_back;
    bool was_closed = false;
    duration took{};
};

void compare_headers(const row& r, const raw_answer& answer) {
    std::vector<std::string> names;
    for (const auto& [name, value] : answer.headers) names.push_back(name);
    std::sort(names.begin(), names.end());
    CHECK(names == header_names_of(r.kind));
    CHECK(answer.header("Cache-Control") == "max-age=0");
    CHECK(answer.header("Pragma") == "no-cache");
    CHECK(answer.header("Server") == "pve-api-daemon/3.0");
    CHECK(answer.header("Date") == answer.header("Expires"));
    CHECK(answer.header("Date").ends_with(" GMT"));
    if (r.kind == "json") CHECK(answer.header("Content-Type") == "application/json;charset=UTF-8");
    const bool wants_to_stay = std::any_of(r.headers.begin(), r.headers.end(), [](const auto& h) {
        return h.first == "Connection" && h.second == "keep-alive";
    });
    CHECK(answer.header("Connection") == (wants_to_stay && r.status < 400 ? "Keep-Alive" : "close"));
}

void compare(const row& r, const exchange& seen) {
    if (r.status == 0) {
        CHECK(seen.bytes_back.empty());
        CHECK(seen.was_closed);
        CHECK(seen.took / 1ms == Approx(5000).margin(500));
        return;
    }
    const raw_answer answer(seen.bytes_back);
    REQUIRE(answer.is_complete);
    CHECK(answer.status_line == fmt::format("HTTP/1.{} {} {}", r.is_http_1_0 ? 0 : 1, r.status, r.reason));
    compare_headers(r, answer);
    CHECK(seen.was_closed == (answer.header("Connection") == "close"));
    if (r.data) {
        boost::json::error_code ec;
        const auto body = boost::json::parse(answer.body, ec);
        REQUIRE_FALSE(ec);
        CHECK(difference(*r.data, body, r.volatile_keys) == "");
    } else if (!r.text.empty()) {
        CHECK(answer.body == r.text);
    }
    if (r.took_milliseconds >= 1000) CHECK(seen.took / 1ms == Approx(r.took_milliseconds).margin(500));
}

}  // namespace

TEST_CASE("over TLS, byte by byte: the recorded requests of the wire protocol and their answers") {
    std::unique_ptr<served_front> site;
    int compared = 0;
    for (const row& r : read_rows(STEWARD_RECORDED "/proto.rows")) {
        INFO(r.name);
        for (const directive& d : r.before) {
            REQUIRE(d.verb == "topology");
            options o = make_rig(d.rest);
            o.wall_start = wall_time(std::chrono::seconds(1795204422));
            site = std::make_unique<served_front>(std::move(o));
        }
        REQUIRE(site);
        compare(r, exchange(*site, request_bytes(r)));
        ++compared;
    }
    std::cout << fmt::format("proto: {} recorded exchanges compared over TLS\n", compared);
}
