#include "net/packing.hpp"

#include <boost/beast/zlib/deflate_stream.hpp>
#include <boost/crc.hpp>

#include <cstdint>

namespace steward::net {
namespace zlib = boost::beast::zlib;
namespace {

std::string deflated(std::string_view plain) {
    zlib::deflate_stream stream;
    std::string out(stream.upper_bound(plain.size()) + 16, '\0');
    zlib::z_params where;
    where.next_in = plain.data();
    where.avail_in = plain.size();
    where.next_out = out.data();
    where.avail_out = out.size();
    boost::system::error_code ec;
    stream.write(where, zlib::Flush::finish, ec);
    out.resize(out.size() - where.avail_out);
    return out;
}

std::uint32_t adler32(std::string_view text) {
    constexpr std::uint32_t largest_prime = 65521;
    std::uint32_t a = 1;
    std::uint32_t b = 0;
    for (const char c : text) {
        a = (a + static_cast<unsigned char>(c)) % largest_prime;
        b = (b + a) % largest_prime;
    }
    return b << 16U | a;
}

std::string little_endian(std::uint32_t number) {
    std::string out;
    for (unsigned shift = 0; shift < 32; shift += 8) out += static_cast<char>(number >> shift & 0xffU);
    return out;
}

}  // namespace

std::string pack_gzip(std::string_view plain) {
    boost::crc_32_type checksum;
    checksum.process_bytes(plain.data(), plain.size());
    // Method 8, no flags, no time, made on Unix.
    return std::string("\x1f\x8b\x08\0\0\0\0\0\0\x03", 10) + deflated(plain) + little_endian(checksum.checksum()) +
           little_endian(static_cast<std::uint32_t>(plain.size()));
}

std::string pack_deflate(std::string_view plain) {
    const std::string sum = little_endian(adler32(plain));
    return "\x78\x9c" + deflated(plain) + std::string(sum.rbegin(), sum.rend());
}

}  // namespace steward::net
