#include "pve/totp.hpp"

#include "base/sha1.hpp"

#include <catch2/catch.hpp>

using namespace steward;
using namespace steward::pve;

namespace {

std::string hex(std::string_view bytes) {
    static const char digits[] = "0123456789abcdef";
    std::string out;
    for (const char c : bytes) {
        out += digits[static_cast<unsigned char>(c) >> 4U];
        out += digits[static_cast<unsigned char>(c) & 0xfU];
    }
    return out;
}

}  // namespace

TEST_CASE("HMAC-SHA-1 of RFC 2202") {
    struct row {
        std::string key;
        std::string message;
        const char* mac;
    };
    const row rows[] = {
        {std::string(20, '\x0b'), "Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"},
        {"Jefe", "what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
        {std::string(20, '\xaa'), std::string(50, '\xdd'), "125d7342b9ac11cd91a39af48aa17b4f63f175d3"},
        {std::string(80, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
         "aa4ae5e15272d00e95705637ce8a3b55ed402112"},
    };
    for (const row& r : rows) CHECK(hex(hmac_sha1(r.key, r.message)) == r.mac);
}

TEST_CASE("one-time passwords of RFC 6238, appendix B") {
    struct row {
        std::int64_t time;
        const char* code;
    };
    const row rows[] = {{59, "94287082"},         {1111111109, "07081804"}, {1111111111, "14050471"},
                        {1234567890, "89005924"}, {2000000000, "69279037"}, {20000000000, "65353130"}};
    for (const row& r : rows)
        CHECK(totp_code("12345678901234567890", totp_counter(wall_time(std::chrono::seconds(r.time))), 8) == r.code);
    CHECK(totp_code("12345678901234567890", 1) == "287082");
}

TEST_CASE("base32 as people copy it") {
    struct row {
        const char* text;
        const char* bytes;  // null: refused
    };
    const row rows[] = {
        {"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "12345678901234567890"},
        {"gezd gnbv-gy3t qojq", "1234567890"},
        {"MZXW6YTBOI======", "foobar"},  // RFC 4648
        {"MZXW6===", "foo"},
        {"MZXW6", "foo"},
        {"MY", "f"},
        {"", nullptr},
        {"====", nullptr},
        {"MZXW6Y", nullptr},  // six digits are no whole number of bytes
        {"M", nullptr},
        {"MZXW61", nullptr},
        {"MZXW6\xc3\xa4", nullptr},
    };
    for (const row& r : rows) {
        INFO(r.text);
        const auto got = decode_base32(r.text);
        CHECK(got.has_value() == (r.bytes != nullptr));
        if (got && r.bytes) CHECK(*got == r.bytes);
        if (!got) CHECK(got.error().code == errc::invalid);
    }
}
