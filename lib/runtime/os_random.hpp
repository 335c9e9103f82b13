#pragma once
#include <cstdint>

namespace steward {

/// A seed from the operating system, for the one random_source of a daemon.
[[nodiscard]] std::uint64_t os_seed();

}  // namespace steward
