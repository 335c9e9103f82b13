#include "config/load.hpp"
#include "config/sim_scenario.hpp"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto read = steward::config::parse({reinterpret_cast<const char*>(data), size}, "fuzz.yaml");
    for (const auto& p : read.problems)
        if (to_string(p).empty()) __builtin_trap();
    for (const auto& p :
         steward::config::read_sim_scenario({reinterpret_cast<const char*>(data), size}, "fuzz.yaml").problems)
        if (to_string(p).empty()) __builtin_trap();
    return 0;
}
