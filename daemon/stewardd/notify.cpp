#include "notify.hpp"

#include <fmt/core.h>
#include <systemd/sd-daemon.h>

namespace steward::notify {

void ready(const std::string& status) { sd_notify(0, fmt::format("READY=1\nSTATUS={}", status).c_str()); }

void reloading(time_point now) {
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count();
    sd_notify(0, fmt::format("RELOADING=1\nMONOTONIC_USEC={}", us).c_str());
}

void status(const std::string& text) { sd_notify(0, fmt::format("STATUS={}", text).c_str()); }
void stopping() { sd_notify(0, "STOPPING=1"); }
void alive() { sd_notify(0, "WATCHDOG=1"); }

std::optional<duration> watchdog_pause() {
    std::uint64_t microseconds = 0;
    if (sd_watchdog_enabled(0, &microseconds) <= 0) return std::nullopt;
    return std::chrono::microseconds(microseconds / 2);
}

}  // namespace steward::notify
