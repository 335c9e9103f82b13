#include "config/load.hpp"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto read = steward::config::parse({reinterpret_cast<const char*>(data), size}, "fuzz.yaml");
    for (const auto& p : read.problems)
        if (to_string(p).empty()) __builtin_trap();
    return 0;
}
