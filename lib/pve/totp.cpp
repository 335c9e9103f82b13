#include "pve/totp.hpp"

#include "base/sha1.hpp"

#include <fmt/core.h>

namespace steward::pve {
namespace {

/// Value of one base32 digit; negative when it is none.
int digit_of(char c) {
    if (c >= 'a' && c <= 'z') return c - 'a';
    if (c >= 'A' && c <= 'Z') return c - 'A';
    return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

}  // namespace

result<std::string> decode_base32(std::string_view text) {
    while (!text.empty() && text.back() == '=') text.remove_suffix(1);
    std::string out;
    unsigned int bits = 0;
    unsigned int held = 0;
    std::size_t digits = 0;
    for (const char c : text) {
        if (c == ' ' || c == '-') continue;
        const int digit = digit_of(c);
        if (digit < 0) return fault(errc::invalid, "base32", "only A-Z and 2-7 may stand in it");
        ++digits;
        bits = (bits << 5U | static_cast<unsigned int>(digit)) & 0xfffU;
        held += 5;
        if (held < 8) continue;
        held -= 8;
        out += static_cast<char>(bits >> held & 0xffU);
    }
    const std::size_t rest = digits % 8;  // 1, 3 and 6 digits end in no whole byte
    if (out.empty() || rest == 1 || rest == 3 || rest == 6) return fault(errc::invalid, "base32", "is cut off");
    return out;
}

std::uint64_t totp_counter(wall_time now) {
    return static_cast<std::uint64_t>(now.time_since_epoch() /
                                      std::chrono::duration_cast<std::chrono::seconds>(totp_step));
}

std::string totp_code(std::string_view key, std::uint64_t counter, int digits) {
    std::string message;
    for (unsigned int shift = 64; shift > 0; shift -= 8) message += static_cast<char>(counter >> (shift - 8) & 0xffU);
    const std::string mac = hmac_sha1(key, message);
    const auto byte = [&](std::size_t at) { return static_cast<std::uint32_t>(static_cast<unsigned char>(mac[at])); };
    const std::size_t at = byte(19) & 0xfU;
    const std::uint32_t number = (byte(at) & 0x7fU) << 24U | byte(at + 1) << 16U | byte(at + 2) << 8U | byte(at + 3);
    std::uint32_t modulus = 1;
    for (int i = 0; i < digits; ++i) modulus *= 10;
    return fmt::format("{:0{}}", number % modulus, digits);
}

}  // namespace steward::pve
