#include "base/guard_frames.hpp"

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
    return 0;
}
