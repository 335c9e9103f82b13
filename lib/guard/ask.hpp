#pragma once
#include "base/guard_frames.hpp"
#include "base/result.hpp"

#include <filesystem>

namespace steward::guard {

/// One question to the guard that listens there, for programs without an event loop; waits up to ten seconds.
/// `unavailable` when none answers.
[[nodiscard]] result<reply> ask(const std::filesystem::path& socket, const request& what);

}  // namespace steward::guard
