#pragma once
#include <cstdint>

/// What every simulated node is made of: the machine that pve-captures was recorded on, with more memory.
namespace steward::sim::machine {

constexpr std::uint64_t processors = 2;
constexpr std::uint64_t memory_bytes = 24ULL << 30U;
constexpr std::uint64_t own_memory_bytes = 3ULL << 30U;  ///< without any guest
constexpr std::uint64_t root_bytes = 270553174016;
constexpr std::uint64_t root_used_bytes = 23316590592;

}  // namespace steward::sim::machine
