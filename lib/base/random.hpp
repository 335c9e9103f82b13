#pragma once
#include <cstdint>
#include <random>

namespace steward {

/// The only source of chance: jitter, simulated faults. Seeded, so that a failing run can be repeated.
class random_source {
  public:
    explicit random_source(std::uint64_t seed) : engine_(seed) {}
    /// Uniform in [0, below); 0 when `below` is 0.
    [[nodiscard]] std::uint64_t below(std::uint64_t below) { return below == 0 ? 0 : engine_() % below; }
    [[nodiscard]] std::uint64_t next() { return engine_(); }

  private:
    std::mt19937_64 engine_;
};

}  // namespace steward
