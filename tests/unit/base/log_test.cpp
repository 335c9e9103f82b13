#include "base/log.hpp"

#include "base/sha1.hpp"

#include <catch2/catch.hpp>

using namespace steward;

TEST_CASE("an event is one line with quotes only where needed") {
    const log::event e(log::level::info, "failover.phase",
                       {{"guest", "ct/101"}, {"reason", "CT is \"locked\"\n(backup)"}, {"note", ""}});
    const std::string line = R"x(failover.phase guest=ct/101 reason="CT is \"locked\" (backup)" note="")x";
    CHECK(log::to_line(e) == line);
}

TEST_CASE("digest is SHA-1 in lower-case hex") { CHECK(sha1_hex("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d"); }
