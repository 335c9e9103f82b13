#include "net/gunzip.hpp"

#include <boost/beast/zlib/inflate_stream.hpp>
#include <boost/crc.hpp>

#include <cstdint>
#include <optional>

namespace steward::net {
namespace zlib = boost::beast::zlib;

namespace {

constexpr std::size_t most_at_once = std::size_t{64} << 10U;
constexpr std::size_t fixed_header = 10;
constexpr std::size_t trailer = 8;
constexpr std::size_t longest_header = 4096;

fault garbage(const char* why) { return fault(errc::garbage, "gunzip", why); }

std::uint32_t little_endian(std::string_view bytes, std::size_t count) {
    std::uint32_t out = 0;
    for (std::size_t i = count; i > 0; --i) out = out << 8U | static_cast<unsigned char>(bytes[i - 1]);
    return out;
}

/// Length of the header, zero while it is not complete.
result<std::size_t> header_length(std::string_view bytes) {
    if (bytes.size() < fixed_header) return std::size_t{0};
    const auto flags = static_cast<unsigned char>(bytes[3]);
    if (!bytes.starts_with("\x1f\x8b\x08") || (flags & 0xe0U) != 0) return garbage("not gzip");
    std::size_t at = fixed_header;
    if ((flags & 4U) != 0) {
        if (bytes.size() < at + 2) return std::size_t{0};
        at += 2 + little_endian(bytes.substr(at), 2);
    }
    for (const unsigned int named : {8U, 16U}) {
        if ((flags & named) == 0) continue;
        const std::size_t end = bytes.find('\0', at);
        if (end == std::string_view::npos) return std::size_t{0};
        at = end + 1;
    }
    if ((flags & 2U) != 0) at += 2;
    return bytes.size() < at ? std::size_t{0} : at;
}

}  // namespace

class gunzip::state {
  public:
    std::string packed;
    bool is_in_body = false;
    bool is_unpacked = false;
    bool is_over = false;
    zlib::inflate_stream inflate;
    boost::crc_32_type checksum;
    std::uint32_t length = 0;
};

gunzip::gunzip() : state_(std::make_unique<state>()) {}
gunzip::~gunzip() = default;

void gunzip::put(std::string_view packed) { state_->packed.append(packed); }
bool gunzip::is_over() const { return state_->is_over; }

result<bool> gunzip::next(std::string& plain) {
    state& s = *state_;
    if (!s.is_in_body) {
        const auto header = header_length(s.packed);
        if (!header) return header.error();
        if (*header == 0 && s.packed.size() > longest_header) return garbage("a header without an end");
        if (*header == 0) return false;
        s.packed.erase(0, *header);
        s.is_in_body = true;
    }
    std::size_t made = 0;
    if (!s.is_unpacked) {
        const std::size_t before = plain.size();
        plain.resize(before + most_at_once);
        zlib::z_params where;
        where.next_in = s.packed.data();
        where.avail_in = s.packed.size();
        where.next_out = plain.data() + before;
        where.avail_out = most_at_once;
        boost::system::error_code ec;
        s.inflate.write(where, zlib::Flush::sync, ec);
        made = most_at_once - where.avail_out;
        plain.resize(before + made);
        s.packed.erase(0, s.packed.size() - where.avail_in);
        s.checksum.process_bytes(plain.data() + before, made);
        s.length += static_cast<std::uint32_t>(made);
        s.is_unpacked = ec == zlib::error::end_of_stream;
        if (ec && ec != zlib::error::need_buffers && !s.is_unpacked) return garbage("damaged data");
    }
    if (!s.is_unpacked) return made > 0;
    if (s.is_over) return s.packed.empty() ? result<bool>(made > 0) : garbage("bytes after the end");
    if (s.packed.size() < trailer) return made > 0;
    const bool is_right = little_endian(s.packed, 4) == s.checksum.checksum() &&
                          little_endian(std::string_view(s.packed).substr(4), 4) == s.length;
    s.packed.erase(0, trailer);
    s.is_over = true;
    if (!is_right) return garbage("wrong checksum");
    if (!s.packed.empty()) return garbage("bytes after the end");
    return made > 0;
}

}  // namespace steward::net
