#pragma once
#include "base/time.hpp"

#include <optional>
#include <string>

/// systemd's notify protocol (sd_notify(3)); silent when systemd did not start us.
namespace steward::notify {

void ready(const std::string& status);
/// With the monotonic stamp that Type=notify-reload wants.
void reloading(time_point now);
void status(const std::string& text);
void stopping();
void alive();
/// Half of systemd's watchdog limit; nothing when the watchdog is off.
[[nodiscard]] std::optional<duration> watchdog_pause();

}  // namespace steward::notify
