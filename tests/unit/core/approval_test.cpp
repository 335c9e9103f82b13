#include "core/failover/approval.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::failover;
using namespace std::chrono_literals;

TEST_CASE("an approval that was issued is about one hand-over of one guest, and not for ever") {
    record r;
    r.guest = guest_id(guest_type::vm, vmid(103));
    r.claim = 1;
    const wall_time issued(1'800'000'000s);
    const std::string token = approval_token(r, issued);
    CHECK(token == "103-2-1800000000");
    CHECK(check_approval(token, r, 5min, issued));
    CHECK(check_approval(token, r, 5min, issued + 5min));

    const auto late = check_approval(token, r, 5min, issued + 301s);
    REQUIRE_FALSE(late);
    CHECK(late.error().text().find("expired") != std::string::npos);
    CHECK(check_approval(token, r, 5min, issued - 1min));       // clocks differ
    CHECK_FALSE(check_approval(token, r, 5min, issued - 61s));  // from the future: somebody wrote it himself

    const auto refused_for = [&](const std::string& text, const record& about) {
        const auto answer = check_approval(text, about, 5min, issued);
        return answer ? std::string("nothing") : answer.error().detail;
    };
    record later = r;
    later.claim = 2;
    CHECK(refused_for(token, later) == "this approval is not about what vm/103 waits for");
    record other = r;
    other.guest = guest_id(guest_type::ct, vmid(101));
    CHECK(refused_for(token, other) == "this approval is not about what ct/101 waits for");
    for (const char* none : {"103-2-", "103-2-x", "103-2-1800000000x", "103-2-99999999999999999999"})
        CHECK(refused_for(none, r) == "this is no approval: steward approve GUEST --issue makes one");
    for (const char* none : {"", "103-2", "103-20-1800000000"})
        CHECK(refused_for(none, r) == "this approval is not about what vm/103 waits for");
}
