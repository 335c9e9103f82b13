#include "base/sha1.hpp"

#include <boost/uuid/detail/sha1.hpp>

#include <array>
#include <fmt/core.h>

namespace steward {
namespace {

std::array<unsigned int, 5> sha1_words(std::string_view bytes) {
    boost::uuids::detail::sha1 hash;
    hash.process_bytes(bytes.data(), bytes.size());
    unsigned int words[5] = {};
    hash.get_digest(words);
    return {words[0], words[1], words[2], words[3], words[4]};
}

std::string sha1_bytes(std::string_view bytes) {
    std::string out;
    for (const unsigned int w : sha1_words(bytes))
        for (const unsigned int shift : {24U, 16U, 8U, 0U}) out += static_cast<char>((w >> shift) & 0xffU);
    return out;
}

}  // namespace

std::string sha1_hex(std::string_view bytes) {
    std::string hex;
    for (const unsigned int w : sha1_words(bytes)) hex += fmt::format("{:08x}", w);
    return hex;
}

std::string hmac_sha1(std::string_view key, std::string_view message) {
    constexpr std::size_t block = 64;
    std::string padded = key.size() > block ? sha1_bytes(key) : std::string(key);
    padded.resize(block, '\0');
    std::string inner;
    std::string outer;
    for (const char c : padded) {
        inner += static_cast<char>(c ^ 0x36);
        outer += static_cast<char>(c ^ 0x5c);
    }
    return sha1_bytes(outer + sha1_bytes(inner.append(message)));
}

}  // namespace steward
