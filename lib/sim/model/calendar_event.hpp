#pragma once
#include "base/result.hpp"
#include "base/time.hpp"

#include <bitset>
#include <optional>
#include <string_view>

namespace steward::sim {

/// When a job runs: "mon..fri 02:30", "*/15", "*-*-01 22:00", "daily" (PVE's calendar events, to the minute).
class calendar_event {
  public:
    static result<calendar_event> parse(std::string_view text);
    /// The first minute after `local` that it names; nothing within ten years.
    [[nodiscard]] std::optional<wall_time> next_after(wall_time local) const;

  private:
    std::bitset<7> weekdays_;  // Sunday first
    std::bitset<60> minutes_;
    std::bitset<24> hours_;
    std::bitset<32> days_;
    std::bitset<13> months_;
    std::bitset<200> years_;  // since 1900 + 70
};

}  // namespace steward::sim
