#pragma once
#include "arguments.hpp"

/// The commands that are a question or an order to stewardd.
namespace steward::cli {

inline constexpr const char* default_socket = "/run/steward/control.sock";

[[nodiscard]] int run_status(const arguments& given);
/// arm, observe
[[nodiscard]] int run_mode_command(const arguments& given);
/// why, plan, failover, failback, retry, approve, abort, disable
[[nodiscard]] int run_guest_command(const arguments& given);
/// pause, maintenance, resume; pause without an object: what is paused.
[[nodiscard]] int run_pause_command(const arguments& given);
[[nodiscard]] int run_fence_confirm(const arguments& given);
/// parked list|restore|remove
[[nodiscard]] int run_parked_command(const arguments& given);

}  // namespace steward::cli
