#pragma once
#include "base/time.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace steward::bench {

/// Counts durations in steps of 0.1 ms up to 1 s (later ones count as 1 s): of a fixed size, because memory is what is
/// being measured.
class lateness {
  public:
    void add(duration late);
    [[nodiscard]] std::uint64_t count() const { return count_; }
    [[nodiscard]] std::uint64_t later_than(duration limit) const;
    /// The upper edge of the step that `share` (0…1) of all values do not pass, in ms; 0 without values.
    [[nodiscard]] double quantile(double share) const;
    [[nodiscard]] double max() const { return std::chrono::duration<double, std::milli>(max_).count(); }

  private:
    static constexpr duration step = std::chrono::microseconds(100);
    std::array<std::uint32_t, 10'001> steps_{};
    std::uint64_t count_ = 0;
    duration max_{};
};

/// What this process has used so far.
class usage {
  public:
    [[nodiscard]] static usage now();
    double user_seconds = 0;
    double system_seconds = 0;
    double resident_mib = 0;       ///< now
    double peak_resident_mib = 0;  ///< since the process started
};

/// Named figures in order, printed for people or as one JSON object.
class report {
  public:
    void add(std::string key, double value, std::string unit, std::string note = {});
    [[nodiscard]] std::string table() const;
    [[nodiscard]] std::string json() const;

  private:
    struct row {
        std::string key;
        double value = 0;
        std::string unit;
        std::string note;
    };
    std::vector<row> rows_;
};

}  // namespace steward::bench
