#pragma once
#include "base/log.hpp"

namespace steward::log {

enum class format { text, json };

/// Journal with structured fields (STEWARD_EVENT, STEWARD_GUEST, …) when systemd started us (JOURNAL_STREAM is set),
/// else lines on standard error through spdlog, as text or JSON.
void use_standard_sink(level lowest, format terminal_format);

}  // namespace steward::log
