#pragma once
#include "base/time.hpp"

#include <optional>
#include <string>
#include <string_view>

/// What Steward knows of an archive beyond PVE's list. It stands in the archive's own notes, as in
/// "nightly [steward: healthy, verified 2026-11-28T06:00:00Z in 42s]": it goes where the archive goes, and whoever can
/// list the archive can read it, with or without a daemon.
namespace steward::model {

/// How the guest was when its archive was taken.
enum class guest_health { unknown, healthy, unhealthy };
[[nodiscard]] const char* name_of(guest_health h) noexcept;

class archive_stamp {
  public:
    guest_health health = guest_health::unknown;
    std::optional<wall_time> verified;  ///< when it was last restored on trial and came up
    duration restore_took{};            ///< then; zero when it never was

    [[nodiscard]] bool is_blank() const { return health == guest_health::unknown && !verified; }
    bool operator==(const archive_stamp&) const = default;
};

/// Out of the first line of an archive's notes. What cannot be read says nothing.
[[nodiscard]] archive_stamp read_stamp(std::string_view notes);
/// The same notes with that stamp instead of the one they had, at the end of the first line: PVE's lists show no other.
[[nodiscard]] std::string with_stamp(std::string_view notes, const archive_stamp& stamp);

}  // namespace steward::model
