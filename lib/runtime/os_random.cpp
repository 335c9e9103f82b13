#include "runtime/os_random.hpp"

#include <random>

namespace steward {

std::uint64_t os_seed() {
    std::random_device entropy;
    return (static_cast<std::uint64_t>(entropy()) << 32U) | entropy();
}

}  // namespace steward
