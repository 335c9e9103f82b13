#include "net/packing.hpp"

#include "net/gunzip.hpp"

#include <catch2/catch.hpp>

using namespace steward::net;

TEST_CASE("packing: what gzip packed comes out again") {
    std::string noise;
    std::uint32_t state = 1;
    for (int i = 0; i < 200000; ++i) noise += static_cast<char>((state = state * 1664525U + 1013904223U) >> 24U);
    for (const std::string& plain : {std::string(), std::string("x"), std::string(100000, 'y'), noise}) {
        INFO(plain.size());
        gunzip unpack;
        unpack.put(pack_gzip(plain));
        std::string out;
        for (;;) {
            const auto more = unpack.next(out);
            REQUIRE(more);
            if (!*more) break;
        }
        CHECK(unpack.is_over());
        CHECK(out == plain);
    }
}

TEST_CASE("packing: deflate is a zlib stream with its checksum") {
    const std::string packed = pack_deflate("Wikipedia");
    CHECK(packed.starts_with("\x78\x9c"));
    CHECK(packed.ends_with(std::string("\x11\xe6\x03\x98", 4)));  // Adler-32 of that word
}
