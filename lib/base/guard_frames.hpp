#pragma once
#include "base/ids.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

/// The wire between `stewardd` and `steward-guard`: one Unix stream socket, frames with a 4-byte little-endian length
/// (1…4096) before a body of `key=value` lines. One request, one reply, in order. The guard parses nothing else.
namespace steward::guard {

inline constexpr std::size_t max_frame = 4096;

enum class verb : std::uint8_t {
    park,      ///< lock the configuration, then rename it to priv/steward/parked (the commit point)
    unpark,    ///< bring a parked configuration back to its node, byte for byte
    relocate,  ///< rename a configuration from one node to another (all disks shared)
    check,     ///< change nothing: tells that the guard serves us and sees the cluster file system
};

class request {
  public:
    verb what = verb::park;
    guest_id guest;    ///< not for check, and nor is anything below
    node_name source;  ///< node whose directory holds (held) the configuration
    node_name target;  ///< relocate only
    std::uint32_t generation = 0;
    std::string digest;  ///< SHA-1 expected of the configuration (park, relocate)
    /// Its node is proven to run nothing: whatever locked it died with that node (reliability P14).
    bool is_source_gone = false;
};

class reply {
  public:
    bool ok = false;
    errc code = errc::io;  ///< when not ok
    std::string detail;    ///< when not ok, for people
    std::string path;      ///< park: where the configuration is now, below the pmxcfs root
};

[[nodiscard]] std::string encode(const request& r);
[[nodiscard]] std::string encode(const reply& r);
[[nodiscard]] result<request> decode_request(std::string_view body);
[[nodiscard]] result<reply> decode_reply(std::string_view body);

/// Length prefix for a body, and the length it announces; 0 when it is out of bounds.
[[nodiscard]] std::array<char, 4> frame_header(std::size_t body_size);
[[nodiscard]] std::size_t frame_size(const std::array<char, 4>& header);

/// "priv/steward/parked/101.n2.g7.conf", below the pmxcfs root (design §3).
[[nodiscard]] std::string parked_path(vmid id, const node_name& source, std::uint32_t generation);

}  // namespace steward::guard
