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
    CHECK_FALSE(check_approval(token, r, 5min, issued - 2min));  // from the future: somebody wrote it himself

    record later = r;
    later.claim = 2;
    CHECK_FALSE(check_approval(token, later, 5min, issued));
    record other = r;
    other.guest = guest_id(guest_type::ct, vmid(101));
    CHECK_FALSE(check_approval(token, other, 5min, issued));
    for (const char* none : {"", "103-2-", "103-2-x", "103-2-18x", "103-2"})
        CHECK_FALSE(check_approval(none, r, 5min, issued));
}
