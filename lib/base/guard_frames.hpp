#pragma once
#include "base/ids.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

/// The wire between `stewardd` and `steward-guard`: one Unix stream socket, frames with a 4-byte little-endian length
/// before a body of `key=value` lines; the value of `text` is last and goes to the end of the body. Requests have at
/// most 32 KiB, replies 64 KiB. One request, one reply, in order. The guard parses nothing else.
namespace steward::guard {

inline constexpr std::size_t max_request = 32768;
inline constexpr std::size_t max_reply = 65536;
/// Records, leases and claims: longer texts are refused (pve-facts E.1, reliability P10).
inline constexpr std::size_t max_record = 4096;

enum class verb : std::uint8_t {
    park,      ///< lock the configuration, then rename it to priv/steward/parked (the commit point)
    unpark,    ///< bring a parked configuration back to its node, byte for byte
    relocate,  ///< rename a configuration from one node to another (all disks shared)
    check,     ///< change nothing: tells that the guard serves us and sees the cluster file system
    say,   ///< `text`: what the daemon adds to the lease of its node (daemon_words); the reply's: the guard's own state
    list,  ///< names in the directory `name`, one per line, in the reply's text
    read,  ///< `name` ("nodes/n1"): the reply's text, or `yes` is false
    save,  ///< `name` ("records/guest.101") := `text`
    claim,    ///< makes `name` ("claims/fo.101.7", "epoch/12"): `yes` for whoever comes first
    lock,     ///< the leader's lock: `name` is look, take, ask, renew or release
    config,   ///< the configuration of `guest` below `source`, as it is
    leave,    ///< the system goes down: `name` is shutdown, reboot, or none when it does not after all
    discard,  ///< removes one parked configuration for ever, with its kept original
    unlock,   ///< takes the lock `create` off what a killed restore of this hand-over left on `target`
};
[[nodiscard]] const char* name_of(verb v) noexcept;
/// Whether it may change something in pmxcfs: then a lost answer leaves the outcome open.
[[nodiscard]] bool is_change(verb v) noexcept;

class request {
  public:
    verb what = verb::park;
    guest_id guest;    ///< park, unpark, relocate, config, discard, unlock
    node_name source;  ///< node whose directory holds (held) the configuration
    node_name target;  ///< relocate, unlock
    std::uint32_t generation = 0;
    std::string digest;  ///< SHA-1 expected of the configuration (park, relocate, unlock)
    /// Its node is proven to run nothing: whatever locked it died with that node (reliability P14).
    bool is_source_gone = false;
    /// In which the leader asks; 0: a single instance (reliability I11).
    std::uint64_t epoch = 0;
    std::string name;
    std::string text;
};

class reply {
  public:
    bool ok = false;
    errc code = errc::io;  ///< when not ok
    std::string detail;    ///< when not ok, for people
    std::string path;      ///< park: where the configuration is now, below the pmxcfs root
    bool yes = false;      ///< read, config: it is there; claim: it is ours; lock: somebody holds it
    std::string text;
};

[[nodiscard]] reply refusal(errc code, std::string why);

[[nodiscard]] std::string encode(const request& r);
[[nodiscard]] std::string encode(const reply& r);
[[nodiscard]] result<request> decode_request(std::string_view body);
[[nodiscard]] result<reply> decode_reply(std::string_view body);

/// Length prefix for a body, and the length it announces; 0 when it is none or above `most`.
[[nodiscard]] std::array<char, 4> frame_header(std::size_t body_size);
[[nodiscard]] std::size_t frame_size(const std::array<char, 4>& header, std::size_t most);

/// "priv/steward/parked/101.n2.g7.conf", below the pmxcfs root (design §3).
[[nodiscard]] std::string parked_path(vmid id, const node_name& source, std::uint32_t generation);

}  // namespace steward::guard
