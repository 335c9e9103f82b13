#include "base/daemon_words.hpp"
#include "base/guard_frames.hpp"
#include "core/fencing/corosync_config.hpp"
#include "core/fencing/self_fence.hpp"
#include "core/lease/node_lease.hpp"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace steward::guard;
    const std::string_view body(reinterpret_cast<const char*>(data), size);
    const auto request = decode_request(body);
    // What was understood must be what is sent on.
    if (request && !decode_request(encode(*request))) __builtin_trap();
    const auto reply = decode_reply(body);
    if (reply && !decode_reply(encode(*reply))) __builtin_trap();
    // The other texts that a guard reads: a daemon's words, leases of other nodes, corosync.conf.
    const auto words = steward::parse_daemon_words(body);
    if (words && words->managed != steward::parse_daemon_words(to_text(*words))->managed) __builtin_trap();
    const auto lease = steward::lease::parse_node_lease(body);
    if (lease && (to_text(*lease).size() > max_record || !steward::lease::parse_node_lease(to_text(*lease))))
        __builtin_trap();
    (void)steward::fencing::promise_refusal(steward::fencing::parse_corosync(body));
    return 0;
}
