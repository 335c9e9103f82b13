#include "base/sha1.hpp"

#include <boost/uuid/detail/sha1.hpp>

#include <fmt/core.h>

namespace steward {

std::string sha1_hex(std::string_view bytes) {
    boost::uuids::detail::sha1 hash;
    hash.process_bytes(bytes.data(), bytes.size());
    unsigned int words[5] = {};
    hash.get_digest(words);
    std::string hex;
    for (unsigned int w : words) hex += fmt::format("{:08x}", w);
    return hex;
}

}  // namespace steward
