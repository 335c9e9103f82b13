#include "model/archive_stamp.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::model;
using namespace std::chrono_literals;

namespace {

archive_stamp stamp(guest_health h) {
    archive_stamp s;
    s.health = h;
    return s;
}

archive_stamp verified(guest_health h) {
    archive_stamp s = stamp(h);
    s.verified = wall_time(std::chrono::seconds(1'796'000'000));
    s.restore_took = 92s;
    return s;
}

}  // namespace

TEST_CASE("a stamp is read back as it was written, and the person's own words stay") {
    for (const char* notes : {"", "nightly", "nightly\nsecond line\n", "nightly [steward: unhealthy]\nsecond line",
                              "a [steward: verified 2026-11-28T06:00:00Z in 5s, healthy] b", "\nonly below"}) {
        for (const archive_stamp& s : {stamp(guest_health::healthy), stamp(guest_health::unhealthy),
                                       verified(guest_health::unknown), verified(guest_health::healthy)}) {
            const std::string written = with_stamp(notes, s);
            INFO(written);
            CHECK(read_stamp(written) == s);
            CHECK(with_stamp(written, s) == written);
            const std::string plain = with_stamp(written, {});
            CHECK(plain.find("steward") == std::string::npos);
            CHECK(plain == with_stamp(notes, {}));
        }
    }
    CHECK(with_stamp("web1\nx", verified(guest_health::healthy)) ==
          "web1 [steward: healthy, verified 2026-11-30T00:53:20Z in 1m32s]\nx");
}

TEST_CASE("what is no stamp says nothing") {
    for (const char* notes :
         {"", "healthy", "[steward: ", "[steward: ]", "[steward: quite well]", "[steward: verified]",
          "x\n[steward: healthy]", "[steward: verified 2026-02-31T00:00:00Z in 5s]",
          "[steward: verified 2026-02-21T00:00:00Z in five]", "[steward: verified 2026-02-21 in 5s]",
          "[steward: verified 20a6-02-21T00:00:00Z in 5s]"}) {
        INFO(notes);
        CHECK(read_stamp(notes).is_blank());
    }
}
